"""Windows' programs against real peers, through a real realm: troth.exe, a raw SSPI program and one in the manner of the
classic socket sample, under Wine, and this machine's own raw GSSAPI program, gss-client and gss-server. Each pair
authenticates and, where both ends have them, sends protected messages and checks the echoes.

usage: windows.py [--runner WINE] [--posix-troth PROGRAM] TROTH RAW-SSPI CLASSIC RAW-GSS
"""

import argparse
import os
import pathlib
import queue
import shutil
import subprocess
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from tap import Report

PATIENCE = 60  # seconds, for the start of Wine as well


def lines_of(stream, lines):
    for line in stream:
        lines.put(line.decode(errors="replace").rstrip())
    lines.put(None)


class Acceptor:
    """A program that prints "listening: ADDRESS" and serves one connection."""

    def __init__(self, command):
        self.said = []
        self.program = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.lines = queue.Queue()
        threading.Thread(target=lines_of, args=(self.program.stdout, self.lines), daemon=True).start()
        self.address = None
        while self.address is None:
            line = self.lines.get(timeout=PATIENCE)
            if line is None:
                raise RuntimeError("it ended before it listened:\n" + "\n".join(self.said))
            self.said.append(line)
            if line.startswith("listening: "):
                self.address = line.split()[1]

    def end(self):
        """Its exit status, after it has served its connection."""
        try:
            status = self.program.wait(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            self.program.kill()
            self.program.wait()
            status = "still running"
        while (line := self.lines.get(timeout=PATIENCE)) is not None:
            self.said.append(line)
        return status


def converse(acceptor_command, initiator_command, expected):
    """Problems, a list of lines: empty when both ends were content and the initiator said what was expected."""
    acceptor = Acceptor(acceptor_command)
    try:
        command = [acceptor.address if word is ADDRESS else acceptor.address.split(":")[1] if word is PORT else word
                   for word in initiator_command]
        initiator = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                   timeout=PATIENCE)
    finally:
        status = acceptor.end()
    said = initiator.stdout.decode(errors="replace")
    problems = []
    if initiator.returncode != 0 or status != 0:
        problems.append(f"initiator: exit {initiator.returncode}, acceptor: exit {status}")
    problems += [f"the initiator did not say: {words}" for words in expected if words not in said]
    if problems:
        problems += ["initiator| " + line.rstrip() for line in said.splitlines()]
        problems += ["acceptor| " + line for line in acceptor.said]
    return problems


def refused(command, expected):
    """Problems, a list of lines: empty when the program ended with 1 by itself and said on the way why."""
    program = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                             timeout=PATIENCE)
    said = program.stdout.decode(errors="replace")
    problems = [] if program.returncode == 1 else [f"exit {program.returncode}"]
    problems += [f"it did not say: {words}" for words in expected if words not in said]
    return problems + (["it| " + line for line in said.splitlines()] if problems else [])


ADDRESS = object()
PORT = object()


