#!/bin/sh
# Prints what Troth costs beside raw GSSAPI: the table of docs/performance.md. It takes two minutes.
#
# usage: tools/bench.sh [BUILD-DIRECTORY]    (default: build-bench, made where it is not there)
set -eu
cd "$(dirname "$0")/.."
build=${1:-build-bench}
[ -d "$build" ] || meson setup "$build" --buildtype=release >/dev/null
ninja -C "$build" tests/bench/speed tests/realm/troth-realm >/dev/null
exec "$build/tests/realm/troth-realm" -- python3 tests/bench/speed.py "$build/tests/bench/speed"
