"""The troth command over SSPI (under Wine, or over WinPR) with bad peers, bad names, bad tickets and a missing provider. The
same cases are shown for GSSAPI in tests/tool and tests/errors. Each is a clean failure, told on stderr with a status,
the right exit code, and never a line on stdout that says that somebody was authenticated.

usage: bad_input.py [--runner WINE | --winpr] TROTH RAW-GSS
"""

import argparse
import contextlib
import os
import pathlib
import socket
import struct
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from matrix_run import Program
from tap import Report

PATIENCE = 60  # seconds; for the start of Wine as well
FRAME_LIMIT = 65536
REALM = os.environ
TARGET = f"{REALM['TROTH_REALM_SERVICE']}@{REALM['TROTH_REALM_HOST']}"


def deadline():
    return time.monotonic() + PATIENCE


@contextlib.contextmanager
def variables(**changed):
    before = {name: os.environ.get(name) for name in changed}
    os.environ.update(changed)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


class Bench:
    def __init__(self, options, report):
        self.troth = ([options.runner] if options.runner else []) + [options.troth]
        self.wine = bool(options.runner)
        self.winpr = options.winpr
        self.raw = options.raw_gss
        self.report = report

    def listen(self, argv):
        program = Program(argv)
        where = program.line("listening: ", deadline())
        if where is None:
            program.end(0)
            raise RuntimeError("it does not listen: " + " ".join(program.out + program.err))
        return program, where

    def connect(self, address, *options, target=TARGET, messages=("one", "two", "three")):
        argv = self.troth + ["connect", address, "--target", target, *options]
        for message in messages:
            argv += ["--message", message]
        client = Program(argv)
        return client.end(deadline()), client

    def failed_cleanly(self, name, code, program, statuses, code_wanted=1, authenticated=False):
        """statuses: those that are right; one must stand on stderr. authenticated: the failure is in a message."""
        problems = []
        said = "\n".join(program.err)
        if code != code_wanted:
            problems.append(f"exit code {code}, and had to be {code_wanted}")
        if statuses and not any(f"[TROTH_E_{status}]" in said for status in statuses):
            problems.append(f"none of {', '.join(statuses)} was told")
        if not authenticated and any(line.startswith(("peer: ", "properties: ", "echo: ")) for line in program.out):
            problems.append("it said that somebody was authenticated")
        if "echo: three" in program.out:
            problems.append("it went on after the bad message")
        if problems:
            problems += [f"out> {line}" for line in program.out[-10:]] + [f"err> {line}" for line in program.err[-10:]]
        self.report.check(name, problems)


def honest_is_served(bench, address, server):
    client = Program([bench.raw, "init", "--connect", address, "--target", TARGET, "--messages", "3"])
    code = client.end(deadline())
    return [] if code == 0 else [f"an honest peer was not served: exit code {code}"] + client.out + server.err[-5:]


def bad_connections():
    """What a stranger sends, and what it is called. All at one server, which must serve an honest peer after each."""
    def frame(token):
        return struct.pack(">I", len(token)) + token

    kerberos = b"\x60\x82\xff\xf0\x06\x09\x2a\x86\x48\x86\xf7\x12\x01\x02\x02\x01\x00"
    spnego = b"\x60\x82\xff\xf0\x06\x06\x2b\x06\x01\x05\x05\x02\xa0\x82\xff\xe0\x30\x82\xff\xdc"
    return [
        ("closes at once", b"", "CLOSED"),
        ("closes amid a length", b"\0\0", "CLOSED"),
        ("closes amid a token", b"\0\0\0\x10partial", "CLOSED"),
        ("sends a length that no frame has", b"\xff\xff\xff\xffwhatever", "FRAME"),
        ("sends a frame one byte over the limit", struct.pack(">I", FRAME_LIMIT + 1), "FRAME"),
        ("speaks HTTP", b"GET / HTTP/1.0\r\n\r\n", "FRAME"),
        ("sends an empty token", frame(b""), "BAD_TOKEN"),
        ("sends garbage", frame(b"garbage!"), "BAD_TOKEN"),
        ("sends 64 KiB of garbage", frame(b"\xa5" * FRAME_LIMIT), "BAD_TOKEN"),
        ("sends 64 KiB that begin like Kerberos", frame(kerberos.ljust(FRAME_LIMIT, b"\x6e")), None),
        ("sends 64 KiB that begin like SPNEGO", frame(spnego.ljust(FRAME_LIMIT, b"\xa0")), None),
        ("sends NTLM", frame(b"NTLMSSP\0\1\0\0\0\0\0\0\0"), "MECHANISM"),
    ]


