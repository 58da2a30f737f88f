"""The seven peers of the interop matrix: how each is started in either role, and what its output says."""

import os
import re

SIZES = (5, 0, 1000, 16000, 60000)  # of the messages; gss-server cannot print the empty one
SAMPLE_TEXTS = ("the first of two", "and the second, which is longer than the first")

ALL = {"mutual", "integrity", "confidentiality", "replay", "sequence"}
# MIT's mechanism adds integrity and confidentiality to what is asked for; so it does under Wine.
CLASSIC_ASKS = {"mutual", "integrity", "confidentiality"}
SAMPLE_ASKS = ALL - {"sequence"}

WORDS = {"conf": "confidentiality", "integ": "integrity"}
UNAVAILABLE = "unavailable (provider)"


class Realm:
    """Who speaks with whom, from troth-realm's variables."""

    def __init__(self):
        service, host = os.environ["TROTH_REALM_SERVICE"], os.environ["TROTH_REALM_HOST"]
        self.target = f"{service}@{host}"
        self.windows_target = f"{service}/{host}"
        self.acceptor = f"{service}/{host}@{os.environ['TROTH_REALM']}"
        self.initiator = os.environ["TROTH_REALM_USER"]
        self.directory = os.environ["TROTH_REALM_DIR"]


def pattern(size):
    """A line that no ciphertext holds by chance, and that differs from the others."""
    return ("%d-" % size + "abcdefghijklmnopqrstuvwxyz" * (size // 26 + 1))[:size]


def first(lines, prefix):
    for line in lines:
        if line.startswith(prefix):
            return line[len(prefix):]
    return None


class Peer:
    """mechanisms, framings: what it can be told to speak. messages: whether it has any. asks: what it wants as initiator.
    sends_spnego: whether its Negotiate is SPNEGO on the wire. names: whether it can tell who its peer is."""

    framings = ("be32", "le32", "gss-sample")
    mechanisms = ("kerberos", "negotiate")
    messages = True
    asks = ALL
    sends_spnego = True
    names = True
    listens = True  # prints where; otherwise it is given an accepted socket
    plaintexts = ()

    def __init__(self, key, title, program):
        self.key, self.title, self.program = key, title, program

    def text(self, pairing):
        """What it reads as initiator."""
        return None

    def expected_peer(self, realm, role):
        return (realm.acceptor if role == "initiator" else realm.initiator) if self.names else UNAVAILABLE


class Troth(Peer):
    def lines(self, pairing):
        if not pairing.messages:
            return []
        return [pattern(size) for size in SIZES if size > 0 or pairing.acceptor.key != "gss-sample"]

    def plain(self, pairing):
        return [line.encode() for line in self.lines(pairing)]

    def text(self, pairing):
        return "".join(line + "\n" for line in self.lines(pairing)).encode()

    def initiate(self, pairing, realm, address):
        return self.program + ["connect", address, "--target", realm.target, "--mechanism", pairing.mechanism,
                               "--framing", pairing.framing, "--timeout", "30"]

    def accept(self, pairing, realm):
        argv = self.program + ["serve", "--listen", "127.0.0.1:0", "--service", realm.target, "--once",
                               "--mechanism", pairing.mechanism, "--framing", pairing.framing, "--timeout", "30"]
        # The classic sample asks for mutual authentication and for nothing else.
        return argv + (["--require", "mutual"] if pairing.initiator.key == "classic" else [])

    def facts(self, program, role, pairing):
        properties = first(program.out, "properties: ")
        facts = {"peer": first(program.out, "peer: "), "mechanism": first(program.out, "mechanism: "),
                 "properties": set(properties.split()) if properties else set()}
        if role == "initiator" and pairing.messages:
            word = "verified: " if pairing.framing == "gss-sample" else "echo: "
            facts["answers"] = [line[len(word):] for line in program.out if line.startswith(word)] == self.lines(pairing)
        return facts


class Raw(Peer):
    """raw-gss and raw-sspi, which are twins."""

    def sizes(self, pairing):
        return [size for size in SIZES if size > 0 or pairing.acceptor.key != "gss-sample"]

    def plain(self, pairing):
        return [bytes((i * 31 + number) & 0xFF for i in range(size)) for number, size in enumerate(self.sizes(pairing))]

    def initiate(self, pairing, realm, address):
        argv = self.program + ["init", "--connect", address, "--target", realm.target, "--framing", pairing.framing,
                               "--krb5" if pairing.mechanism == "kerberos" else "--spnego"]
        return argv + (["--sizes", ",".join(map(str, self.sizes(pairing)))] if pairing.messages else [])

    def accept(self, pairing, realm):
        # With neither option it takes every mechanism that it has a key for, as gss-server does: Wine's Negotiate sends
        # bare Kerberos, which an acceptor for SPNEGO alone refuses.
        return self.program + ["accept", "--listen", "127.0.0.1:0", "--framing", pairing.framing] + (
            ["--krb5"] if pairing.mechanism == "kerberos" else [])

    def facts(self, program, role, pairing):
        flags = first(program.out, "flags: ")
        facts = {"peer": first(program.out, "peer: "), "mechanism": first(program.out, "mechanism: "),
                 "properties": {WORDS.get(word, word) for word in flags.split()} if flags else set()}
        if pairing.messages:
            wanted = [f"{len(plain)} encrypted" for plain in pairing.initiator.plain(pairing)]
            if role == "acceptor":
                seen = [line[9:] for line in program.out if line.startswith("message: ")]
            elif pairing.framing == "gss-sample":
                wanted = [""] * len(wanted)
                seen = ["" for line in program.out if line.startswith("mic: ")]
            else:
                seen = [line[8:] for line in program.out if line.startswith("echoed: ")]
            facts["answers"] = seen == wanted
        return facts


class Samples(Peer):
    """MIT's gss-client and gss-server. gss-server alone binds every address, so it is given its connection."""

    framings = ("gss-sample",)
    asks = SAMPLE_ASKS
    listens = False

    def plain(self, pairing):
        return [SAMPLE_TEXTS[0].encode()] * 3

    def initiate(self, pairing, realm, address):
        return ["gss-client", "-port", address.rpartition(":")[2], "-mcount", "3"] + (
            ["-spnego"] if pairing.mechanism == "negotiate" else []) + ["127.0.0.1", realm.target, SAMPLE_TEXTS[0]]

    def log(self, pairing, realm):
        return os.path.join(realm.directory, f"gss-server-{pairing.slug}.log")

    def accept(self, pairing, realm):
        return ["gss-server", "-inetd", "-verbose", "-logfile", self.log(pairing, realm), realm.target]

    def facts(self, program, role, pairing):
        lines = program.out
        if role == "acceptor":
            try:
                with open(self.log(pairing, pairing.realm), encoding="utf-8", errors="replace") as log:
                    lines = log.read().splitlines()
            except OSError:
                lines = []
        said = "\n".join(lines)
        flags = {word.lower() for word in re.findall(r"context flag: GSS_C_(\w+)_FLAG", said)}
        kerberos = r"[Mm]echanism (OID )?\{ 1 2 840 113554 1 2 2 \}"
        answer = "Signature verified." if role == "initiator" else "Received message:"
        facts = {"mechanism": "kerberos" if re.search(kerberos, said) else "other",
                 "properties": {WORDS.get(flag, flag) for flag in flags},
                 "answers": said.count(answer) == len(pairing.initiator.plain(pairing))}
        if role == "initiator":  # gss-server tells the name on its stdout alone, which it closes under -inetd
            peer = re.search(r' to "([^"]*)"', said)
            facts["peer"] = peer[1] if peer else None
        return facts


class Classic(Peer):
    """The classic Windows socket sample, written anew. It tells that it authenticated, and warns without mutual."""

    framings = ("le32",)
    mechanisms = ("negotiate",)
    messages = False
    asks = CLASSIC_ASKS
    sends_spnego = False

    def plain(self, pairing):
        return []

    def initiate(self, pairing, realm, address):
        return self.program + ["client", address, realm.windows_target]

    def accept(self, pairing, realm):
        return self.program + ["server", "127.0.0.1:0"]

    def facts(self, program, role, pairing):
        return {"authenticated": "authenticated" in program.out,
                "no warning": not any(line.startswith("warning") for line in program.out)}
