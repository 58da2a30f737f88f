"""Programs and the wire for the interop matrix: processes with a deadline, and a relay that keeps what crossed it."""

import queue
import selectors
import signal
import socket
import struct
import subprocess
import threading
import time

LOOPBACK = "127.0.0.1"


class Program:
    """One program: its lines as they come, its end by a deadline. Only this very process is ever killed."""

    def __init__(self, argv, stdin=subprocess.DEVNULL, text=None):
        """stdin: a descriptor or a socket; text: what to give it instead, in bytes."""
        self.process = subprocess.Popen(argv, stdin=subprocess.PIPE if text is not None else stdin,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.out, self.err = [], []
        self.fresh = queue.Queue()
        self.threads = [threading.Thread(target=self._read, args=(self.process.stdout, self.out, True), daemon=True),
                        threading.Thread(target=self._read, args=(self.process.stderr, self.err, False), daemon=True)]
        if text is not None:
            self.threads.append(threading.Thread(target=self._write, args=(text,), daemon=True))
        for thread in self.threads:
            thread.start()

    def _read(self, stream, lines, tell):
        for line in stream:
            lines.append(line.decode("utf-8", "replace").rstrip("\r\n"))
            if tell:
                self.fresh.put(lines[-1])
        if tell:
            self.fresh.put(None)

    def _write(self, text):
        try:
            self.process.stdin.write(text)
            self.process.stdin.close()
        except OSError:
            pass  # it ended without reading all of it, which its exit code tells

    def line(self, prefix, deadline):
        """The rest of the first line that starts so, or None if none comes in time."""
        while True:
            try:
                line = self.fresh.get(timeout=max(0.01, deadline - time.monotonic()))
            except queue.Empty:
                return None
            if line is None:
                return None
            if line.startswith(prefix):
                return line[len(prefix):]

    def end(self, deadline):
        """Its exit code; None when it had to be killed."""
        code = None
        try:
            code = self.process.wait(timeout=max(0.01, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        for thread in self.threads:
            thread.join(timeout=5)
        return code

    def story(self, who):
        code = self.process.returncode
        ended = "killed at its deadline" if code == -signal.SIGKILL else f"exit code {code}"
        return [f"{who}: {ended}"] + [f"{who}> {line[:400]}" for line in self.out[-20:] + self.err[-10:]]


class Relay:
    """Stands between the two ends, passes every byte on at once, and keeps them for the one who asks afterwards."""

    def __init__(self, port):
        """port: where the acceptor listens; None: the acceptor takes an accepted socket, which acceptor_socket() gives."""
        self.listener = socket.create_server((LOOPBACK, 0))
        self.port = self.listener.getsockname()[1]
        self.address = f"{LOOPBACK}:{self.port}"
        self.sent = {"initiator": bytearray(), "acceptor": bytearray()}
        self.stop = threading.Event()
        self.upstream, self.given = None, None
        if port is None:
            with socket.create_server((LOOPBACK, 0)) as pair:
                self.upstream = socket.create_connection(pair.getsockname(), timeout=10)
                self.given, _ = pair.accept()
        else:
            self.upstream = socket.create_connection((LOOPBACK, int(port)), timeout=10)
        self.upstream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def acceptor_socket(self):
        return self.given

    def let_go(self):
        """The acceptor has its socket now: without this its end would not be seen."""
        self.given.close()
        self.given = None

    def _run(self):
        downstream = None
        try:
            self.listener.settimeout(0.1)
            while downstream is None and not self.stop.is_set():
                try:
                    downstream, _ = self.listener.accept()
                except TimeoutError:
                    pass
            if downstream is not None:
                downstream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._pump(downstream)
        except OSError:
            pass  # a peer that hung up: both ends tell it in their own words
        finally:
            for one in (downstream, self.upstream, self.listener):
                if one is not None:
                    one.close()

    def _pump(self, downstream):
        ways = {downstream: ("initiator", self.upstream), self.upstream: ("acceptor", downstream)}
        with selectors.DefaultSelector() as selector:
            for end in ways:
                end.setblocking(True)
                selector.register(end, selectors.EVENT_READ)
            while ways and not self.stop.is_set():
                for key, _ in selector.select(timeout=0.1):
                    who, other = ways[key.fileobj]
                    piece = key.fileobj.recv(65536)
                    if piece:
                        self.sent[who] += piece
                        other.sendall(piece)
                    else:
                        selector.unregister(key.fileobj)
                        del ways[key.fileobj]
                        other.shutdown(socket.SHUT_WR)

    def close(self):
        self.stop.set()
        self.thread.join(timeout=5)
        if self.given is not None:
            self.given.close()


def frames(octets, framing):
    """The frames' contents, as far as they are whole."""
    found, at, head = [], 0, {"be32": ">I", "le32": "<I", "gss-sample": ">xI"}[framing]
    while at + struct.calcsize(head) <= len(octets):
        (length,) = struct.unpack_from(head, octets, at)
        at += struct.calcsize(head)
        if at + length > len(octets):
            break
        found.append(bytes(octets[at:at + length]))
        at += length
    return found


def form(octets, framing):
    """In which form the first token came: by the mechanism that its header names, RFC 2743 section 3.1."""
    for token in frames(octets, framing):
        if not token:
            continue  # gss-sample opens with an empty frame
        if token[:1] != b"\x60" or len(token) < 4:
            return "neither"
        name = token[2 + (token[1] & 0x7F if token[1] & 0x80 else 0):]
        if name.startswith(b"\x06\x06\x2b\x06\x01\x05\x05\x02"):
            return "SPNEGO"
        return "Kerberos" if name.startswith(b"\x06\x09\x2a\x86\x48\x86\xf7\x12\x01\x02\x02") else "neither"
    return "none"
