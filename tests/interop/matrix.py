"""The interop matrix: each of seven programs as initiator against each as acceptor, for Kerberos and for Negotiate, in a
real realm. A cell is good when both ends say that they authenticated whom they should, with the properties that were
asked for, every message came back right, no plaintext was on the wire, and the first token had the form it should have.

usage: troth-realm -- matrix.py --troth PROGRAM --troth-exe PROGRAM --raw-gss PROGRAM --raw-sspi PROGRAM --classic PROGRAM
                      [--troth-winpr PROGRAM] [--wine WINE] [--document FILE [--write]] [--log FILE] [--only TEXT]

Prints the Test Anything Protocol and, as comments, the table. With --document the table must stand in FILE between its two
markers, or is written there. --log writes what Meson's testlog.json would say of this run, for tools/count.py.
"""

import argparse
import concurrent.futures
import json
import pathlib
import shutil
import sys
import time

sys.dont_write_bytecode = True
from matrix_peers import Classic, Peer, Raw, Realm, Samples, Troth
from matrix_run import Program, Relay, form

MARKERS = ("<!-- The matrix: written by tools/matrix.sh -->", "<!-- The end of the matrix -->")
PATIENCE = 60  # seconds for one cell; Wine may have to start
SHORT = 6  # seconds for two ends that do not understand each other: some of them wait

FRAMINGS_DIFFER = "gss-client and gss-server speak their own framing alone, the classic sample its 32-bit little-endian one: " \
                  "both are run, and neither authenticates."
SUPPLIED = "WinPR tells its initiator no attributes: the adapter of the tests supplies them from what was asked for, so the " \
           "initiator's own properties prove nothing here. The acceptor's do."
NO_CHOICE = "The classic sample asks for Negotiate and cannot be told otherwise: there is nothing to run."


class Pairing:
    def __init__(self, initiator, acceptor, mechanism, realm):
        self.initiator, self.acceptor, self.mechanism, self.realm = initiator, acceptor, mechanism, realm
        self.messages = initiator.messages and acceptor.messages
        common = [framing for framing in Peer.framings if framing in initiator.framings and framing in acceptor.framings]
        self.framing = common[0] if common else None
        self.name = f"{mechanism}: {initiator.title} to {acceptor.title}"
        self.slug = f"{mechanism}-{initiator.key}-{acceptor.key}"
        self.impossible = None  # why there is nothing to run
        self.refused = None  # why it must not authenticate
        if mechanism not in initiator.mechanisms or mechanism not in acceptor.mechanisms:
            self.impossible = NO_CHOICE
        elif self.framing is None:
            self.refused = FRAMINGS_DIFFER
        self.missing = next((peer.absent for peer in (initiator, acceptor) if peer.program is None), None)
        self.problems = []

    def cell(self):
        if self.impossible or self.refused:
            return "none", self.impossible or self.refused
        if self.missing:
            return "not run", self.missing
        if self.problems:
            return "FAILED", None
        word = ("signed" if self.framing == "gss-sample" else "echoed") if self.messages else "authenticated"
        return word, SUPPLIED if self.initiator.key == "troth-winpr" else None

    def run(self):
        deadline = time.monotonic() + (SHORT if self.refused else PATIENCE)
        acceptor = initiator = relay = None
        try:
            if self.acceptor.listens:
                acceptor = Program(self.acceptor.accept(self, self.realm))
                where = acceptor.line("listening: ", time.monotonic() + PATIENCE)
                if where is None:
                    raise RuntimeError("the acceptor does not listen")
                relay = Relay(where.rpartition(":")[2])
            else:
                relay = Relay(None)
                acceptor = Program(self.acceptor.accept(self, self.realm), stdin=relay.acceptor_socket())
                relay.let_go()
            initiator = Program(self.initiator.initiate(self, self.realm, relay.address), text=self.initiator.text(self))
            codes = initiator.end(deadline), acceptor.end(deadline)
            relay.close()
            if self.refused:
                self.problems = self.judge_refusal(codes, initiator, acceptor)
            else:
                self.problems = self.judge(codes, initiator, acceptor, relay)
        except (OSError, RuntimeError) as error:
            self.problems = [str(error) or type(error).__name__]
        finally:
            for program in (initiator, acceptor):
                if program is not None:
                    program.end(0)
            if relay is not None:
                relay.close()
        if self.problems:
            for who, program in (("initiator", initiator), ("acceptor", acceptor)):
                self.problems += program.story(who) if program is not None else [f"{who}: was not started"]
        return self

    def judge_refusal(self, codes, initiator, acceptor):
        told = [self.initiator.facts(initiator, "initiator", self), self.acceptor.facts(acceptor, "acceptor", self)]
        works = codes[0] == 0 or any(facts.get("mechanism") == "kerberos" or facts.get("authenticated") for facts in told)
        return ["this was expected to fail, and works: tell it in the table"] if works else []

    def judge(self, codes, initiator, acceptor, relay):
        problems = [f"{role}: exit code {code}" for role, code in zip(("initiator", "acceptor"), codes) if code != 0]
        for role, peer, program in (("initiator", self.initiator, initiator), ("acceptor", self.acceptor, acceptor)):
            wanted = {"peer": peer.expected_peer(self.realm, role), "mechanism": "kerberos", "properties": self.initiator.asks,
                      "answers": True, "authenticated": True, "no warning": True}
            for fact, value in peer.facts(program, role, self).items():
                if value != wanted[fact]:
                    problems.append(f"{role}: {fact} is {value!r}, and had to be {wanted[fact]!r}")
        seen = form(relay.sent["initiator"], self.framing)
        expected = "SPNEGO" if self.mechanism == "negotiate" and self.initiator.sends_spnego else "Kerberos"
        if seen != expected:
            problems.append(f"the first token is {seen}, and had to be {expected}")
        for plain in self.initiator.plain(self):
            for role, octets in relay.sent.items():
                if len(plain) > 8 and plain[:64] in octets:
                    problems.append(f"the plaintext of a message was on the wire, from the {role}")
        return problems


