/* SPDX-License-Identifier: MIT */
#include "kernels/cuda/python.h"

#include <dlfcn.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The first that can be opened of prefix/lib/python3.../..-packages/nvidia/.../lib/name. */
static void *open_below(const char *prefix, size_t length, const char *name)
{
    char pattern[1024];
    glob_t found;
    void *lib = nullptr;
    snprintf(pattern, sizeof pattern, "%.*s/lib/python3*/{site,dist}-packages/nvidia/*/lib/%s", (int)length, prefix,
             name);
    if (glob(pattern, GLOB_BRACE, nullptr, &found) == 0)
        for (size_t k = 0; k < found.gl_pathc && !lib; k++) lib = dlopen(found.gl_pathv[k], RTLD_NOW);
    globfree(&found);
    return lib;
}

void *km_open_python(const char *name)
{
    static const char bin[] = "/bin";
    const char *path = getenv("PATH"), *home = getenv("HOME");
    char own[512];
    void *lib = nullptr;
    while (path && *path && !lib) {
        const char *end = strchrnul(path, ':');
        const size_t length = (size_t)(end - path), tail = sizeof bin - 1;
        if (length >= tail && memcmp(end - tail, bin, tail) == 0) lib = open_below(path, length - tail, name);
        path = *end ? end + 1 : end;
    }
    snprintf(own, sizeof own, "%s/.local", home ? home : "");
    return lib ? lib : open_below(own, strlen(own), name);
}
