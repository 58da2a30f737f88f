#!/usr/bin/env bash
# Shows Troth at work: a server and a client prove themselves to each other inside a throwaway Kerberos realm.
set -uo pipefail
# shellcheck source=tools/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

usage() {
  cat <<'EOF'
usage: tools/demo.sh [--posix]

Installs what is missing (as root or through sudo; Debian and Ubuntu), builds Troth in build/demo, makes a Kerberos realm
that exists for these seconds only, and lets `troth serve` and `troth connect` authenticate each other in it: Linux to
Linux, and with the Windows program under Wine in either role.

  --posix    Linux to Linux only: quicker, and needs neither Wine nor mingw-w64
  --help     this text

Exit code 0 means that every line of the table was verified and every refusal was one. Nothing is left behind but build/.
EOF
}

windows=yes
inside=no
for argument in "$@"; do
  case $argument in
    --posix) windows=no ;;
    --inside-the-realm) inside=yes ;;
    --help | -h) usage; exit 0 ;;
    *) usage >&2; exit 2 ;;
  esac
done

message='Nobody else can read or change this line.'
linux=("$root/build/demo/tools/troth")
win=(wine "$root/build/demo-win64/tools/troth.exe")
failures=0

# Runs the words of "Linux" or "Windows" before the arguments.
troth() {
  local platform=$1
  shift
  if [ "$platform" = Windows ]; then
    "${win[@]}" "$@"
  else
    "${linux[@]}" "$@"
  fi
}

# serve PLATFORM OPTION...: starts an acceptor for one connection; sets server (its process) and port.
serve() {
  local platform=$1 line
  shift
  rm -f "$work/listening"
  mkfifo "$work/listening"
  troth "$platform" serve --listen 127.0.0.1:0 --service "$service" --once "$@" >"$work/listening" 2>"$work/acceptor.err" &
  server=$!
  exec {acceptor_lines}<"$work/listening"
  port=
  while [ -z "$port" ] && read -r -t 60 line <&"$acceptor_lines"; do
    line=${line%$'\r'}
    case $line in "listening: "*) port=${line##*:} ;; esac
  done
  [ -n "$port" ]
}

# finished: waits for the acceptor; its lines go to acceptor.out. Its exit code.
finished() {
  # It serves one connection and ends. If none came, it would wait for ever.
  timeout 30 cat <&"$acceptor_lines" | tr -d '\r' >"$work/acceptor.out"
  [ "${PIPESTATUS[0]}" -eq 0 ] || kill "$server"
  exec {acceptor_lines}<&-
  wait "$server"
  local code=$?
  server=
  return "$code"
}

has() {
  grep -q "^properties:.* $1\b" "$work/initiator.out" && grep -q "^properties:.* $1\b" "$work/acceptor.out" && echo yes || echo NO
}

# row INITIATOR ACCEPTOR MECHANISM: one conversation, and its line of the table.
row() {
  local initiator=$1 acceptor=$2 mechanism=$3 verdict=0 echoed=NO mutual integrity confidentiality
  if serve "$acceptor" --mechanism "$mechanism"; then
    troth "$initiator" connect "127.0.0.1:$port" --target "$service" --mechanism "$mechanism" --message "$message" \
      2>"$work/initiator.err" </dev/null | tr -d '\r' >"$work/initiator.out"
    [ "${PIPESTATUS[0]}" -eq 0 ] || verdict=1
  else
    verdict=1
    : >"$work/initiator.out"
    : >"$work/initiator.err"
  fi
  finished || verdict=1
  grep -qxF "echo: $message" "$work/initiator.out" && echoed=yes
  mutual=$(has mutual) integrity=$(has integrity) confidentiality=$(has confidentiality)
  case $mutual$integrity$confidentiality$echoed in *NO*) verdict=1 ;; esac
  printf '  %-10s %-10s %-10s %-7s %-10s %-16s %-7s\n' "$initiator" "$acceptor" "$mechanism" "$mutual" "$integrity" \
    "$confidentiality" "$echoed"
  if [ "$verdict" -ne 0 ]; then
    failures=$((failures + 1))
    say "  ^ FAILED. The initiator said:"
    sed 's/^/      /' "$work/initiator.err"
    say "    The acceptor said:"
    sed 's/^/      /' "$work/acceptor.err"
  fi
}