def table(peers, pairings):
    """The document's part in Markdown: both mechanisms and the reasons."""
    reasons, lines = [], []
    for mechanism, title in (("kerberos", "Kerberos"), ("negotiate", "Negotiate")):
        lines += ["", f"**{title}.** A row is an initiator, a column is an acceptor.", "",
                  "| | " + " | ".join(peer.title for peer in peers) + " |", "|---" * (len(peers) + 1) + "|"]
        for initiator in peers:
            cells = []
            for acceptor in peers:
                word, reason = pairings[mechanism, initiator.key, acceptor.key].cell()
                if reason is not None and reason not in reasons:
                    reasons.append(reason)
                cells.append(word if reason is None else f"{word} ({reasons.index(reason) + 1})")
            lines.append(f"| **{initiator.title}** | " + " | ".join(cells) + " |")
    spnego = ", ".join(peer.title for peer in peers if peer.sends_spnego and peer.program is not None)
    bare = ", ".join(peer.title for peer in peers if not peer.sends_spnego and peer.program is not None)
    lines += ["", f"Under Negotiate the first token is SPNEGO's from: {spnego}. It is a bare Kerberos token from: {bare}.", ""]
    lines += [f"{number}. {reason}" for number, reason in enumerate(reasons, 1)]
    return "\n".join(lines).strip() + "\n"


def document(path, text, write):
    """Problems: empty when the document holds the table, or now does."""
    whole = path.read_text(encoding="utf-8")
    start, end = (whole.find(marker) for marker in MARKERS)
    if start < 0 or end < start:
        return [f"{path.name} does not have the two markers: {' '.join(MARKERS)}"]
    wanted = whole[:start] + MARKERS[0] + "\n" + text + whole[end:]
    if write:
        path.write_text(wanted, encoding="utf-8")
    elif whole != wanted:
        return [f"{path.name} tells another table than this run: tools/matrix.sh writes it anew"]
    return []


