#!/usr/bin/env python3
"""Counts what Meson's test runs really did, case by case (TAP's, and cmocka's own report), and closes with "N passed, N failed, N skipped".

usage: count.py [--failed WHAT]... LABEL=TESTLOG.json...

Each TESTLOG.json is one run's meson-logs/testlog*.json. --failed adds a failure that left no log, such as a build that did
not compile. Exit code 0 only when something passed and nothing failed.
"""

import json
import re
import sys

CASE = re.compile(r"^(not )?ok\b\s*(\d+)?\s*-?\s*([^#]*?)\s*(?:#\s*(skip|todo)\S*\s*(.*))?$", re.I)
CMOCKA = re.compile(r"^\[\s*(OK|FAILED|SKIPPED)\s*\] (?!\d+ test\(s\))(\S+)$")
CMOCKA_PLAN = re.compile(r"^\[=+\] Running (\d+) test\(s\)")
PLAN = re.compile(r"^1\.\.(\d+)\s*(?:#\s*skip\S*\s*(.*))?$", re.I)
# What is shown of a program that failed, where a reader may have the end of a long output only.
SHOWN_PROGRAMS, SHOWN_LINES = 8, 12


class Totals:
    def __init__(self):
        self.passed = 0
        self.failed = []
        self.skipped = []
        self.last_words = {}  # a failed program: what it printed last


def cases(output):
    """Yields (verdict, name, reason) for each case, and last ("plan", number or None, reason)."""
    plan, plan_reason, said = None, None, []
    for line in output.splitlines():
        case, found = CASE.match(line), PLAN.match(line)
        if found:
            plan, plan_reason = (plan or 0) + int(found[1]), found[2]
        elif case and (case[2] or case[1] or line.startswith("ok -")):
            bad, _, name, directive, reason = case.groups()
            if directive and directive.lower() == "skip":
                # cmocka puts the name where TAP has the reason; the test says the reason in a line before it.
                yield "skip", name or reason, (reason if name else "; ".join(said)) or "no reason given"
            elif case[2]:
                yield ("fail" if bad else "pass"), name, ""
            said = []
        elif CMOCKA_PLAN.match(line):
            plan = (plan or 0) + int(CMOCKA_PLAN.match(line)[1])
        elif CMOCKA.match(line):
            word, name = CMOCKA.match(line).groups()
            verdict = {"OK": "pass", "FAILED": "fail", "SKIPPED": "skip"}[word]
            yield verdict, name, "; ".join(said) or "no reason given"
            said = []
        elif re.match(r"#?\s*skip", line, re.I):
            said.append(line.lstrip("# "))
    yield "plan", plan, plan_reason


def count(label, record, totals):
    test = f"{label}: {record['name']}"
    passed, failed, skipped, planned = 0, [], [], None
    for verdict, name, reason in cases(record.get("stdout") or ""):
        if verdict == "pass":
            passed += 1
        elif verdict == "fail":
            failed.append(f"{test}: {name}")
        elif verdict == "skip":
            skipped.append(f"{test}: {name} ({reason})")
        elif name is not None:
            planned = name
            if planned == 0:
                skipped.append(f"{test} ({reason or 'no reason given'})")

    seen = passed + len(failed) + len(skipped)
    result = record["result"]
    if seen == 0:  # it has no cases: one test, judged by its exit code
        if result in ("OK", "EXPECTEDFAIL"):
            passed = 1
        elif result == "SKIP":
            skipped.append(f"{test} (exit code {record['returncode']})")
        else:
            failed.append(f"{test} ({result}, exit code {record['returncode']})")
    else:
        if planned and seen < planned:
            failed += [f"{test}: ended before its case {number}" for number in range(seen + 1, planned + 1)]
        # A FAIL with exit code 0 and no failed case is what cmocka 1.1.5 makes of a skipped one ("not ok ... # SKIP").
        mere_skips = result == "FAIL" and record["returncode"] == 0 and skipped
        if result not in ("OK", "SKIP", "EXPECTEDFAIL") and not failed and not mere_skips:
            failed.append(f"{test} ({result}, exit code {record['returncode']}, though no case of it failed)")
    if failed:
        said = [record.get(stream) or "" for stream in ("stdout", "stderr")]
        totals.last_words[test] = [line for text in said for line in text.splitlines()[-SHOWN_LINES:]]
    totals.passed += passed
    totals.failed += failed
    totals.skipped += skipped
    return passed, len(failed), len(skipped)


def main():
    totals = Totals()
    arguments = sys.argv[1:]
    while arguments and arguments[0] == "--failed":
        totals.failed.append(arguments[1])
        del arguments[:2]
    for argument in arguments:
        label, _, path = argument.partition("=")
        sums = [0, 0, 0]
        try:
            with open(path, encoding="utf-8") as log:
                records = [json.loads(line) for line in log if line.strip()]
        except (OSError, ValueError) as error:
            totals.failed.append(f"{label}: its log cannot be read: {error}")
            continue
        for record in records:
            sums = [a + b for a, b in zip(sums, count(label, record, totals))]
        print(f"{label:12} {len(records):4} programs: {sums[0]} passed, {sums[1]} failed, {sums[2]} skipped")

    if totals.skipped:
        print("\nSKIPPED: these say nothing about the code:")
        for line in totals.skipped:
            print(f"  {line}")
    if totals.failed:
        print("\nFAILED:")
        for line in totals.failed:
            print(f"  {line}")
        for test, lines in list(totals.last_words.items())[:SHOWN_PROGRAMS]:
            print(f"\n{test} ended with:")
            for line in lines or ["(nothing was printed)"]:
                print(f"  {line}")
    print(f"\n{totals.passed} passed, {len(totals.failed)} failed, {len(totals.skipped)} skipped")
    sys.exit(1 if totals.failed or totals.passed == 0 else 0)


main()
