#!/bin/sh
# Puts cmocka's tarball where Meson looks for it, out of the distribution's source package, so that the Windows tests
# can be built where the project's own download cannot be reached. The file is upstream's, and Meson checks its hash.
# It needs apt, but not root, and leaves the system's configuration alone.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
wrap=$root/subprojects/cmocka.wrap
wanted=$(sed -n 's/^source_hash *= *//p' "$wrap")
name=$(sed -n 's/^source_filename *= *//p' "$wrap")
cache=$root/subprojects/packagecache
sources_list=${TROTH_APT_SOURCES_LIST:-/etc/apt/sources.list}
sources_parts=${TROTH_APT_SOURCES_PARTS:-/etc/apt/sources.list.d}

right() {
    [ -f "$1" ] && [ "$(sha256sum "$1" | cut -d' ' -f1)" = "$wanted" ]
}

if right "$cache/$name"; then
    echo "cmocka: already in subprojects/packagecache"
    exit 0
fi
command -v apt-get >/dev/null || {
    echo "fetch-cmocka: there is no apt here; let Meson download cmocka, or put $name into $cache" >&2
    exit 1
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
mkdir -p "$work/parts" "$work/lists/partial" "$work/archives/partial" "$work/download"

# The machine's own sources, asked for source packages: "deb" lines, and "Types:" fields of the newer format.
[ ! -f "$sources_list" ] || sed -n 's/^[[:space:]]*deb[[:space:]]/deb-src /p' "$sources_list" >"$work/parts/main.list"
for file in "$sources_parts"/*.list; do
    [ ! -f "$file" ] || sed -n 's/^[[:space:]]*deb[[:space:]]/deb-src /p' "$file" >"$work/parts/${file##*/}"
done
for file in "$sources_parts"/*.sources; do
    [ ! -f "$file" ] || sed 's/^[Tt]ypes:.*/Types: deb-src/' "$file" >"$work/parts/${file##*/}"
done

private_apt() {
    apt-get -q -o Dir::Etc::sourcelist=/dev/null -o Dir::Etc::sourceparts="$work/parts" \
        -o Dir::State::lists="$work/lists" -o Dir::Cache::archives="$work/archives" \
        -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= -o APT::Sandbox::User= \
        -o APT::Update::Post-Invoke= -o APT::Update::Post-Invoke-Success= "$@"
}

# One source of the machine that cannot be reached is no reason to fail, if another has the package.
private_apt update >"$work/log" 2>&1 || true
(cd "$work/download" && private_apt source --download-only cmocka) >>"$work/log" 2>&1 || {
    cat "$work/log" >&2
    echo "fetch-cmocka: the distribution's sources gave no cmocka" >&2
    exit 1
}
for file in "$work/download"/cmocka_*.orig.tar.*; do
    if right "$file"; then
        mkdir -p "$cache"
        cp "$file" "$cache/$name.part"
        mv "$cache/$name.part" "$cache/$name"
        echo "cmocka: $name is now in subprojects/packagecache"
        exit 0
    fi
done
echo "fetch-cmocka: the distribution has another version of cmocka than subprojects/cmocka.wrap names:" >&2
ls "$work/download" >&2
exit 1
