/* SPDX-License-Identifier: MIT */
#include "lib/base/cuda.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/plugin.h"

const struct km_backend *km_cuda_load(int index, void (*fail)(const char *msg), char *msg, size_t room)
{
    void *lib = km_plugin_open("libkm-cuda.so", false);
    if (!lib) {
        const char *why = dlerror();
        snprintf(msg, room, "no CUDA library: %s", why ? why : "libkm-cuda.so");
        return NULL;
    }
    const char *(*version)(void);
    const struct km_backend *(*backend)(int, void (*)(const char *), char *, size_t);
    *(void **)&version = dlsym(lib, "km_cuda_version"); /* as POSIX asks: ISO C has no such conversion */
    *(void **)&backend = dlsym(lib, "km_cuda_backend");
    if (!version || !backend || strcmp(version(), KM_VERSION) != 0) {
        snprintf(msg, room, "the CUDA library is not of version %s", KM_VERSION);
        return NULL;
    }
    return backend(index, fail, msg, room);
}
