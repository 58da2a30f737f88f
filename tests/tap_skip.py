"""Runs a cmocka program and corrects its TAP: cmocka 1.1.5 writes a skipped test as "not ok 3 # SKIP name", which TAP
reads as a failure. Everything else passes through as it is, and so does the exit status.

usage: tap_skip.py COMMAND [ARGUMENT...]
"""

import re
import subprocess
import sys

SKIPPED = re.compile(rb"^not ok (\d+) # SKIP (.*)$")

with subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE) as program:
    for line in program.stdout:
        sys.stdout.buffer.write(SKIPPED.sub(rb"ok \1 - \2 # SKIP", line.rstrip(b"\r\n")) + b"\n")
        sys.stdout.buffer.flush()
sys.exit(program.returncode if program.returncode >= 0 else 128 - program.returncode)
