"""Reports the checks of the project's own scripts in the Test Anything Protocol, one line for each check."""

import sys


class Report:
    def __init__(self):
        self.count = 0
        self.failed = 0

    def ok(self, name):
        self.count += 1
        print(f"ok {self.count} - {name}", flush=True)

    def fail(self, name, why):
        self.count += 1
        self.failed += 1
        print(f"not ok {self.count} - {name}", flush=True)
        for line in why.rstrip().splitlines():
            print(f"# {line}", flush=True)

    def skip(self, name, why):
        self.count += 1
        print(f"ok {self.count} - {name} # SKIP {why}", flush=True)

    def check(self, name, problems):
        """Passes when the list of problems is empty."""
        if problems:
            self.fail(name, "\n".join(problems))
        else:
            self.ok(name)

    def end(self):
        print(f"1..{self.count}", flush=True)
        sys.exit(1 if self.failed or self.count == 0 else 0)