class Tap:
    def __init__(self):
        self.lines, self.count, self.failed = [], 0, 0

    def say(self, line):
        self.lines.append(line)
        print(line, flush=True)

    def case(self, name, problems, skip=None):
        self.count += 1
        self.failed += bool(problems)
        self.say(f"{'not ' if problems else ''}ok {self.count} - {name}" + (f" # SKIP {skip}" if skip else ""))
        for line in problems:
            self.say(f"# {line}")


def arguments():
    parser = argparse.ArgumentParser(description="The interop matrix; tools/matrix.sh runs it with all that it needs.")
    for name in ("troth", "troth-exe", "raw-gss", "raw-sspi", "classic"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--troth-winpr")
    parser.add_argument("--wine", default="wine")
    parser.add_argument("--document", type=pathlib.Path)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--log", type=pathlib.Path)
    parser.add_argument("--only", help="the cells whose name holds this; the document is left alone")
    return parser.parse_args()


def make_peers(options):
    def wine(program):
        return [options.wine, program]

    peers = [
        Troth("troth", "troth (Linux)", [options.troth]),
        Troth("troth-exe", "troth.exe (Wine)", wine(options.troth_exe)),
        Troth("troth-winpr", "troth (WinPR)", [options.troth_winpr] if options.troth_winpr else None),
        Raw("raw-gss", "raw GSSAPI", [options.raw_gss]),
        Raw("raw-sspi", "raw SSPI (Wine)", wine(options.raw_sspi)),
        Samples("gss-sample", "gss-client/gss-server", [] if shutil.which("gss-client") and shutil.which("gss-server") else None),
        Classic("classic", "classic sample (Wine)", wine(options.classic)),
    ]
    for peer in peers:
        peer.absent = f"{peer.title}: not installed or not built here."
        if peer.key in ("troth-exe", "raw-sspi"):
            peer.sends_spnego = False
        if peer.key in ("troth-exe", "raw-sspi", "troth-winpr"):
            peer.names = False
    return peers


def main():
    options = arguments()
    realm, peers, tap = Realm(), make_peers(options), Tap()
    pairings = {}
    for mechanism in ("kerberos", "negotiate"):
        for initiator in peers:
            for acceptor in peers:
                pairings[mechanism, initiator.key, acceptor.key] = Pairing(initiator, acceptor, mechanism, realm)
    chosen = [pairing for pairing in pairings.values() if not options.only or options.only in pairing.name]
    to_run = [pairing for pairing in chosen if not pairing.impossible and not pairing.missing]
    with concurrent.futures.ThreadPoolExecutor(max_workers=2) as pool:
        for pairing in pool.map(Pairing.run, to_run):
            tap.case(pairing.name + (" (is refused)" if pairing.refused else ""), pairing.problems)
    for reason in sorted({pairing.missing for pairing in chosen if pairing.missing and not pairing.impossible}):
        count = sum(pairing.missing == reason and not pairing.impossible for pairing in chosen)
        tap.case(f"{count} cells", [], skip=reason)
    if not options.only:
        text = table(peers, pairings)
        for line in text.splitlines():
            tap.say(f"# {line}".rstrip())
        if options.document is not None:
            name = f"the table stands in {options.document.name}"
            if any(peer.program is None for peer in peers) and not options.write:
                tap.case(name, [], skip="a peer is missing, so the table is not whole")
            elif any(pairing.problems for pairing in to_run):
                tap.case(name, ["not written and not compared: cells failed"])
            else:
                tap.case(name, document(options.document, text, options.write))
    tap.say(f"1..{tap.count}")
    code = 1 if tap.failed or not to_run else 0
    if options.log is not None:
        record = {"name": "interop / matrix", "stdout": "\n".join(tap.lines) + "\n", "result": "FAIL" if code else "OK",
                  "returncode": code}
        options.log.write_text(json.dumps(record) + "\n", encoding="utf-8")
    return code


if __name__ == "__main__":
    sys.exit(main())
