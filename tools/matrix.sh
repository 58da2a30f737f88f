#!/usr/bin/env bash
# Runs the interop matrix: every peer as initiator against every peer as acceptor, for both mechanisms, in one command.
set -uo pipefail
# shellcheck source=tools/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

usage() {
  cat <<'EOT'
usage: tools/matrix.sh [--check] [--only TEXT]

Installs what is missing (as root or through sudo; Debian and Ubuntu), builds the programs in build/gcc and build/windows,
runs all pairs in a throwaway Kerberos realm, and writes the table into docs/interoperability.md.

  --check      write nothing; fail if the document tells another table
  --only TEXT  only the pairs whose name holds TEXT, such as "negotiate: troth (Linux)"; the document is left alone
  --help       this text

What was run is also in build/matrix.json, for tools/count.py. Exit code 0 means that no cell is empty, unexplained or wrong.
EOT
}

document=(--document "$root/docs/interoperability.md" --write)
while [ $# -gt 0 ]; do
  case $1 in
    --check) document=(--document "$root/docs/interoperability.md") ;;
    --only) [ $# -gt 1 ] || { usage >&2; exit 2; }; document=(--only "$2"); shift ;;
    --help | -h) usage; exit 0 ;;
    *) usage >&2; exit 2 ;;
  esac
  shift
done

rm -f "$root/build/matrix.json"
need "${packages_build[@]}" "${packages_realm[@]}" krb5-gss-samples "${packages_windows[@]}"

# made DIRECTORY TARGETS -- OPTION...: the programs of build/DIRECTORY, which tools/test.sh may have set up before.
made() {
  local directory=$root/build/$1 targets=()
  shift
  while [ "$1" != -- ]; do targets+=("$1"); shift; done
  shift
  if ! grep -qs "${targets[-1]}:" "$directory/build.ninja" && ! configure "$directory" -Dwerror=true "$@"; then
    tail -n 30 "$directory.log" >&2
    die "cannot set up $directory"
  fi
  if ! ninja -C "$directory" "${targets[@]}" >"$directory.matrix.log" 2>&1; then
    tail -n 30 "$directory.matrix.log" >&2
    die "cannot build in $directory"
  fi
}

gcc=$root/build/gcc
windows=$root/build/windows
"$root/tools/install-winpr.sh" || die "WinPR cannot be installed"
CC=gcc made gcc tools/troth tests/interop/raw-gss tests/realm/troth-realm --
"$root/tools/fetch-subprojects.sh" >"$root/build/fetch-subprojects.log" 2>&1 || cat "$root/build/fetch-subprojects.log"
wine_world
made windows tools/troth.exe tests/interop/raw-sspi.exe tests/interop/classic-sspi.exe -- \
  --cross-file "$root/tools/cross/x86_64-w64-mingw32.ini"
winpr=()
if installed libwinpr3-dev; then
  made gcc tests/winpr/troth-winpr -- -Dwinpr=enabled
  winpr=(--troth-winpr "$gcc/tests/winpr/troth-winpr")
fi

wine_stays
"$gcc/tests/realm/troth-realm" -- python3 "$root/tests/interop/matrix.py" --log "$root/build/matrix.json" \
  --troth "$gcc/tools/troth" --troth-exe "$windows/tools/troth.exe" --raw-gss "$gcc/tests/interop/raw-gss" \
  --raw-sspi "$windows/tests/interop/raw-sspi.exe" --classic "$windows/tests/interop/classic-sspi.exe" \
  "${winpr[@]}" "${document[@]}"
status=$?
wine_end
exit "$status"
