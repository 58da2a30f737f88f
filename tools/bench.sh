#!/usr/bin/env bash
# Prints what Troth costs beside raw GSSAPI and beside SASL libraries: the tables of docs/performance.md.
set -euo pipefail
# shellcheck source=tools/lib.sh
. "$(dirname "$0")/lib.sh"

usage() {
  cat <<'EOF'
usage: tools/bench.sh [BUILD-DIRECTORY]

Installs what is missing (as root or through sudo; Debian and Ubuntu), builds Troth in BUILD-DIRECTORY (build/bench), and prints
the tables of docs/performance.md, in three minutes.
EOF
}

case ${1:-} in
  --help | -h) usage; exit 0 ;;
  -*) usage >&2; exit 2 ;;
esac
cd "$root"
need "${packages_build[@]}" "${packages_realm[@]}" "${packages_bench[@]}"
build=${1:-build/bench}
[ -d "$build" ] || meson setup "$build" --buildtype=release -Dwinpr=auto >/dev/null
ninja -C "$build" >/dev/null
exec meson test -C "$build" --no-rebuild --benchmark --verbose speed
