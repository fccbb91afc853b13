#!/bin/sh
# SPDX-License-Identifier: MIT
# tools/bundle.sh BUILD DIR: programs, the operations' tests, reference cases, the small model and every library that
# they need but libc's own, cuBLASLt and the driver, in a folder that runs on a bare machine of the same kind: DIR/check runs the tests.
set -eu
B=$1 D=$2
rm -rf "$D"
mkdir -p "$D/bin" "$D/lib" "$D/tests/cases" "$D/share/kinematic"
cp "$B"/bin/km-* "$D/bin/"
cp "$B"/tests/unit/test_op_* "$B/tests/unit/test_cuda" "$B/tests/oracle" "$D/tests/"
cp tests/data/oracle/*.safetensors "$D/tests/cases/"
cp pipelines/mini/mini.safetensors "$D/share/kinematic/"
[ -e "$B/libkm-cuda.so" ] && cp "$B/libkm-cuda.so" "$D/lib/"
ours='^(linux-vdso|ld-linux|libc|libm|libdl|libpthread|librt)[-.]'
ldd "$D"/bin/* "$D"/tests/test_* "$D/tests/oracle" | awk '$2 == "=>" && $3 ~ /^\// { print $3 }' | sort -u | while read -r so; do
    printf '%s\n' "$(basename "$so")" | grep -qE "$ours" || cp -L "$so" "$D/lib/"
done
strip --strip-unneeded "$D"/bin/* "$D"/tests/test_* "$D/tests/oracle" "$D"/lib/*.so* 2>/dev/null || true
cat >"$D/check" <<'C'
#!/bin/sh
# The operations' tests on device 0, then the reference cases on the processor.
cd "$(dirname "$0")" || exit 4
LD_LIBRARY_PATH=$PWD/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}; export LD_LIBRARY_PATH
bin/km-info --device cuda </dev/null >/dev/null 2>why
case $(cat why) in *--device*) echo "skipped: no device ($(cat why))"; exit 0 ;; esac
bad=0
for t in tests/test_*; do "$t" >log 2>&1 || bad=1; echo "$(basename "$t"): $(grep -c '^ok' log) ok, $(grep -c '^not ok' log) not ok"; grep '^not ok' log; done
tests/oracle tests/cases/*.safetensors | grep -c ' ok$'
exit $bad
C
chmod +x "$D/check"
du -sm "$D" | awk '{ print $2 ": " $1 " MiB"; exit $1 >= 60 }'
