#!/bin/sh
# SPDX-License-Identifier: MIT
# tools/bundle.sh BUILD DIR: to the programs and tests that make put into DIR, reference cases, the small model and every
# library that they need but libc's own, cuBLASLt and the driver. DIR runs on a bare machine of the same kind: DIR/check
# unpacks it there and runs the tests.
set -eu
B=$1 D=$2
rm -rf "$D/lib" "$D/share" "$D/cases"
mkdir -p "$D/lib" "$D/share/kinematic" "$D/cases"
cp tests/data/oracle/*.safetensors tests/data/oracle/*.cif "$D/cases/"
cp pipelines/mini/mini.safetensors "$D/share/kinematic/"
cp pipelines/mini/examples/LGE.pdb pipelines/mini/examples/LGE.xtc "$D/cases/"
cp tests/device.sh tests/device_runs.sh "$D/tests/"
cp "$B/libkm.so" "$D/lib/libkm.so.0"
[ ! -e "$B/libkm-cuda.so" ] || cp "$B/libkm-cuda.so" "$D/lib/"
libc='^(linux-vdso|ld-linux|libc|libm|libdl|libpthread|librt|libresolv)[-.]'
LD_LIBRARY_PATH=$D/lib ldd "$D"/bin/* "$D"/tests/oracle "$D"/tests/test_* "$D"/lib/*.so* | awk '$2 == "=>" && $3 ~ /^\// { print $3 }' | sort -u |
    while read -r so; do
        name=$(basename "$so")
        printf '%s\n' "$name" | grep -qE "$libc" || [ -e "$D/lib/$name" ] || cp -L "$so" "$D/lib/"
    done
chmod u+w "$D"/lib/*
strip --strip-unneeded "$D"/lib/*
gzip -9n "$D"/lib/*
cat >"$D/unpack" <<'U'
#!/bin/sh
# Once, before the first program runs.
cd "$(dirname "$0")" || exit 4
for z in lib/*.gz; do [ ! -e "$z" ] || gzip -d "$z" || exit 4; done
U
cat >"$D/check" <<'C'
#!/bin/sh
# The tests on device 0: operations, reference cases, a forecast and a training run beside the processor's.
cd "$(dirname "$0")" && ./unpack || exit 4
exec sh tests/device.sh bin tests tests/oracle cases cases/LGE
C
chmod +x "$D/check" "$D/unpack"
du -sm "$D" | awk '{ print $2 ": " $1 " MiB"; exit $1 >= 60 }'
