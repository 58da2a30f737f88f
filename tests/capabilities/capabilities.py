"""Keeps docs/capabilities.md true: every feature by provider, with the test that shows it.

usage: capabilities.py check ROOT INTRO-TESTS.JSON PROVIDER... -- TELL...
       capabilities.py names PROVIDER
       capabilities.py write|compare ROOT PROVIDER=ANSWERS,TESTLOG.JSON...

check is the quick one, and runs nothing but troth_supports (TELL...: the program tell, by itself or behind a runner): that
every feature has a row, that the tests named exist, and that the document says of this provider nothing that
troth_supports does not. names prints the Meson tests that are to be run for a provider; write makes the document's table
from what they came to, and compare demands that it is there already. tools/capabilities.sh does these.
"""

import json
import pathlib
import re
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from rows import PROVIDERS, ROWS, TITLES
from tap import Report

MARKERS = ("<!-- The table: written by tools/capabilities.sh -->", "<!-- The end of the table -->")
ABSENT = "not in this version"  # nobody has it: there is no call


def header_features(root):
    text = (root / "include/troth/troth.h").read_text(encoding="utf-8")
    enum = text[text.index("typedef enum troth_feature"):text.index("} troth_feature;")]
    return [name for name in re.findall(r"\b(TROTH_FEATURE_\w+) = \d+", enum) if name != "TROTH_FEATURE_UNSET"]


def test_functions(root):
    names = set()
    for path in (root / "tests").rglob("*.c"):
        names.update(re.findall(r"\bvoid (\w+)\(void \*\*state\)", path.read_text(encoding="utf-8")))
    return names


def answers(lines):
    return dict(line.split() for line in lines.split("\n") if line.strip())


def table(root):
    """The document's table: {feature: {provider: (word, shown)}}."""
    text = (root / "docs/capabilities.md").read_text(encoding="utf-8")
    body = text.split(MARKERS[0], 1)[1].split(MARKERS[1], 1)[0]
    rows = {}
    for line in body.splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if cells[0].startswith("`TROTH_FEATURE_"):
            rows[cells[0].strip("`")] = dict(zip(PROVIDERS, cells[2:]))
    return rows


def allowed(answer):
    """What the document may say where troth_supports answers so."""
    return {"no": ("unsupported", ABSENT), "yes": ("works", "not run"),
            "unknown": ("works", "unavailable", "not run")}[answer]


def check(root, intro, provider, tell):
    report = Report()
    features = header_features(root)
    rows = [row.feature for row in ROWS]
    report.check("every feature has one row, in the header's order",
                 [] if rows == features else [f"tests/capabilities/rows.py and troth.h differ: "
                                              f"{sorted(set(rows) ^ set(features)) or 'in their order'}"])
    said = answers(subprocess.run(tell, check=True, capture_output=True, text=True).stdout)
    report.check("troth_supports answers for every feature", sorted(set(features) ^ set(said)))
    functions = test_functions(root)
    existing = {test["name"] for test in json.loads(pathlib.Path(intro).read_text(encoding="utf-8"))}
    missing = []
    for row in ROWS:
        for whose, test in row.tests.items():
            if test is None or (said.get(row.feature) == "no" and test[1] not in functions):
                continue  # a row that waits for its feature
            if test[1] not in functions:
                missing.append(f"{row.feature}: there is no test {test[1]}")
            elif whose == provider and test[0] not in existing:
                missing.append(f"{row.feature}: Meson has no test {test[0]} here")
        if row.tests[provider] is None and said.get(row.feature) != "no" and row.why is None:
            missing.append(f"{row.feature}: no test shows it with {TITLES[provider]}, and no reason is given")
    report.check("the tests that show them exist", missing)
    told = table(root)
    wrong = [f"{feature}: docs/capabilities.md has no row; run tools/capabilities.sh" for feature in features
             if feature not in told]
    for row in ROWS:
        cell = told.get(row.feature, {}).get(provider, "")
        answer = said.get(row.feature, "no")
        if row.installed and ((answer == "no") != cell.startswith(("unsupported", ABSENT))):
            continue
        if cell and not cell.startswith(allowed(answer)):
            wrong.append(f"{row.feature}: troth_supports says {answer}, docs/capabilities.md \"{cell}\"; run "
                         "tools/capabilities.sh")
        elif cell.startswith(("works", "unavailable")) and row.tests[provider] is not None and \
                row.tests[provider][1] not in cell:
            wrong.append(f"{row.feature}: docs/capabilities.md names another test than rows.py")
    report.check("docs/capabilities.md says what troth_supports says", wrong)
    report.end()


