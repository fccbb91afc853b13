#!/bin/sh
# SPDX-License-Identifier: MIT
# tests/gpu.sh BUILD UNIT...: the operations' tests with the CUDA library of the build in place of the emulator.
set -u
B=$1; shift
LD_LIBRARY_PATH=$(cd "$B" && pwd)${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}; export LD_LIBRARY_PATH
if ! why=$(KM_BUILD=$B "$B/bin/km-info" --device cuda </dev/null 2>&1 >/dev/null); then
    case $why in
    *--device\ cuda:*) echo "skipped: no device (${why#*--device cuda: })"; exit 0 ;;
    esac
fi
exec sh tests/run.sh "$B" "$@" --
