#!/bin/sh
# SPDX-License-Identifier: MIT
# tools/install.sh [--remove] BUILD: puts what BUILD holds under $DESTDIR$PREFIX, or takes away what an earlier call put there:
# share/kinematic/installed lists it, as paths below PREFIX.
set -eu
PREFIX=${PREFIX:-/usr/local} VERSION=${VERSION:-0.1.0}
root=${DESTDIR:-}$PREFIX
list=share/kinematic/installed
cd "$(dirname "$0")/.."

if [ "${1:-}" = --remove ]; then
    [ -f "$root/$list" ] || { echo "install.sh: nothing of kinematic is installed under $root" >&2; exit 1; }
    while read -r f; do rm -f "$root/$f"; done <"$root/$list"
    rm -f "$root/$list"
    # our own directories, where nothing else has moved in
    for d in share/kinematic include/kinematic; do
        [ ! -d "$root/$d" ] || find "$root/$d" -depth -type d -empty -delete
    done
    exit 0
fi

build=$1
mkdir -p "$root/share/kinematic"
: >"$root/$list.new"
put() { # MODE FROM TO: TO is below PREFIX
    mkdir -p "$(dirname "$root/$3")"
    install -m "$1" "$2" "$root/$3"
    echo "$3" >>"$root/$list.new"
}
link() { # TARGET NAME
    ln -sf "$1" "$root/$2"
    echo "$2" >>"$root/$list.new"
}

for p in "$build"/bin/km-*; do
    [ ! -x "$p" ] || put 755 "$p" "bin/$(basename "$p")"
done

put 644 "$build/libkm.so" "lib/libkm.so.$VERSION"
link "libkm.so.$VERSION" lib/libkm.so.0
link libkm.so.0 lib/libkm.so
for l in libkm-mpi.so libkm-rdkit.so; do
    [ ! -f "$build/$l" ] || put 755 "$build/$l" "lib/$l"
done

# kinematic.h and every header that it leads to, so that the installed ones include each other as they do here
headers() {
    sed -n 's/^#include "\(.*\)"$/\1/p' "$1" | while read -r h; do echo "$h"; headers "$h"; done
}
put 644 lib/kinematic.h include/kinematic.h
for h in $(headers lib/kinematic.h | sort -u); do put 644 "$h" "include/kinematic/$h"; done

pc=$(mktemp); trap 'rm -f "$pc"' EXIT
cat >"$pc" <<PC
prefix=$PREFIX
includedir=\${prefix}/include
libdir=\${prefix}/lib

Name: kinematic
Description: all-atom trajectories of biomolecules from a diffusion model
Version: $VERSION
Cflags: -I\${includedir} -I\${includedir}/kinematic
Libs: -L\${libdir} -lkm
PC
put 644 "$pc" lib/pkgconfig/kinematic.pc

for m in man/*.[1-9]; do
    [ ! -f "$m" ] || put 644 "$m" "share/man/man${m##*.}/$(basename "$m")"
done
# where km_model_open looks for a model by its name
for f in pipelines/*.mk pipelines/*.sh pipelines/*.awk pipelines/*.py pipelines/held-out.tsv pipelines/*.yaml pipelines/mini/mini.yaml pipelines/mini/mini.safetensors; do
    [ ! -f "$f" ] || put 644 "$f" "share/kinematic/$(basename "$f")"
done

mv "$root/$list.new" "$root/$list"
