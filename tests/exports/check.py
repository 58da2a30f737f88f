"""Shows that what leaves the library is the public API: all that the headers declare, and nothing else.

usage: check.py INCLUDE-DIRECTORY NM OBJDUMP SHARED-LIBRARY STATIC-LIBRARY

The static library has no hidden symbols, so there every name that could collide with a user's must begin with troth_.
"""

import pathlib
import re
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from tap import Report


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def declared(include):
    names = set()
    for header in include.glob("troth/*.h"):
        text = re.sub(r"/\*.*?\*/", "", header.read_text(encoding="utf-8"), flags=re.S)
        text = re.sub(r"^#.*?(?<!\\)$", "", text, flags=re.M | re.S)
        # Not by TROTH_API: a function that lacks it is what this looks for.
        names.update(re.findall(r"\b(troth_\w+)\s*\(", text))
    return names


def exported_elf(nm, library):
    # "troth_version T 1a40 20", with a version suffix after @ where there is one
    return {line.split()[0].split("@")[0] for line in run(nm, "-D", "--defined-only", "-P", library).splitlines() if line}


def exported_dll(objdump, library):
    table = run(objdump, "-p", library).split("[Ordinal/Name Pointer] Table", 1)
    if len(table) != 2:
        raise SystemExit("the DLL has no export table")
    names = set()
    for line in table[1].splitlines()[1:]:
        # "	[   0] troth_version", in newer binutils "[   0] +base[   1]  0000 troth_version"
        match = re.match(r"\s*\[\s*\d+\].*?(\w+)\s*$", line)
        if not match:
            if names:
                break
            continue
        names.add(match.group(1))
    return names


def visible_static(nm, library):
    """Every defined external name of the archive's objects, a PE name's leading underscore (32-bit) taken away."""
    names = set()
    for line in run(nm, "-g", "--defined-only", "-P", library).splitlines():
        fields = line.split()
        if len(fields) >= 2 and not line.endswith(":"):
            names.add(re.sub(r"^_(?=troth_)", "", fields[0]))
    # Comdat sections and import thunks of mingw: not names that C code can write.
    return {name for name in names if re.fullmatch(r"[A-Za-z_]\w*", name)}


def main():
    include, nm, objdump, shared, static = sys.argv[1:]
    report = Report()
    public = declared(pathlib.Path(include))
    report.check("the headers declare functions", [] if len(public) > 10 else [f"found only {sorted(public)}"])

    exported = exported_dll(objdump, shared) if shared.endswith(".dll") else exported_elf(nm, shared)
    report.check("every public function is exported by the shared library",
                 [f"declared, but not exported: {name}" for name in sorted(public - exported)])
    report.check("nothing else is exported by the shared library",
                 [f"exported, but not declared: {name}" for name in sorted(exported - public)])

    visible = visible_static(nm, static)
    report.check("every public function is in the static library",
                 [f"not there: {name}" for name in sorted(public - visible)])
    # The compiler's own names (sanitizers, profiling) begin with two underscores or one and a capital: reserved.
    report.check("every name of the static library begins with troth_",
                 [f"could collide: {name}" for name in sorted(visible)
                  if not name.startswith("troth_") and not re.match(r"_[_A-Z]", name)])
    report.end()


main()
