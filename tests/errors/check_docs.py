"""Shows that docs/errors.md tells the truth: it has a section for each status, and every example in it is a text that the
tests beside this file really produce.

usage: check_docs.py SOURCE-ROOT TEST-PROGRAM...    (inside a realm)
"""

import os
import pathlib
import re
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from tap import Report


def plain(text):
    """Without what differs from run to run: a second more or less between two clocks, a ticket's size."""
    text = re.sub(r"\b(?:3599|360[0-9]) seconds", "3600 seconds", text)
    return re.sub(r"our token of \d+ bytes", "our token of some bytes", text)


def main():
    report = Report()
    root = pathlib.Path(sys.argv[1])
    if os.environ.get("TROTH_REALM_EXTERNAL"):
        report.skip("docs/errors.md", "the texts need a realm of their own")
        report.end()
    produced = set()
    for program in sys.argv[2:]:
        out = subprocess.run([program], capture_output=True, text=True, check=False).stdout
        produced |= {plain(text) for text in re.findall(r"^# [^:]+: TROTH_E_\w+ 0x\w{8} -?\d+: (.+)$", out, re.M)}
    docs = (root / "docs/errors.md").read_text(encoding="utf-8")
    examples = [plain(text) for text in re.findall(r"^```text\n(.+)\n```$", docs, re.M)]
    header = (root / "include/troth/troth.h").read_text(encoding="utf-8")
    statuses = re.findall(r"^    (TROTH_E_\w+) = \d+", header, re.M)
    sections = re.findall(r"^### (TROTH_E_\w+)$", docs, re.M)
    tests = set()
    for path in (root / "tests").rglob("*.c"):
        tests |= set(re.findall(r"^static void (\w+)\(void \*\*state\)", path.read_text(encoding="utf-8"), re.M))
    named = re.findall(r"^Test: `(\w+)`", docs, re.M) + re.findall(r"^\|.*\| `(\w+)` \|$", docs, re.M)
    report.check("every status has its section, in the header's order",
                 [] if sections == statuses else [f"header: {statuses}", f"docs: {sections}"])
    report.check("every example is a text that was produced just now",
                 [text for text in examples if text not in produced] + ([] if examples else ["there is no example"]))
    report.check("every test that is named exists", [name for name in named if name not in tests])
    report.end()


main()
