#!/usr/bin/env python3
"""Stands in for troth-realm where no KDC can be started (Windows itself): runs COMMAND in the realm that the environment
describes when TROTH_REALM_EXTERNAL is set, and otherwise says that the test is skipped.

usage: external.py [--tap] -- COMMAND [ARGUMENT...]
"""

import os
import subprocess
import sys

WHY = "no realm can be made here, and TROTH_REALM_EXTERNAL is not set (tests/realm/README.md)"
NEEDED = ("TROTH_REALM", "TROTH_REALM_HOST", "TROTH_REALM_SERVICE", "TROTH_REALM_USER")


def main():
    if "--" not in sys.argv or sys.argv[-1] == "--":
        print(__doc__, file=sys.stderr)
        return 2
    at = sys.argv.index("--")
    if not os.environ.get("TROTH_REALM_EXTERNAL"):
        if "--tap" in sys.argv[1:at]:
            print(f"1..0 # SKIP {WHY}")
            return 0
        print(f"external.py: SKIPPED: {WHY}", file=sys.stderr)
        return 77
    missing = [name for name in NEEDED if not os.environ.get(name)]
    if missing:
        print("external.py: TROTH_REALM_EXTERNAL is set, but not " + ", ".join(missing), file=sys.stderr)
        return 99
    return subprocess.call(sys.argv[at + 1:])


sys.exit(main())