# refusal WHAT STATUS WHO OPTION...: a conversation that must fail at WHO (initiator or acceptor), with STATUS.
refusal() {
  local what=$1 status=$2 who=$3 accepted=no
  shift 3
  say "$what"
  if ! serve Linux --mechanism kerberos; then
    say "  FAILED: the acceptor did not start"
    failures=$((failures + 1))
    finished
    return
  fi
  troth Linux connect "127.0.0.1:$port" --mechanism kerberos --message "$message" "$@" \
    >"$work/initiator.out" 2>"$work/initiator.err" </dev/null && accepted=yes
  finished && accepted=yes
  if [ "$accepted" = no ] && grep -qF "[$status]" "$work/$who.err"; then
    grep -F "[$status]" "$work/$who.err" | fold -s -w 108 | sed 's/^/    /; s/ *$//'
  else
    failures=$((failures + 1))
    say "  FAILED: this had to be refused with $status, and was not. The initiator and the acceptor said:"
    sed 's/^/      /' "$work/initiator.err" "$work/acceptor.err"
  fi
  say
}

# What happens inside the realm.
show() {
  local pair mechanism
  service=$TROTH_REALM_SERVICE@$TROTH_REALM_HOST
  work=$TROTH_REALM_DIR/demo
  mkdir "$work"
  server=
  trap '[ -z "$server" ] || kill "$server" 2>/dev/null' EXIT
  trap 'exit 130' INT TERM
  say
  say "A Kerberos realm, $TROTH_REALM, now runs on 127.0.0.1. Initiator: $TROTH_REALM_USER. Acceptor: $service."
  say "Each line is one conversation. A yes stands there only if both ends verified it, each by itself:"
  say
  printf '  %-10s %-10s %-10s %-7s %-10s %-16s %-7s\n' initiator acceptor mechanism mutual integrity confidentiality echoed
  local pairs=("Linux Linux")
  [ "$windows" = no ] || pairs+=("Windows Linux" "Linux Windows")
  for pair in "${pairs[@]}"; do
    for mechanism in kerberos negotiate; do
      # shellcheck disable=SC2086
      row $pair $mechanism
    done
  done
  say
  say "  mutual           the server proved who it is to the client, and the client to the server"
  say "  integrity        a message that was changed on its way is an error"
  say "  confidentiality  every message was encrypted"
  say "  echoed           the client's message went to the server and back, protected both ways, and came back the same"
  say
  say "And this is what it looks like when something is not as it should be:"
  say
  refusal "A client looks for a server that the realm does not know. It says:" TROTH_E_UNKNOWN_TARGET initiator \
    --target "nobody@$TROTH_REALM_HOST"
  refusal "A client does not want the server to prove itself. The server will not have it, and says:" \
    TROTH_E_REQUIREMENT acceptor --target "$service" --request integrity --require integrity
  if [ "$failures" -eq 0 ]; then
    say "All of it is as it should be: every conversation was verified at both ends, every refusal was one."
    return 0
  fi
  say "$failures of these did NOT go as they should."
  return 1
}

if [ "$inside" = yes ]; then
  show
  exit
fi

# A step of the preparations; its words are shown only when it fails.
prepare() {
  local log=$root/build/demo.log
  if ! "$@" >"$log" 2>&1; then
    tail -n 40 "$log" >&2
    die "failed: $*"
  fi
}

need "${packages_build[@]}" "${packages_realm[@]}"
mkdir -p "$root/build"
say "Building Troth in build/demo"
prepare configure "$root/build/demo" --buildtype=release -Dtool=enabled
prepare ninja -C "$root/build/demo" tools/troth tests/realm/troth-realm
forward=()
if [ "$windows" = yes ]; then
  need "${packages_windows[@]}"
  wine_world # first, since Meson tries the compiler's programs under Wine
  say "Building Troth for Windows in build/demo-win64"
  prepare configure "$root/build/demo-win64" --cross-file "$root/tools/cross/x86_64-w64-mingw32.ini" --buildtype=release \
    -Dtool=enabled -Dtests=disabled
  prepare ninja -C "$root/build/demo-win64" tools/troth.exe
else
  forward=(--posix)
fi
"$root/build/demo/tests/realm/troth-realm" -- "$BASH" "$root/tools/demo.sh" --inside-the-realm "${forward[@]}"
status=$?
[ "$windows" = no ] || wine_end
exit "$status"
