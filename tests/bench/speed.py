"""Prints tables of what handshakes and messages cost through raw GSSAPI, naive and at its best, and through Troth, and
what SASL libraries' exchanges cost: rounds in which each has its turn, system calls and instructions, all of one run.

usage: speed.py SPEED-PROGRAM [EXCHANGE-PROGRAM...]    (inside a realm; strace and valgrind are used where installed)

TROTH_BENCH_ROUNDS sets the number of rounds. Of each cell the median and, behind it, the least of all rounds is told: the
least minds other programs less. The processor's time (of all threads) minds them less than the time on the clock.
"""

import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import tempfile

WHO = ["naive", "best", "troth"]
ROWS = {
    "handshake": ("handshake, Kerberos", 400),
    "negotiate": ("handshake, SPNEGO", 300),
    "acceptor": ("acceptor alone, 2 keys", 2000),
    "acceptor102": ("acceptor alone, 102 keys, its own last", 300),
    "initiator": ("initiator's first token, 3 tickets", 600),
    "initiator102": ("initiator's first token, 102 tickets", 300),
    "two-threads": ("acceptor alone, 2 threads on one credential", 6000),
}
ROUNDS = int(os.environ.get("TROTH_BENCH_ROUNDS", "9"))


def run(*command):
    # A replay cache of its own for each process, on as ever: one that others have filled costs each lookup more.
    with tempfile.TemporaryDirectory(dir=os.environ["KRB5RCACHEDIR"]) as rcache:
        return subprocess.run(command, check=True, capture_output=True, text=True,
                              env={**os.environ, "KRB5RCACHEDIR": rcache}).stdout


def spent(*command):
    """Time on the clock and the processor's, in microseconds."""
    return tuple(float(word) for word in run(*command).split())


class Samples:
    def __init__(self):
        self.all = []

    def add(self, pair):
        self.all.append(pair)

    def middle(self, which):
        return statistics.median(pair[which] for pair in self.all)

    def least(self, which):
        return min(pair[which] for pair in self.all)

    def cell(self, which):
        return f"{self.middle(which):.1f} ({self.least(which):.1f})"


def ratio(one, other, which):
    return f"{one.middle(which) / other.middle(which):.2f} ({one.least(which) / other.least(which):.2f})"


def speeds(program):
    found = {what: {who: Samples() for who in WHO} for what in ROWS}
    for _ in range(ROUNDS):
        for what, (_, count) in ROWS.items():
            for who in WHO:
                found[what][who].add(spent(program, what, who, str(count)))
    for which, title in enumerate(["microseconds on the clock", "microseconds of the processor"]):
        print(f"| {title}: median (least) of {ROUNDS} | raw, naive | raw, best | Troth | naive/Troth | best/Troth |")
        print("|---|---|---|---|---|---|")
        for what, (text, _) in ROWS.items():
            naive, best, troth = (found[what][who] for who in WHO)
            print(f"| {text} | {naive.cell(which)} | {best.cell(which)} | {troth.cell(which)} | "
                  f"{ratio(naive, troth, which)} | {ratio(best, troth, which)} |")
        print()
    told = ", ".join(f"{name} {ratio(found['acceptor'][who], found['two-threads'][who], 0)}"
                     for name, who in [("raw naive", "naive"), ("raw best", "best"), ("Troth", "troth")])
    print(f"2 threads on one shared acceptor credential against 1, times as fast on the clock: {told}\n", flush=True)


def exchanges(programs):
    found = {pathlib.Path(program).name: Samples() for program in programs}
    for _ in range(ROUNDS):
        for program in programs:
            found[pathlib.Path(program).name].add(spent(program, "300"))
    names = {"exchange": "Troth, and a message each way", "cyrus": "Cyrus SASL, GSSAPI", "libgsasl": "libgsasl, GSSAPI",
             "winpr": "WinPR under Troth, and a message each way"}
    print("| one exchange, both sides | clock | processor | times Troth's clock | times Troth's processor |\n"
          "|---|---|---|---|---|")
    for name, samples in found.items():
        print(f"| {names[name]} | {samples.cell(0)} | {samples.cell(1)} | {ratio(samples, found['exchange'], 0)} | "
              f"{ratio(samples, found['exchange'], 1)} |")
    for name, text in names.items():
        if name not in found:
            print(f"\nSKIPPED: {text}: not installed when the build was set up")
    print(flush=True)


