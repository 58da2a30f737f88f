#!/usr/bin/env bash
# Prints what Troth costs beside raw GSSAPI and beside SASL libraries: the tables of docs/performance.md. It takes three
# minutes. Packages that are missing are installed (Debian, Ubuntu).
#
# usage: tools/bench.sh [BUILD-DIRECTORY]    (default: build-bench, made where it is not there)
set -euo pipefail
# shellcheck source=tools/lib.sh
. "$(dirname "$0")/lib.sh"
cd "$root"
need "${packages_build[@]}" "${packages_realm[@]}" "${packages_bench[@]}"
build=${1:-build-bench}
[ -d "$build" ] || meson setup "$build" --buildtype=release -Dwinpr=auto >/dev/null
ninja -C "$build" >/dev/null
exec meson test -C "$build" --no-rebuild --benchmark --verbose speed
