/* SPDX-License-Identifier: MIT */
#include "kernels/cuda/python.h"

#include <dlfcn.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>

void *km_open_python(const char *name)
{
    static const char *const places[] = {"/usr/lib/python3/dist-packages", "/usr/local/lib/python3*/site-packages",
                                         "/usr/local/lib/python3*/dist-packages"};
    void *lib = nullptr;
    const char *env = getenv("VIRTUAL_ENV"), *home = getenv("HOME");
    char pattern[5][512];
    int n = 0;
    if (env)
        snprintf(pattern[n++], sizeof *pattern, "%s/lib/python3*/site-packages/nvidia/*/lib/%s", env,
                 name);
    if (home)
        snprintf(pattern[n++], sizeof *pattern, "%s/.local/lib/python3*/site-packages/nvidia/*/lib/%s", home,
                 name);
    for (int i = 0; i < 3; i++)
        snprintf(pattern[n++], sizeof *pattern, "%s/nvidia/*/lib/%s", places[i], name);
    for (int i = 0; i < n && !lib; i++) {
        glob_t found;
        if (glob(pattern[i], 0, nullptr, &found) == 0)
            for (size_t k = 0; k < found.gl_pathc && !lib; k++) lib = dlopen(found.gl_pathv[k], RTLD_NOW);
        globfree(&found);
    }
    return lib;
}
