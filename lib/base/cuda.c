/* SPDX-License-Identifier: MIT */
#include "lib/base/cuda.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LIBRARY "libkm-cuda.so"

static void *open_library(void)
{
    static const char *const beside[] = {"/" LIBRARY, "/../" LIBRARY, "/../lib/" LIBRARY};
    char self[4096], path[4200];
    void *lib = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    self[n > 0 ? n : 0] = 0;
    char *slash = strrchr(self, '/');
    if (slash) *slash = 0;
    for (int i = 0; i < 3 && !lib && slash; i++) {
        snprintf(path, sizeof path, "%s%s", self, beside[i]);
        if (access(path, R_OK) == 0) lib = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    }
    return lib ? lib : dlopen(KM_PREFIX "/lib/" LIBRARY, RTLD_NOW | RTLD_LOCAL);
}

const struct km_backend *km_cuda_load(int index, void (*fail)(const char *msg), char *msg, size_t room)
{
    void *lib = open_library();
    if (!lib) {
        const char *why = dlerror();
        snprintf(msg, room, "no CUDA library: %s", why ? why : LIBRARY);
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