def names(provider):
    print("\n".join(sorted({row.tests[provider][0] for row in ROWS if row.tests[provider] is not None})))


def results(log):
    """{(Meson test, test): passed, skipped or failed}."""
    seen = {}
    for line in pathlib.Path(log).read_text(encoding="utf-8").splitlines():
        test = json.loads(line)
        name = test["name"].rpartition(" / ")[2]
        lines = test.get("stdout", "").replace("\r", "")
        for bad, inner, skip in re.findall(r"^(not )?ok \d+ - (\w+)( # SKIP.*)?$", lines, flags=re.M):
            seen[name, inner] = "failed" if bad else "skipped" if skip else "passed"
    return seen


def cell(row, provider, answer, seen, absent, notes):
    test = row.tests[provider]
    if absent:
        return ABSENT, []
    if test is None:
        if answer == "no":
            return "unsupported", []
        if row.why not in notes:
            notes.append(row.why)
        return f"not run ({notes.index(row.why) + 1})", []
    result = seen.get(test, "not run")
    shown = f"`{test[1]}`"
    if result == "failed" or result == "not run" or (answer == "yes" and result == "skipped") or \
            (answer == "no" and result == "passed" and "as_supports_says" in test[1]):
        return "FAILED", [f"{row.feature}, {TITLES[provider]}: troth_supports says {answer}, the test {test} {result}"]
    if answer == "no":
        return f"unsupported: {shown}" if result == "skipped" else "unsupported", []
    return f"{'works' if result == 'passed' else 'unavailable'}: {shown}", []


def make(sources):
    said, seen, problems, notes = {}, {}, [], []
    for source in sources:
        provider, _, files = source.partition("=")
        told, log = files.split(",")
        said[provider] = answers(pathlib.Path(told).read_text(encoding="utf-8"))
        seen[provider] = results(log)
    lines = ["| Feature | | " + " | ".join(TITLES[provider] for provider in PROVIDERS) + " |", "|---|---|---|---|---|"]
    for row in ROWS:
        absent = all(said[provider].get(row.feature, "no") == "no" for provider in PROVIDERS) and \
            not any(row.tests[provider] in seen[provider] for provider in PROVIDERS)
        cells = []
        for provider in PROVIDERS:
            text, wrong = cell(row, provider, said[provider].get(row.feature, "no"), seen[provider], absent, notes)
            cells.append(text)
            problems += wrong
        lines.append(f"| `{row.feature}` | {row.about} | " + " | ".join(cells) + " |")
    lines += [""] + [f"{number}. {note}" for number, note in enumerate(notes, 1)]
    return "\n".join(lines), problems


def document(root, sources, write):
    path = root / "docs/capabilities.md"
    made, problems = make(sources)
    text = path.read_text(encoding="utf-8")
    before, rest = text.split(MARKERS[0], 1)
    after = rest.split(MARKERS[1], 1)[1]
    new = f"{before}{MARKERS[0]}\n{made}\n{MARKERS[1]}{after}"
    if write and not problems:
        path.write_text(new, encoding="utf-8")
    elif new != text:
        problems.append("docs/capabilities.md shows another table: run tools/capabilities.sh")
    print("\n".join(problems) or "docs/capabilities.md is what was found")
    sys.exit(1 if problems else 0)


def main():
    command, *rest = sys.argv[1:]
    if command == "check":
        root, intro, provider, _, *tell = rest
        check(pathlib.Path(root), intro, provider, tell)
    elif command == "names":
        names(rest[0])
    else:
        document(pathlib.Path(rest[0]), rest[1:], command == "write")


main()
