#!/bin/sh
# SPDX-License-Identifier: MIT
# tests/long/run.sh BUILD: second opinions from PyPI. Packages come into BUILD/long, once; KM_LONG_PYTHON names a Python that
# has them already. Every tests/long/*.py prints TAP and finds the programs on the PATH.
set -eu
cd "$(dirname "$0")/../.."
B=$1
PATH=$(cd "$B" && pwd)/bin:$PATH; export PATH
python=${KM_LONG_PYTHON:-$B/long/bin/python}
if [ ! -x "$python" ]; then
    python3 -m venv "$B/long"
    "$python" -m pip install -q -r tests/long/requirements.txt
fi
failed=0
for t in tests/long/*.py; do
    echo "# $t"
    "$python" "$t" || failed=1
done
exit $failed
