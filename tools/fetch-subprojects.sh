#!/bin/sh
# Puts the tarballs of the Windows build's subprojects (cmocka, libuv) where Meson looks for them, out of the
# distribution's source packages, so that it can be built where the projects' own downloads cannot be reached. The files
# are upstream's, and Meson checks their hashes. It needs apt, but not root, and leaves the system's configuration alone.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
cache=$root/subprojects/packagecache
sources_list=${TROTH_APT_SOURCES_LIST:-/etc/apt/sources.list}
sources_parts=${TROTH_APT_SOURCES_PARTS:-/etc/apt/sources.list.d}

# field NAME WRAP: a field of subprojects/WRAP.wrap.
field() {
    sed -n "s/^$1 *= *//p" "$root/subprojects/$2.wrap"
}

# right FILE WRAP: it is the file that the wrap names.
right() {
    [ -f "$1" ] && [ "$(sha256sum "$1" | cut -d' ' -f1)" = "$(field source_hash "$2")" ]
}

# WRAP:PACKAGE, of those that are not there yet.
missing=
for pair in cmocka:cmocka libuv:libuv1; do
    wrap=${pair%%:*}
    if right "$cache/$(field source_filename "$wrap")" "$wrap"; then
        echo "$wrap: already in subprojects/packagecache"
    else
        missing="$missing $pair"
    fi
done
[ -n "$missing" ] || exit 0
command -v apt-get >/dev/null || {
    echo "fetch-subprojects: there is no apt here; let Meson download the files, or put them into $cache" >&2
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
failed=0
mkdir -p "$cache"
for pair in $missing; do
    wrap=${pair%%:*}
    package=${pair#*:}
    name=$(field source_filename "$wrap")
    (cd "$work/download" && private_apt source --download-only "$package") >>"$work/log" 2>&1 || {
        cat "$work/log" >&2
        echo "fetch-subprojects: the distribution's sources gave no $package" >&2
        failed=1
        continue
    }
    for file in "$work/download/$package"_*.orig.tar.*; do
        if right "$file" "$wrap"; then
            cp "$file" "$cache/$name.part"
            mv "$cache/$name.part" "$cache/$name"
            echo "$wrap: $name is now in subprojects/packagecache"
            continue 2
        fi
    done
    echo "fetch-subprojects: the distribution has another version of $package than subprojects/$wrap.wrap names:" >&2
    ls "$work/download" >&2
    failed=1
done
exit "$failed"
