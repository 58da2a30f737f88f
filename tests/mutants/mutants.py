#!/usr/bin/env python3
"""Takes out one check after the other, in a copy of the sources, and sees the tests fail that say they show it.

usage: mutants.py --log LOG.json posix|windows DIRECTORY [MESON-OPTION...]

The copy and its build are DIRECTORY; it is made anew. checks.py has the checks. Prints the Test Anything Protocol; --log
writes what Meson's testlog.json would say of this run, for tools/count.py. Exit code 0 only when every test passed with
the sources as they are, and failed without its check.
"""

import json
import os
import pathlib
import shutil
import subprocess
import sys

from checks import CHECKS

ROOT = pathlib.Path(__file__).resolve().parents[2]
SOURCES = ("meson.build", "meson_options.txt", "meson.options", "include", "src", "backends", "tests", "tools", "examples",
           "subprojects", "docs", "README.md", "LICENSE", "CHANGELOG.md", "CONTRIBUTING.md")


def output_of(*command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True)
    return done.returncode, done.stdout


class Copy:
    """The sources beside the project, and a build of what the named tests need."""

    def __init__(self, directory, options):
        self.source = directory / "source"
        self.build = directory / "build"
        self.environment = os.environ
        shutil.rmtree(directory, ignore_errors=True)
        self.source.mkdir(parents=True)
        for name in SOURCES:
            if (ROOT / name).is_dir():
                shutil.copytree(ROOT / name, self.source / name, symlinks=True)
            elif (ROOT / name).exists():
                shutil.copy2(ROOT / name, self.source / name)
        # Warnings are no errors: what a check used is used no more.
        code, text = output_of("meson", "setup", str(self.build), str(self.source), "-Doptimization=0", *options)
        if code != 0:
            sys.exit(f"the copy cannot be set up:\n{text[-2000:]}")

    def need(self, tests):
        """Finds what the tests are built of."""
        places = {target["id"]: target["filename"] for target in self.told("--targets")}
        known = {test["name"]: test["depends"] for test in self.told("--tests")}
        missing = sorted(set(tests) - set(known))
        if missing:
            sys.exit("no such test: " + ", ".join(missing))
        files = {file for test in tests for target in known[test] for file in places[target][:1]}
        self.targets = sorted(os.path.relpath(file, self.build) for file in files)

    def told(self, what):
        return json.loads(subprocess.check_output(["meson", "introspect", what, str(self.build)]))

    def make(self):
        code, text = output_of("ninja", "-C", str(self.build), *self.targets)
        return None if code == 0 else "it does not compile:\n" + text[-1500:]

    def failing(self, tests):
        """Those of the tests that fail, or are not run."""
        log = self.build / "meson-logs" / "testlog.json"
        log.unlink(missing_ok=True)
        output_of("meson", "test", "-C", str(self.build), "--no-rebuild", *tests)
        try:
            records = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
        except OSError:
            return set(tests)
        passed = {record["name"].rpartition(" / ")[2] for record in records if record["result"] == "OK"}
        return set(tests) - passed


def shown(copy, check):
    """Why the check's tests do not show it; None when they do."""
    file = copy.source / check.file
    text = file.read_text(encoding="utf-8")
    if text.count(check.there) != 1:
        return f"{check.file} has this {text.count(check.there)} times, and not once: {check.there}"
    try:
        file.write_text(text.replace(check.there, check.instead), encoding="utf-8")
        broken = copy.make()
        if broken:
            return broken
        unmoved = sorted(set(check.tests) - copy.failing(check.tests))
        return "without it these pass: " + ", ".join(unmoved) if unmoved else None
    finally:
        file.write_text(text, encoding="utf-8")


def main():
    if len(sys.argv) < 5 or sys.argv[1] != "--log" or sys.argv[3] not in CHECKS:
        sys.exit(__doc__)
    log, checks = pathlib.Path(sys.argv[2]), CHECKS[sys.argv[3]]
    tests = sorted({test for check in checks for test in check.tests})
    lines = []

    def say(line):
        lines.append(line)
        print(line, flush=True)

    copy = Copy(pathlib.Path(sys.argv[4]).resolve(), sys.argv[5:])
    copy.need(tests)
    why = copy.make()
    if why is None:
        failing = copy.failing(tests)
        why = "they fail before anything is taken out: " + ", ".join(sorted(failing)) if failing else None
    failed = why is not None
    for number, check in enumerate(checks, 1):
        problem = why or shown(copy, check)
        failed = failed or problem is not None
        say(f"{'not ok' if problem else 'ok'} {number} - {check.name}")
        for line in (problem or "").splitlines():
            say(f"# {line}")
    say(f"1..{len(checks)}")
    record = {"name": f"troth:mutants / {sys.argv[3]}", "stdout": "\n".join(lines), "stderr": "",
              "result": "FAIL" if failed else "OK", "returncode": int(failed)}
    log.write_text(json.dumps(record) + "\n", encoding="utf-8")
    sys.exit(int(failed))


main()
