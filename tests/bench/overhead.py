"""Prints how many thousand instructions Troth adds to the best raw native calls: for each side of a handshake, and for
each message of 1 KiB. Counted by callgrind, so the same on an idle and on a busy machine.

usage: overhead.py VALGRIND OVERHEAD-PROGRAM    (inside a realm)
"""

import pathlib
import re
import subprocess
import sys
import tempfile

COUNT = 20
AIM = 10.0


def instructions(valgrind, program, *arguments):
    with tempfile.TemporaryDirectory() as directory:
        out = pathlib.Path(directory) / "out"
        subprocess.run([valgrind, "--tool=callgrind", "-q", "--collect-atstart=no", f"--callgrind-out-file={out}",
                        program, *arguments, str(COUNT)], check=True)
        text = out.read_text(encoding="utf-8", errors="replace")
    return int(re.search(r"^totals: (\d+)", text, re.M).group(1)) / COUNT / 1000


def main():
    print(f"{'thousand instructions':24} {'raw':>9} {'Troth':>9} {'added':>9}")
    worst = 0.0
    for mechanism in ["kerberos", "negotiate"]:
        for part in ["initiator", "acceptor", "wrap", "unwrap"]:
            raw, troth = (instructions(*sys.argv[1:3], library, mechanism, part) for library in ["raw", "troth"])
            worst = max(worst, troth - raw)
            print(f"{mechanism + ' ' + part:24} {raw:9.1f} {troth:9.1f} {troth - raw:+9.1f}", flush=True)
    print(f"The most that is added: {worst:.1f} thousand instructions; the aim is {AIM:.0f} at most.")
    return 0 if worst <= AIM else 1


sys.exit(main())
