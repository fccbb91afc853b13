/* SPDX-License-Identifier: MIT */
#include "lib/base/plugin.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

void *km_plugin_open(const char *file, bool global)
{
    static const char *const beside[] = {"", "/..", "/../lib"};
    char self[4096], path[4400];
    int how = RTLD_NOW | (global ? RTLD_GLOBAL : RTLD_LOCAL);
    void *lib = dlopen(file, how);
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    self[n > 0 ? n : 0] = 0;
    char *slash = strrchr(self, '/');
    if (slash) *slash = 0;
    if (lib) return lib;
    for (int i = 0; i < 3 && slash; i++) {
        snprintf(path, sizeof path, "%s%s/%.200s", self, beside[i], file);
        if (access(path, R_OK) == 0) return dlopen(path, how);
    }
    snprintf(path, sizeof path, KM_PREFIX "/lib/%.200s", file);
    return dlopen(path, how);
}