class Peers:
    def __init__(self, options):
        self.service, self.host = os.environ["TROTH_REALM_SERVICE"], os.environ["TROTH_REALM_HOST"]
        self.target = f"{self.service}@{self.host}"
        self.runner = [options.runner] if options.runner else []
        self.options = options

    def windows(self, program):
        return self.runner + [program]

    def troth(self, program):
        def acceptor(mechanism, framing):
            return program + ["serve", "--listen", "127.0.0.1:0", "--once", "--mechanism", mechanism, "--framing", framing]

        def initiator(mechanism, framing, messages=True):
            words = program + ["connect", ADDRESS, "--target", self.target, "--mechanism", mechanism, "--framing", framing]
            return words + (["--message", "one", "--message", "two"] if messages else [])

        verified = ["mechanism: kerberos", "properties: mutual integrity confidentiality replay sequence"]
        return acceptor, initiator, verified

    def raw(self, program):
        def acceptor(mechanism, framing):
            # A raw GSSAPI acceptor of SPNEGO alone would refuse the raw Kerberos token that Wine's Negotiate sends.
            return program + ["accept", "--listen", "127.0.0.1:0", "--framing", framing] + (
                ["--krb5"] if mechanism == "kerberos" else [])

        def initiator(mechanism, framing):
            return program + ["init", "--connect", ADDRESS, "--target", self.target, "--framing", framing, "--messages", "6",
                              "--krb5" if mechanism == "kerberos" else "--spnego"]

        return acceptor, initiator, ["authenticated", "end: 0"]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--runner")
    parser.add_argument("--posix-troth")
    for name in ("troth", "raw_sspi", "classic", "raw_gss"):
        parser.add_argument(name)
    options = parser.parse_args()
    peers = Peers(options)
    report = Report()

    ends = {
        "troth.exe": peers.troth(peers.windows(options.troth)),
        "raw SSPI": peers.raw(peers.windows(options.raw_sspi)),
        "raw GSSAPI": peers.raw([options.raw_gss]),
    }
    if options.posix_troth:
        ends["troth"] = peers.troth([options.posix_troth])

    def check(name, acceptor, initiator, expected):
        try:
            report.check(name, converse(acceptor, initiator, expected))
        except (RuntimeError, subprocess.TimeoutExpired, queue.Empty) as error:
            report.fail(name, str(error) or type(error).__name__)

    windows = ("troth.exe", "raw SSPI")
    for mechanism in ("kerberos", "negotiate"):
        for framing in ("be32", "le32", "gss-sample"):
            for one in ends:
                for other in ends:
                    if one not in windows and other not in windows:
                        continue
                    check(f"{one} to {other}: {mechanism}, {framing}", ends[other][0](mechanism, framing),
                          ends[one][1](mechanism, framing), ends[one][2])

    # Every size up to 300 bytes, and around each power of two up to 1 MiB: sealed by GSSAPI, opened and sealed again by
    # SSPI, opened by GSSAPI.
    sizes = ",".join(str(size) for size in [*range(301), *(2**k + near for k in range(9, 21) for near in (-1, 0, 1))])
    check("raw GSSAPI to troth.exe: messages of every size",
          ends["troth.exe"][0]("kerberos", "be32") + ["--frame-limit", "2000000"],
          [options.raw_gss, "init", "--connect", ADDRESS, "--target", peers.target, "--framing", "be32", "--krb5",
           "--sizes", sizes],
          ["authenticated", "end: 0"])

    classic = peers.windows(options.classic)
    for name in ("troth.exe", "troth"):
        if name not in ends:
            continue
        acceptor, initiator, verified = ends[name]
        check(f"classic sample to {name}", acceptor("negotiate", "le32"),
              classic + ["client", ADDRESS, f"{peers.service}/{peers.host}"], ["authenticated"])
        check(f"{name} to classic sample", classic + ["server", "127.0.0.1:0"],
              initiator("negotiate", "le32", messages=False), verified)

    # What of delegation SSPI cannot do is said before anything is sent, and before it listens.
    troth = peers.windows(options.troth)
    report.check("troth.exe delegates by policy alone", refused(
        troth + ["connect", "127.0.0.1:1", "--target", peers.target, "--delegate", "always"],
        ["SSPI delegates by the KDC's policy alone", "[TROTH_E_UNSUPPORTED]"]))
    report.check("troth.exe stores nobody's tickets", refused(
        troth + ["serve", "--once", "--delegated-ccache", "FILE:C:/nonexistent/cc"],
        ["--delegated-ccache: ", "[TROTH_E_UNSUPPORTED]"]))

    gss_client = shutil.which("gss-client")
    for options_of_client in ([], ["-seq"], ["-mech", "1.3.6.1.5.5.2"]):
        name = " ".join(["gss-client", *options_of_client]) + " to troth.exe"
        if gss_client is None:
            report.skip(name, "gss-client is not installed")
            continue
        # gss-client asks for no sequence detection by default, and its exit status is that of the conversation.
        acceptor = ends["troth.exe"][0]("negotiate", "gss-sample")
        check(name, acceptor, [gss_client, "-port", PORT, *options_of_client, "127.0.0.1", peers.target, "a message"],
              ["Signature verified."])
    report.end()


main()
