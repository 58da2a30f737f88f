"""Prints a table of what handshakes and messages cost through raw GSSAPI, naive and at its best, and through Troth: medians
of rounds in which each has its turn, system calls and instructions, all of one run.

usage: speed.py SPEED-PROGRAM [ROUNDS]    (inside a realm; strace and valgrind are used where they are installed)
"""

import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import tempfile

WHO = ["naive", "best", "troth"]
ROWS = {
    "handshake": "handshake, Kerberos",
    "negotiate": "handshake, SPNEGO",
    "acceptor": "acceptor alone, 2 keys",
    "acceptor102": "acceptor alone, 102 keys, its own last",
    "initiator": "initiator's first token, 3 tickets",
    "initiator102": "initiator's first token, 102 tickets",
    "two-threads": "acceptor alone, 2 threads on one credential",
}
COUNT = 150


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def once(program, what, who, count=COUNT):
    return float(run(program, what, who, str(count)))


def difference(count_of, *arguments):
    """What one more costs, whatever a process does before and after."""
    few, many = 20, 60
    return (count_of(*arguments, many) - count_of(*arguments, few)) / (many - few)


def system_calls(program, what, who, count):
    with tempfile.NamedTemporaryFile() as out:
        run("strace", "-f", "-c", "-o", out.name, program, what, who, str(count))
        total = pathlib.Path(out.name).read_text(encoding="utf-8").strip().splitlines()[-1].split()
    return int(total[3])


def instructions(program, what, who, count):
    with tempfile.NamedTemporaryFile() as out:
        run("valgrind", "-q", "--tool=callgrind", f"--callgrind-out-file={out.name}", program, what, who, str(count))
        text = pathlib.Path(out.name).read_text(encoding="utf-8", errors="replace")
    return int(re.search(r"^totals: (\d+)", text, re.M).group(1)) / 1000


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
        print(f"| {ROWS[what]} | {found[0]:.1f} | {found[1]:.1f} | {found[2]:.1f} | {found[2] - found[1]:+.1f} |", flush=True)


def main():
    program, rounds = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 9
    print(f"| microseconds, medians of {rounds} rounds | raw, naive | raw, best | Troth | naive/Troth | best/Troth |")
    print("|---|---|---|---|---|---|")
    medians = {}
    for what, title in ROWS.items():
        samples = {who: [] for who in WHO}
        for _ in range(rounds):
            for who in WHO:
                samples[who].append(once(program, what, who))
        naive, best, troth = (statistics.median(samples[who]) for who in WHO)
        medians[what] = (naive, best, troth)
        print(f"| {title} | {naive:.1f} | {best:.1f} | {troth:.1f} | {naive / troth:.2f} | {best / troth:.2f} |", flush=True)
    ratios = [medians["acceptor"][i] / medians["two-threads"][i] for i in range(3)]
    print(f"\n2 threads on one shared acceptor credential against 1: raw best {ratios[1]:.2f} times as fast, "
          f"Troth {ratios[2]:.2f} times")
    counts("system calls", "strace", system_calls, program)
    counts("thousand instructions", "valgrind", instructions, program)
    print("\n" + run(program, "messages", "troth", "0"))
    print(run(program, "memory", "troth", "0"), end="")
    return 0


sys.exit(main())
