#!/usr/bin/env bash
# Builds Troth every way that is supported here and runs all of its tests, from a fresh Debian or Ubuntu machine on.
set -uo pipefail
# shellcheck source=tools/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

usage() {
  cat <<'EOF'
usage: tools/test.sh [--posix]

Installs what is missing (as root or through sudo; Debian and Ubuntu), then builds and tests
  gcc        every suite, warnings are errors
  clang      the suites that exercise all of the library, warnings are errors
  sanitizers AddressSanitizer and UndefinedBehaviorSanitizer
  threads    ThreadSanitizer: threads that share credentials while files change (suite race)
  valgrind   memcheck with leak check, on the gcc build
  mutants    copies of the sources without one of their checks each: the tests must fail (tests/mutants)
  windows    the Windows library, tool and tests, built with mingw-w64 and run under Wine
  windows-32 the same for 32 bits, compiled only
  matrix     every peer against every peer (tools/matrix.sh), and that docs/interoperability.md shows the same table
and ends with a line of real counts: N passed, N failed, N skipped. What was skipped is listed with its reason.

  --posix    without the Windows part: quicker, and needs neither Wine nor mingw-w64
  --help     this text

Build directories stay in build/, so that the next run is quick. Exit code 0 means that nothing failed.
EOF
}

windows=yes
for argument in "$@"; do
  case $argument in
    --posix) windows=no ;;
    --help | -h) usage; exit 0 ;;
    *) usage >&2; exit 2 ;;
  esac
done

need "${packages_build[@]}" "${packages_realm[@]}" "${packages_ldap[@]}" "${packages_pkinit[@]}" "${packages_test[@]}"
if [ "$windows" = yes ]; then
  need "${packages_windows[@]}"
fi
cd "$root" || exit 1

logs=()     # LABEL=LOG for the count
failures=() # --failed WHAT for the count

failed() {
  say "FAILED: $1"
  failures+=(--failed "$1")
}

targets=() # what is built; empty: everything

# build NAME OPTION...: a build directory build/NAME with warnings as errors; the compilers' words are shown on failure.
build() {
  local name=$1 directory=build/$1
  shift
  say "== $name: building"
  if ! configure "$root/$directory" -Dwerror=true "$@"; then
    tail -n 30 "$root/$directory.log"
    failed "$name: setting up"
    return 1
  fi
  if ! ninja -C "$directory" "${targets[@]}" >"$directory.log" 2>&1; then
    grep -E -A 12 '^FAILED|error:|undefined reference' "$directory.log" | head -n 60
    failed "$name: building (all of it in $directory.log)"
    return 1
  fi
}

# run LABEL NAME OPTION...: the tests of build/NAME, as the options choose them. LABEL is for the count.
run() {
  local label=$1 directory=build/$2 log
  shift 2
  # Meson names the log after the setup that it used.
  rm -f "$directory"/meson-logs/testlog*.json
  say "== $label: testing"
  meson test -C "$directory" --no-rebuild --print-errorlogs "$@" </dev/null
  for log in "$directory"/meson-logs/testlog*.json; do
    if [ ! -s "$log" ]; then
      failed "$label: no test was run"
      return
    fi
    # The next run in this directory must not take it away.
    mv "$log" "$directory/meson-logs/$label.json"
    logs+=("$label=$directory/meson-logs/$label.json")
  done
}

# mutants LABEL OPTION...: sees the tests fail from which a check was taken away.
mutants() {
  local label=$1 log=build/mutants-$1.json
  shift
  say "== mutants-$label: testing"
  rm -f "$log"
  CC=gcc tests/mutants/mutants.py --log "$log" "$label" "build/mutants-$label" "$@" || say "mutants-$label: FAILED"
  if [ -s "$log" ]; then
    logs+=("mutants-$label=$log")
  else
    failed "mutants-$label: it did not run"
  fi
}

# Where it is not to be had, this says so, and the suite 'winpr' is left out.
tools/install-winpr.sh

if CC=gcc build gcc -Dwinpr=auto; then
  run gcc gcc
  # Same programs, once more, with every byte watched; how it is done is in tests/meson.build.
  run valgrind gcc --setup=valgrind
fi
mutants posix
if CC=clang build clang; then
  run clang clang --suite project --suite unit --suite contract --suite streams --suite interop --suite errors \
    --suite fuzz
fi
if CC=gcc build sanitizers -Db_sanitize=address,undefined -Dwinpr=auto; then
  run sanitizers sanitizers --no-suite scale
fi
# Only what its suite needs is built.
targets=(tests/faults/test_threads tests/rotation/test_rotation_traffic tests/realm/troth-realm)
if CC=gcc build threads -Db_sanitize=thread; then
  run threads threads --suite race
fi
targets=()

if [ "$windows" = yes ]; then
  # Meson downloads cmocka and libuv for the cross builds; where their sites are out of reach, the distribution has the
  # same files.
  tools/fetch-subprojects.sh >build/fetch-subprojects.log 2>&1 || cat build/fetch-subprojects.log
  wine_world
  if build windows --cross-file tools/cross/x86_64-w64-mingw32.ini; then
    wine_stays
    run windows windows --no-suite scale --timeout-multiplier 3
  fi
  mutants windows --cross-file "$root/tools/cross/x86_64-w64-mingw32.ini"
  # There is no 32-bit Wine in a usual installation: this shows that it compiles.
  if build windows-32 --cross-file tools/cross/i686-w64-mingw32.ini; then
    say "== windows-32: compiled"
  fi
  wine_end
  # Its programs are those that were just tested.
  say "== matrix: testing"
  tools/matrix.sh --check || say "matrix: FAILED"
  if [ -s build/matrix.json ]; then
    logs+=("matrix=$root/build/matrix.json")
  else
    failed "matrix: it did not run"
  fi
fi

python3 tools/count.py "${failures[@]}" "${logs[@]}"