def serve_strangers(bench):
    server, address = bench.listen(bench.troth + ["serve", "--listen", "127.0.0.1:0", "--timeout", "20"])
    host, _, port = address.rpartition(":")
    for name, octets, status in bad_connections():
        seen = len(server.err)
        with socket.create_connection((host, int(port)), timeout=PATIENCE) as stranger:
            with contextlib.suppress(OSError):  # it may hang up before it has all
                stranger.sendall(octets)
                stranger.shutdown(socket.SHUT_WR)
                while stranger.recv(4096):
                    pass
        problems = honest_is_served(bench, address, server)
        told = "\n".join(server.err[seen:])
        wanted = f"[TROTH_E_{status}]" if status else "[TROTH_E_"
        if wanted not in told:
            problems.append(f"{wanted} was not told, but: {told}")
        if "[TROTH_E_" in told and told.count("[TROTH_E_") != 1:
            problems.append(f"more than one failure was told: {told}")
        bench.report.check(f"serve: a stranger {name}", problems)
    server.end(0)


# (raw-gss' option, how it is told when the acceptor is at fault, and when the initiator is; None: not its fault there,
# since with its only token in Kerberos, or with its first in SPNEGO, an initiator has proved itself)
FAULTS = [
    (["--garbage", "random"], ("BAD_TOKEN",), ("BAD_TOKEN",)),
    (["--garbage", "flip"], (), ()),
    (["--garbage", "truncate"], (), ()),
    (["--garbage", "empty"], ("BAD_TOKEN",), ("BAD_TOKEN",)),
    (["--garbage", "oversize"], ("FRAME",), ("FRAME",)),
    (["--garbage", "half"], ("CLOSED",), ("CLOSED",)),
    (["--drop-after-leg", "0"], ("CLOSED", "IO"), ("CLOSED", "IO")),
    (["--drop-after-leg", "1"], ("CLOSED", "IO"), None),
    (["--stall-after-leg", "0"], ("TIMEOUT",), ("TIMEOUT",)),
    (["--stall-after-leg", "1"], ("TIMEOUT",), None),
]


def faulty_handshakes(bench, mechanism):
    common = ["--mechanism", mechanism, "--timeout", "1"]
    accepts, asks = {"kerberos": (["--krb5"], "--krb5"), "negotiate": ([], "--spnego")}[mechanism]
    for fault, of_acceptor, of_initiator in FAULTS:
        what = " ".join(fault).lstrip("-")
        server, address = bench.listen([bench.raw, "accept", "--listen", "127.0.0.1:0", *accepts, *fault])
        code, client = bench.connect(address, *common)
        bench.failed_cleanly(f"connect, {mechanism}: the acceptor has {what}", code, client, of_acceptor)
        server.end(0)
        if of_initiator is None:
            continue
        server, address = bench.listen(bench.troth + ["serve", "--listen", "127.0.0.1:0", "--once", *common])
        client = Program([bench.raw, "init", "--connect", address, "--target", TARGET, asks, "--messages", "3", *fault])
        bench.failed_cleanly(f"serve, {mechanism}: the initiator has {what}", server.end(deadline()), server, of_initiator)
        client.end(0)


def silence_after_the_handshake(bench):
    server, address = bench.listen(bench.troth + ["serve", "--listen", "127.0.0.1:0", "--once", "--idle", "1"])
    client = Program([bench.raw, "init", "--connect", address, "--target", TARGET, "--stall-after-leg", "2"])
    code = server.end(deadline())
    bench.failed_cleanly("serve: the initiator is silent after the handshake", code, server, ("TIMEOUT",), authenticated=True)
    client.end(0)


def faulty_messages(bench):
    # WinPR has one code for all that does not decrypt, and no unencrypted messages.
    changed = ("FAILURE",) if bench.winpr else ("ALTERED", "BAD_TOKEN")
    for fault, statuses in (("flip", changed), ("plain", ("BAD_TOKEN",) if bench.winpr else ("REQUIREMENT",)),
                            ("skip", ("TIMEOUT",)), ("replay", ("REPLAY", "OUT_OF_SEQUENCE", "BAD_TOKEN"))):
        server, address = bench.listen([bench.raw, "accept", "--listen", "127.0.0.1:0", "--message-fault", fault])
        code, client = bench.connect(address, "--timeout", "2")
        bench.failed_cleanly(f"connect: the second echo has {fault}", code, client, statuses, authenticated=True)
        server.end(0)


