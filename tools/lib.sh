# What tools/demo.sh and tools/test.sh share: installing packages, and build directories. Sourced, not run.
# shellcheck shell=bash

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

say() {
  printf '%s\n' "$*"
}

die() {
  printf '%s: %s\n' "$(basename "$0")" "$*" >&2
  exit 1
}

installed() {
  [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# need PACKAGE...: installs those of them that are missing, and says which.
need() {
  local missing=() package sudo=() policy=/usr/sbin/policy-rc.d failed=0
  if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
    say "This is not Debian or Ubuntu. Going on in the hope that what these packages hold is here: $*"
    return
  fi
  for package in "$@"; do
    installed "$package" || missing+=("$package")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  say "Installing with apt-get: ${missing[*]}"
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || die "this needs root or sudo: apt-get install --no-install-recommends ${missing[*]}"
    sudo=(sudo)
  fi
  # The KDC packages and slapd come with services. Nothing here uses them, so they are not started.
  if [ -e "$policy" ]; then
    policy=
  else
    printf '#!/bin/sh\nexit 101\n' | "${sudo[@]}" tee "$policy" >/dev/null
    "${sudo[@]}" chmod 755 "$policy"
  fi
  mkdir -p "$root/build"
  # slapd gets no configuration, without which its service does not start later either. The schema that our own one needs
  # is among krb5-kdc-ldap's documents, which small images leave out.
  if [[ " ${missing[*]} " == *' slapd '* ]]; then
    "${sudo[@]}" debconf-set-selections <<<'slapd slapd/no_configuration boolean true'
  fi
  {
    "${sudo[@]}" apt-get update -q &&
      "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends \
        -o 'DPkg::Options::=--path-include=/usr/share/doc/krb5-kdc-ldap/*' "${missing[@]}"
  } >"$root/build/apt.log" 2>&1 </dev/null || failed=1
  if [[ " ${missing[*]} " == *' slapd '* ]]; then
    "${sudo[@]}" update-rc.d slapd disable >>"$root/build/apt.log" 2>&1
  fi
  [ -z "$policy" ] || "${sudo[@]}" rm -f "$policy"
  if [ "$failed" -ne 0 ]; then
    tail -n 20 "$root/build/apt.log" >&2
    die "apt-get failed; all of its words are in build/apt.log"
  fi
}

# configure DIRECTORY OPTION...: sets a build directory up, or brings a kept one up to date.
configure() {
  local directory=$1
  shift
  if [ -f "$directory/build.ninja" ] && meson setup --reconfigure "$directory" "$root" "$@" >"$directory.log" 2>&1; then
    return 0
  fi
  rm -rf "$directory"
  mkdir -p "$(dirname "$directory")"
  meson setup "$directory" "$root" "$@" >"$directory.log" 2>&1
}

# The packages of each purpose. meson brings ninja and python3 with it.
packages_build=(gcc libc6-dev meson pkg-config libkrb5-dev libssl-dev libuv1-dev libcmocka-dev)
packages_realm=(krb5-kdc krb5-admin-server krb5-user)
packages_ldap=(krb5-kdc-ldap ldap-utils slapd)
packages_pkinit=(krb5-pkinit openssl)
packages_test=(g++ clang valgrind faketime krb5-locales binutils krb5-gss-samples gss-ntlmssp iproute2 util-linux)
packages_bench=(strace valgrind libsasl2-dev libsasl2-modules-gssapi-mit libgsasl-dev)
packages_windows=(gcc-mingw-w64-x86-64 gcc-mingw-w64-i686 wine wine64)

# wine_world: a Windows of our own in build/wine (instead of ~/.wine), made once and silent. wine_stays: its server waits
# for the next program, where Debian's ends with each one and takes longer to start than most programs run; a program that
# meets an ending server may not start at all. wine_end: its last process is gone afterwards.
wine_world() {
  export WINEPREFIX=$root/build/wine WINEDEBUG=-all WINEDLLOVERRIDES='mscoree,mshtml=;winemenubuilder.exe=d'
  # Its server's directory and its desktop's menus stay in build/ too.
  export TMPDIR=$root/build/wine-tmp XDG_DATA_HOME=$root/build/wine-tmp/data XDG_CONFIG_HOME=$root/build/wine-tmp/config
  mkdir -p "$TMPDIR"
  if [ ! -f "$WINEPREFIX/system.reg" ]; then
    say "Making a Windows for Wine in build/wine (once)"
    rm -rf "$WINEPREFIX"
    mkdir -p "$WINEPREFIX"
    wineboot -i >"$root/build/wine.log" 2>&1 </dev/null || {
      tail -n 20 "$root/build/wine.log" >&2
      die "Wine does not start; its words are in build/wine.log"
    }
    wine_end
  fi
}

# Wine's own processes begin with the first program and hold what that one had for stdout, so that is not one whose output
# anybody waits for.
wine_stays() {
  wine_end
  wineserver -p60 >/dev/null 2>&1 </dev/null || true
  wineboot >/dev/null 2>&1 </dev/null || true
}

wine_end() {
  wineserver -k 2>/dev/null || true
  wineserver -w 2>/dev/null || true
}
