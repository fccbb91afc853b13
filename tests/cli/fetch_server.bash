# SPDX-License-Identifier: MIT
# fetch_server.py for the tests of one file: its address in S, its log of requests in LOG.
setup_file() {
    export S LOG=$BATS_FILE_TMPDIR/log
    "${PYTHON:-/usr/bin/python3}" "$BATS_TEST_DIRNAME/fetch_server.py" "$BATS_FILE_TMPDIR/port" "$LOG" 3>&- &
    echo $! >"$BATS_FILE_TMPDIR/pid"
    for _ in $(seq 200); do [ -e "$BATS_FILE_TMPDIR/port" ] && break; sleep 0.05; done
    S=http://127.0.0.1:$(cat "$BATS_FILE_TMPDIR/port")
}

teardown_file() { kill "$(cat "$BATS_FILE_TMPDIR/pid")"; }

asked() { grep -c "$1" "$LOG" || true; }
