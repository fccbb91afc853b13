/* SPDX-License-Identifier: MIT
 * safetensors: the bytes as a file; every element of what opens is looked at. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "formats/safetensors.h"
#include "lib/base/mem.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64];
    int fd = memfd_create("fuzz", MFD_CLOEXEC);
    if (fd < 0 || write(fd, data, size) != (ssize_t)size) abort();
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    km_safetensors *st;
    km_err err;
    if (km_safetensors_open(path, &st, &err) == KM_OK) {
        for (int i = 0; i < km_safetensors_count(st); i++) {
            const km_st_tensor *t = km_safetensors_at(st, i);
            float *x = km_alloc(t->bytes / km_dtype_size(t->dtype) * sizeof *x);
            km_st_to_f32(t, x);
            free(x);
            if (km_safetensors_find(st, t->name) != t) abort();
        }
        for (int i = 0; i < km_safetensors_meta_count(st); i++) {
            const char *key, *value;
            km_safetensors_meta_at(st, i, &key, &value);
            if (strcmp(km_safetensors_meta(st, key), value)) abort();
        }
        km_safetensors_close(st);
    }
    close(fd);
    return 0;
}
