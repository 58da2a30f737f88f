"""Runs a cmocka program and corrects its TAP: cmocka 1.1.5 writes a skipped test as "not ok 3 # SKIP name", which TAP
reads as a failure. The comment before it is the reason. Everything else passes through as it is, and so does the exit
status. Where the test setup watches programs (TROTH_TEST_WATCHED_BY: valgrind and its options, one a line), COMMAND is
started under that again.

usage: tap_skip.py COMMAND [ARGUMENT...]
"""

import os
import re
import subprocess
import sys

SKIPPED = re.compile(rb"^not ok (\d+) # SKIP (.*)$")

watched_by = [word for word in os.environ.get("TROTH_TEST_WATCHED_BY", "").split("\n") if word]
reason = b""
with subprocess.Popen(watched_by + sys.argv[1:], stdout=subprocess.PIPE) as program:
    for line in program.stdout:
        line = line.rstrip(b"\r\n")
        skipped = SKIPPED.match(line)
        if skipped:
            line = b"ok %s - %s # SKIP %s" % (skipped[1], skipped[2], reason)
        reason = re.sub(rb"^SKIP(PED:)? ", b"", line[2:]) if line.startswith(b"# ") else b""
        sys.stdout.buffer.write(line.rstrip() + b"\n")
        sys.stdout.buffer.flush()
sys.exit(program.returncode if program.returncode >= 0 else 128 - program.returncode)
