#!/usr/bin/env bash
# Makes WinPR 3 available: FreeRDP's SSPI for POSIX, under which the SSPI backend is tested natively. It comes from the
# distribution, or from the backports beside it, as root or through sudo. The machine's own list of sources and its
# package lists stay as they are. Where it is not to be had: says so and succeeds, and the suite 'winpr' is skipped.
set -uo pipefail
# shellcheck source=tools/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

package=libwinpr3-dev
sudo=()

impossible() {
  say "SKIPPED: WinPR 3 is not to be had here ($*): the suite 'winpr' will be skipped."
  exit 0
}

# The machine's entries of one release, as deb822 stanzas with another suite in its place. Empty: it has none.
other_suite() {
  python3 - "$1" "$2" <<'PYTHON'
import glob
import re
import sys

release, suite = sys.argv[1:]
entries = []  # (URI, components, keyring)

for path in sorted(glob.glob("/etc/apt/sources.list.d/*.sources")):
    for stanza in re.split(r"\n\s*\n", open(path, encoding="utf-8").read()):
        fields = {}
        name = None
        for line in stanza.splitlines():
            if line.startswith("#"):
                continue
            if line[:1] in " \t" and name:
                fields[name] += "\n" + line
            elif ":" in line:
                name, value = line.split(":", 1)
                name = name.strip().lower()
                fields[name] = value
        if fields.get("enabled", "yes").strip().lower() in ("no", "false", "0"):
            continue
        if "deb" in fields.get("types", "").split() and release in fields.get("suites", "").split():
            for uri in fields.get("uris", "").split():
                entries.append((uri, fields.get("components", "main").split(), fields.get("signed-by", "").rstrip()))

for path in ["/etc/apt/sources.list"] + sorted(glob.glob("/etc/apt/sources.list.d/*.list")):
    try:
        lines = open(path, encoding="utf-8").read().splitlines()
    except FileNotFoundError:
        continue
    for line in lines:
        found = re.match(r"deb\s+(?:\[([^]]*)\]\s+)?(\S+)\s+(\S+)\s+(.*)$", line.split("#")[0].strip())
        if found and found[3] == release:
            keyring = re.search(r"signed-by=(\S+)", found[1] or "", re.IGNORECASE)
            entries.append((found[2], found[4].split(), " " + keyring[1] if keyring else ""))

for uri, components, keyring in entries:
    if "main" in components:
        print(f"Types: deb\nURIs: {uri}\nSuites: {suite}\nComponents: main")
        if keyring:
            print(f"Signed-By:{keyring}")
        print()
PYTHON
}

# Debian 12 has it in its backports alone. They are looked up beside the machine's own sources, in lists of our own.
from_backports() {
  local suite=$1-backports work=$root/build/winpr-apt file options
  rm -rf "$work"
  mkdir -p "$work/parts" "$work/lists/partial"
  other_suite "$1" "$suite" >"$work/parts/troth-backports.sources"
  [ -s "$work/parts/troth-backports.sources" ] || impossible "no source of $1 is configured"
  for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources; do
    [ ! -f "$file" ] || cp "$file" "$work/parts/"
  done
  options=(-o Dir::Etc::sourcelist=/dev/null -o "Dir::Etc::sourceparts=$work/parts" -o "Dir::State::lists=$work/lists"
    -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= -o APT::Sandbox::User=
    -o APT::Update::Post-Invoke= -o APT::Update::Post-Invoke-Success=)
  # One source of the machine that cannot be reached is no reason to fail, if another has the package.
  "${sudo[@]}" apt-get -q "${options[@]}" update >"$root/build/winpr-apt.log" 2>&1 </dev/null
  "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q "${options[@]}" install -y --no-install-recommends \
    -t "$suite" "$package" >>"$root/build/winpr-apt.log" 2>&1 </dev/null
}

candidate() {
  apt-cache policy "$package" 2>/dev/null | sed -n 's/^ *Candidate: //p' | grep -v '^(none)$'
}

if installed "$package"; then
  exit 0
fi
if ! command -v apt-get >/dev/null || ! command -v python3 >/dev/null; then
  impossible "this is not Debian or Ubuntu"
fi
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || impossible "this needs root or sudo"
  sudo=(sudo)
fi
mkdir -p "$root/build"
# A fresh machine has no lists yet.
candidate >/dev/null || "${sudo[@]}" apt-get update -q >"$root/build/winpr-apt.log" 2>&1 </dev/null
if candidate >/dev/null; then
  say "Installing with apt-get: $package"
  "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$package" \
    >"$root/build/winpr-apt.log" 2>&1 </dev/null || impossible "apt-get failed; its words are in build/winpr-apt.log"
else
  release=$(. /etc/os-release && printf '%s' "${VERSION_CODENAME:-}")
  [ -n "$release" ] || impossible "the release has no name"
  say "Installing with apt-get, from $release-backports: $package"
  from_backports "$release" || impossible "apt-get failed; its words are in build/winpr-apt.log"
fi
installed "$package" || impossible "apt-get succeeded without it"
