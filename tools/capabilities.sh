#!/usr/bin/env bash
# Runs the tests that show each feature, with every provider, and writes the table of docs/capabilities.md.
set -uo pipefail
# shellcheck source=tools/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

usage() {
  cat <<'EOT'
usage: tools/capabilities.sh [--check]

Builds in build/gcc (with the tests over WinPR) and build/windows, runs the tests that tests/capabilities/rows.py names, and
writes what they came to into docs/capabilities.md. With --check it writes nothing and fails if the document tells
another table. Needs what tools/test.sh needs.
EOT
}

what=write
case ${1:-} in
  --check) what=compare ;;
  --help | -h) usage; exit 0 ;;
  '') ;;
  *) usage >&2; exit 2 ;;
esac

need "${packages_build[@]}" "${packages_realm[@]}" "${packages_ldap[@]}" "${packages_windows[@]}"
"$root/tools/install-winpr.sh" || die "WinPR cannot be installed"
gcc=$root/build/gcc
windows=$root/build/windows
script=$root/tests/capabilities/capabilities.py

# configured DIRECTORY OPTION...: what tools/test.sh may have set up before, with these options.
configured() {
  local directory=$1
  shift
  if [ -f "$directory/build.ninja" ]; then
    meson configure "$directory" "${@##--cross-file*}" >/dev/null 2>&1 || true
  else
    configure "$directory" "$@" || die "cannot set up $directory"
  fi
  ninja -C "$directory" >"$directory.capabilities.log" 2>&1 || { tail -n 30 "$directory.capabilities.log" >&2; die "cannot build in $directory"; }
}

# shown DIRECTORY PROVIDER: runs the provider's tests; their log is kept as build/capabilities-PROVIDER.json.
shown() {
  local names
  mapfile -t names < <(python3 "$script" names "$2")
  meson test -C "$1" --no-rebuild --logbase "capabilities-$2" "${names[@]}" 2>&1 | grep -E 'FAIL|ERROR|TIMEOUT' || true
  cp "$1/meson-logs/capabilities-$2.json" "$root/build/capabilities-$2.json"
}

CC=gcc configured "$gcc" -Dwinpr=enabled
"$root/tools/fetch-subprojects.sh" >"$root/build/fetch-subprojects.log" 2>&1 || cat "$root/build/fetch-subprojects.log"
wine_world
if [ -f "$windows/build.ninja" ]; then
  ninja -C "$windows" >"$windows.capabilities.log" 2>&1 || die "cannot build in $windows"
else
  configured "$windows" --cross-file "$root/tools/cross/x86_64-w64-mingw32.ini"
fi
shown "$gcc" mit
shown "$gcc" winpr
wine_stays
shown "$windows" wine
"$gcc/tests/capabilities/tell" >"$root/build/capabilities-mit.txt"
"$gcc/tests/winpr/tell-winpr" >"$root/build/capabilities-winpr.txt"
wine "$windows/tests/capabilities/tell.exe" 2>/dev/null | tr -d '\r' >"$root/build/capabilities-wine.txt"
wine_end
sources=()
for provider in mit wine winpr; do
  sources+=("$provider=$root/build/capabilities-$provider.txt,$root/build/capabilities-$provider.json")
done
python3 "$script" "$what" "$root" "${sources[@]}"