def difference(count_of, *arguments):
    """What one more costs, whatever a process does before and after."""
    few, many = 20, 60
    return (count_of(*arguments, many) - count_of(*arguments, few)) / (many - few)


def system_calls(program, what, who, count):
    with tempfile.NamedTemporaryFile() as out:
        run("strace", "-f", "-c", "-o", out.name, program, what, who, str(count))
        total = pathlib.Path(out.name).read_text(encoding="utf-8").strip().splitlines()[-1].split()
    return int(total[3])


def callgrind(program, what, who, count):
    with tempfile.NamedTemporaryFile() as out:
        run("valgrind", "-q", "--tool=callgrind", f"--callgrind-out-file={out.name}", program, what, who, str(count))
        return pathlib.Path(out.name).read_text(encoding="utf-8", errors="replace")


def instructions(program, what, who, count):
    return int(re.search(r"^totals: (\d+)", callgrind(program, what, who, count), re.M).group(1)) / 1000


def crossings(text):
    """Of callgrind's account each call from one object into another: both objects, what is called, and its cost."""
    objects, functions = {}, {}

    def name(known, word):
        number, _, given = word.partition(" ")
        return known.setdefault(number, given)

    here = there = called = None
    cost_follows = False
    for line in text.splitlines():
        key, _, value = line.partition("=")
        if key == "ob":
            here = name(objects, value)
        elif key == "cob":
            there = name(objects, value)
        elif key in ("fn", "cfn"):
            called = name(functions, value)
        elif key == "calls":
            cost_follows = True
        elif cost_follows:
            if there is not None and there != here:
                yield here, there, called, int(line.split()[1]) / 1000
            there, cost_follows = None, False


def own(program, what, who, count):
    """Thousand instructions in calls of Troth, but for those of the native library's calls that raw GSSAPI makes too."""
    added = ("gss_wrap_iov_length", "gss_get_mic_iov_length", "gss_krb5_get_tkt_flags")
    total = 0
    for caller, callee, called, cost in crossings(callgrind(program, what, who, count)):
        if "libtroth" in callee:
            total += cost
        elif "libtroth" in caller and re.search(r"libgssapi|libkrb5", callee) and not called.startswith(added):
            total -= cost
    return total


def counts(title, tool, count_of, program):
    if shutil.which(tool) is None:
        print(f"\nSKIPPED: {title}, since {tool} is not installed")
        return
    print(f"\n| {title} | raw, naive | raw, best | Troth | Troth - best |\n|---|---|---|---|---|")
    for what in ["handshake", "negotiate", "initiator", "initiator102", "acceptor", "acceptor102"]:
        found = [difference(count_of, program, what, who) for who in WHO]
        if what.startswith("acceptor"):  # without the making of the tokens that it is given
            tokens = difference(count_of, program, "tokens", "best")
            found = [number - tokens for number in found]
        print(f"| {ROWS[what][0]} | {found[0]:.1f} | {found[1]:.1f} | {found[2]:.1f} | {found[2] - found[1]:+.1f} |",
              flush=True)


def own_counts(program):
    if shutil.which("valgrind") is None:
        return
    print("\nThousand instructions of a handshake, both sides, that are Troth's own, with what it asks of a context beyond "
          "raw GSSAPI: " + ", ".join(f"{text} {difference(own, program, what, 'troth'):.1f}"
                                     for what, text in [("handshake", "Kerberos"), ("negotiate", "SPNEGO")]), flush=True)


def main():
    program = sys.argv[1]
    print(f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f} before")
    speeds(program)
    exchanges(sys.argv[2:])
    counts("system calls", "strace", system_calls, program)
    counts("thousand instructions", "valgrind", instructions, program)
    own_counts(program)
    print("\n" + run(program, "messages", "troth", "0"))
    print(run(program, "memory", "troth", "0"), end="")
    print(f"load {os.getloadavg()[0]:.1f} after")
    return 0


sys.exit(main())