def bad_names(bench, address):
    host = REALM["TROTH_REALM_HOST"]
    for name, target, statuses, code_wanted in (
            ("that the realm does not know", f"nobody@{host}", (), 1),
            ("with a newline", f"troth@{host}\nX: y", ("NAME",), 1),
            ("with a control character", f"tr\x01oth@{host}", ("NAME",), 1),
            ("that is an address", "troth@127.0.0.1", ("NAME",), 1),
            ("of a kilobyte and more", "troth@" + "a" * 2000, ("NAME",), 1),
            ("with half a UTF-8 letter", os.fsdecode(b"troth@server\xc3" + host.encode()), (), 1),
            ("without a host", "troth@", (), 2)):
        code, client = bench.connect(address, target=target)
        bench.failed_cleanly(f"connect: a target {name}", code, client, statuses, code_wanted)


def bad_keys(bench):
    host = REALM["TROTH_REALM_HOST"]
    for service in ("absent", "stale", "wrong"):
        server, address = bench.listen(bench.troth + ["serve", "--listen", "127.0.0.1:0", "--once"])
        code, client = bench.connect(address, target=f"{service}@{host}")
        bench.failed_cleanly(f"connect: the acceptor's key is {service}", code, client, ())
        bench.failed_cleanly(f"serve: the key is {service}", server.end(deadline()), server, ())


def bad_credentials(bench, address):
    directory = REALM["TROTH_REALM_DIR"]
    with variables(KRB5CCNAME=f"FILE:{directory}/no-such-ccache"):
        code, client = bench.connect(address)
        bench.failed_cleanly("connect: there is no ticket", code, client, ())
    time_out = deadline()
    with open(REALM["TROTH_REALM_EXPIRED_CCACHE"].removeprefix("FILE:"), "rb"):
        pass  # it is there: the failure below is another one
    with variables(KRB5CCNAME=REALM["TROTH_REALM_EXPIRED_CCACHE"]):
        code, client = bench.connect(address)
        while code == 0 and time.monotonic() < time_out:  # the ticket ends a second after the realm began
            code, client = bench.connect(address)
        bench.failed_cleanly("connect: the ticket has ended", code, client, ())

    wrong = os.path.join(directory, "wrong.password")
    with open(wrong, "w", encoding="utf-8") as file:
        file.write("not the password\n")
    for name, who, password, good in (("a wrong password", REALM["TROTH_REALM_PASSWORD_USER"], wrong, False),
                                      ("a user that the realm does not know", f"nobody@{REALM['TROTH_REALM']}", wrong, False),
                                      ("the right password", REALM["TROTH_REALM_PASSWORD_USER"],
                                       REALM["TROTH_REALM_PASSWORD_FILE"], True)):
        # Wine puts the tickets of a password into the default ccache.
        with variables(KRB5CCNAME=f"FILE:{directory}/of-a-password"):
            code, client = bench.connect(address, "--principal", who, "--password-file", password)
        if good:
            bench.report.check(f"connect: {name}", [] if code == 0 and "echo: three" in client.out else client.err)
        else:
            bench.failed_cleanly(f"connect: {name}", code, client, ())
    with variables(KRB5_KTNAME=f"FILE:{directory}/no-such-keytab"):
        try:
            server, keyless = bench.listen(bench.troth + ["serve", "--listen", "127.0.0.1:0", "--once"])
        except RuntimeError as error:
            bench.report.check("serve: there is no keytab", [] if "[TROTH_E_" in str(error) else [str(error)])
        else:
            bench.connect(keyless)
            bench.failed_cleanly("serve: there is no keytab", server.end(deadline()), server, ())


def missing_provider(bench, address):
    if not bench.wine:
        return
    overrides = ";".join(filter(None, [os.environ.get("WINEDLLOVERRIDES", ""), "kerberos=d"]))
    with variables(WINEDLLOVERRIDES=overrides):
        for mechanism in ("kerberos", "negotiate"):
            code, client = bench.connect(address, "--mechanism", mechanism)
            bench.failed_cleanly(f"connect, {mechanism}: the provider is missing", code, client, ("MECHANISM",))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--runner")
    parser.add_argument("--winpr", action="store_true", help="its words for a changed message are not those of others")
    parser.add_argument("troth")
    parser.add_argument("raw_gss")
    report = Report()
    bench = Bench(parser.parse_args(), report)
    serve_strangers(bench)
    for mechanism in ("kerberos", "negotiate"):
        faulty_handshakes(bench, mechanism)
    silence_after_the_handshake(bench)
    faulty_messages(bench)
    bad_keys(bench)
    # One honest acceptor for all initiators that are at fault themselves.
    server, address = bench.listen([bench.raw, "accept", "--listen", "127.0.0.1:0", "--connections", "1000"])
    bad_names(bench, address)
    bad_credentials(bench, address)
    missing_provider(bench, address)
    server.end(0)
    report.end()


main()
