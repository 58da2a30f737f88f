"""Shows that the tree keeps the design's own rules: where a platform may be asked for, who may know which backend, that
the README shows the example that is compiled, and that each mutant still has something to take out.

usage: check.py SOURCE-ROOT
"""

import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "mutants"))
from checks import CHECKS
from tap import Report

# What only a platform or a compiler for it defines.
PLATFORM = re.compile(
    r"^\s*#\s*(?:if|ifdef|ifndef|elif)\b.*\b(?:_WIN32|_WIN64|WIN32|__MINGW\w+|_MSC_VER|__CYGWIN__|"
    r"__linux__|linux|__unix__|unix|__APPLE__|__\w+BSD__|__sun|__ANDROID__|_POSIX_VERSION)\b")
PLATFORM_FILES = {"src/portability.c"}

# The security headers of the operating systems. Backends include them, common code never does.
SECURITY_HEADER = re.compile(
    r"^\s*#\s*include\s*[<\"](?:gssapi|krb5|k5-|com_err|et/com_err|heimdal|sspi|security|secext|ntsecapi|ntsecpkg|"
    r"schannel|wincred|credssp|winpr/)", re.I)
# The other headers of one system only.
SYSTEM_HEADER = re.compile(
    r"^\s*#\s*include\s*<(?:windows|winsock2?|ws2tcpip|winnt|unistd|sys/\w+|poll|pthread|netinet/\w+|arpa/\w+|netdb|"
    r"fcntl|signal)\.h>", re.I)
BACKEND_NAME = re.compile(r"(?<![A-Za-z])(?:gssapi|gss_|sspi|GSS_S_|GSS_C_|SEC_E_|SEC_I_|ISC_|ASC_|krb5_|KRB5)")


def code(path):
    """The file's lines without comments and text in quotes, the numbering kept."""
    text = path.read_text(encoding="utf-8")
    text = re.sub(r"/\*.*?\*/", lambda match: re.sub(r"[^\n]", " ", match.group()), text, flags=re.S)
    text = re.sub(r"//.*", "", text)
    lines = []
    for line in text.splitlines():
        if not re.match(r"\s*#\s*include", line):
            line = re.sub(r'"(?:\\.|[^"\\])*"', '""', line)
        lines.append(line)
    return lines


def offences(root, folders, pattern, allowed=frozenset()):
    found = []
    for folder in folders:
        for path in sorted((root / folder).rglob("*.[ch]")):
            name = path.relative_to(root).as_posix()
            if name in allowed:
                continue
            for number, line in enumerate(code(path), 1):
                if pattern.search(line):
                    found.append(f"{name}:{number}: {line.strip()}")
    return found


def platform_offences(root):
    """The export macro of troth.h is the one exception: what stands between its first #if and its #endif."""
    found = offences(root, ["src", "include"], PLATFORM, PLATFORM_FILES)
    lines = code(root / "include/troth/troth.h")
    first = next((n for n, line in enumerate(lines, 1) if "_WIN32" in line), 0)
    last = next((n for n, line in enumerate(lines, 1) if n > first and re.match(r"\s*#\s*endif", line)), 0)
    macro = {f"include/troth/troth.h:{n}:" for n in range(first, last)}
    return [line for line in found if not any(line.startswith(place) for place in macro)]


def long_lines(root):
    found = []
    for folder in ["src", "include", "backends", "tests", "tools", "examples"]:
        for path in sorted((root / folder).rglob("*.[ch]")):
            for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
                if len(line) > 120 or "\t" in line or line != line.rstrip():
                    found.append(f"{path.relative_to(root).as_posix()}:{number}: over 120 columns, a tab, or a trailing space")
    return found


def opening_sentence(root):
    """Every C file opens by saying what it is responsible for."""
    found = []
    for folder in ["src", "include", "backends", "tests", "tools", "examples"]:
        for path in sorted((root / folder).rglob("*.[ch]")):
            if not path.read_text(encoding="utf-8").startswith("/*"):
                found.append(f"{path.relative_to(root).as_posix()} does not begin with a comment")
    return found


def readme_example(root):
    readme = (root / "README.md").read_text(encoding="utf-8")
    example = (root / "examples/readme.c").read_text(encoding="utf-8")
    blocks = re.findall(r"^```c\n(.*?)^```$", readme, flags=re.M | re.S)
    if example in blocks:
        return []
    return ["README.md holds no block of C that is examples/readme.c, byte for byte"]


def moved_mutants(root):
    """What the mutants take out stands where they look for it: to see each of them at work takes minutes."""
    found = []
    for check in [check for checks in CHECKS.values() for check in checks]:
        count = (root / check.file).read_text(encoding="utf-8").count(check.there)
        if count != 1:
            found.append(f"{check.file} has this {count} times, and not once: {check.there} (tests/mutants/checks.py)")
    return found


def main():
    root = pathlib.Path(sys.argv[1])
    report = Report()
    report.check("only portability.c and the export macro ask for the platform", platform_offences(root))
    report.check("common code includes no header of an OS security library",
                 offences(root, ["src", "include"], SECURITY_HEADER))
    report.check("common code includes no header of one system, but for portability.c",
                 offences(root, ["src", "include"], SYSTEM_HEADER, PLATFORM_FILES))
    report.check("common code never names a backend", offences(root, ["src", "include"], BACKEND_NAME))
    report.check("lines have at most 120 columns, no tab and no trailing space", long_lines(root))
    report.check("every C file opens with what it is responsible for", opening_sentence(root))
    report.check("what the mutants take out is there", moved_mutants(root))
    if (root / "examples/readme.c").exists():
        report.check("README.md shows examples/readme.c as it is compiled", readme_example(root))
    else:
        report.skip("README.md shows examples/readme.c as it is compiled", "there is no examples/readme.c")
    report.end()


main()
