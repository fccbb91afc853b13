/* SPDX-License-Identifier: MIT
 * What tests/emulate/race.h finds of faults planted in emulated kernels, in any order of threads and blocks; it finds
 * none where there are none. */
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/plugin.h"
#include "tests/unit/tap.h"

typedef const char *planted_fn(int i, bool *ret_race, bool *ret_found);

static void test_order(planted_fn *planted, const char *order)
{
    const char *name;
    bool race, found;
    if (order) setenv("KM_EMULATE_ORDER", order, 1);
    for (int i = 0; (name = planted(i, &race, &found)); i++)
        ok(race == found, "%s: %s%s%s", name, race ? "found" : "no race", order ? ", order " : "", order ? order : "");
    unsetenv("KM_EMULATE_ORDER");
}

/* A program that is ended says why; returns whether that holds `what`. */
static bool ends(void (*end)(int), int which, const char *what)
{
    char said[4096];
    size_t n = 0;
    ssize_t got;
    int fds[2], status;
    if (pipe(fds)) return false;
    pid_t child = fork();
    if (child == 0) {
        dup2(fds[1], 2);
        end(which);
        _exit(0);
    }
    close(fds[1]);
    while (n < sizeof said - 1 && (got = read(fds[0], said + n, sizeof said - 1 - n)) > 0) n += (size_t)got;
    close(fds[0]);
    said[n] = 0;
    return waitpid(child, &status, 0) == child && WIFSIGNALED(status) && strstr(said, what);
}

int main(void)
{
    void *lib = km_plugin_open("libkm-cuda.so", false);
    planted_fn *planted = NULL;
    void (*end)(int) = NULL;
    if (lib) *(void **)&planted = dlsym(lib, "km_planted"), *(void **)&end = dlsym(lib, "km_planted_end");
    if (!planted || !end || getenv("KM_EMULATE_RACES")) {
        ok(true, "races of emulated kernels # skip no emulator that looks for them");
        return tap_end();
    }
    ok(ends(end, 0, "hand_kernel"), "a race ends the program and names the kernel");
    ok(ends(end, 0, "planted.cc:"), "and the lines");
    ok(ends(end, 1, "meet at different lines"), "threads that meet at different lines end it");
    ok(ends(end, 2, "out of line"), "so does an access that is not in line");
    test_order(planted, NULL);
    test_order(planted, "reverse");
    test_order(planted, "1");
    return tap_end();
}
