"""Shows that each public header can be included first and alone: as C11 and as C++17, by every compiler that is here.

usage: check.py INCLUDE-DIRECTORY CROSS COMPILER...

In a native build gcc and clang are tried, whichever of them builds the library, so that one run shows both. In a cross
build (CROSS is "true") the one COMPILER knows the target's headers, and C11 is enough: the language was shown natively.
"""

import pathlib
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from tap import Report

WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Wundef", "-Werror"]
LANGUAGES = {
    "C11": ["-x", "c", "-std=c11", "-Wstrict-prototypes"],
    "C++17": ["-x", "c++", "-std=c++17"],
}


def speaks(compiler, flags, directory):
    """Whether the compiler has a front end for this language at all (g++ and gcc are packaged apart)."""
    empty = directory / "empty.txt"
    empty.write_text("int answer(void);\n")
    return subprocess.run([*compiler, *flags, "-fsyntax-only", str(empty)], capture_output=True).returncode == 0


def main():
    include = pathlib.Path(sys.argv[1])
    cross = sys.argv[2] == "true"
    compilers = {sys.argv[3]: sys.argv[3:]} if cross else {"gcc": ["gcc"], "clang": ["clang"]}
    languages = {"C11": LANGUAGES["C11"]} if cross else LANGUAGES

    report = Report()
    with tempfile.TemporaryDirectory() as temporary:
        directory = pathlib.Path(temporary)
        for label, compiler in compilers.items():
            here = shutil.which(compiler[0]) is not None
            for language, flags in languages.items():
                usable = here and speaks(compiler, flags, directory)
                for header in sorted(include.glob("troth/*.h")):
                    name = f"troth/{header.name} alone as {language} with {label}"
                    if not usable:
                        report.skip(name, f"{label} is not here or has no {language} front end")
                        continue
                    source = directory / "source.txt"
                    # Twice: the guard works too. The second line gives the translation unit something to hold.
                    source.write_text(f"#include <troth/{header.name}>\n#include <troth/{header.name}>\n"
                                      "int answer(void);\n")
                    done = subprocess.run([*compiler, *flags, *WARNINGS, f"-I{include}", "-fsyntax-only", str(source)],
                                          capture_output=True, text=True)
                    report.check(name, [done.stderr or "failed without a word"] if done.returncode != 0 else [])
    report.end()


main()
