/* SPDX-License-Identifier: MIT
 * That the emulator's stand-ins for NVIDIA's libraries refuse what is documented as refused
 * (tests/emulate/trials.cc). */
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/plugin.h"
#include "tests/unit/tap.h"

typedef const char *trial_fn(int i, bool *ret_good);
typedef const char *end_fn(int i, bool done);

static bool ends(end_fn *end, int i)
{
    int status;
    pid_t child = fork();
    if (child == 0) {
        close(2);
        setenv("KM_EMULATE_STREAMS", "early", 1);
        end(i, true);
        _exit(0);
    }
    return waitpid(child, &status, 0) == child && WIFSIGNALED(status);
}

int main(void)
{
    void *lib = km_plugin_open("libkm-cuda.so", false);
    trial_fn *trial = NULL;
    end_fn *end = NULL;
    const char *name;
    bool good;
    if (lib) *(void **)&trial = dlsym(lib, "km_trial"), *(void **)&end = dlsym(lib, "km_trial_end");
    if (!trial || !end) {
        ok(true, "stand-ins # skip no emulator");
        return tap_end();
    }
    for (int i = 0; (name = end(i, false)); i++) ok(ends(end, i), "%s: ends the program", name);
    for (int i = 0; (name = trial(i, &good)); i++) ok(good, "%s", name);
    return tap_end();
}
