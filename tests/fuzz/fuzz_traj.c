/* SPDX-License-Identifier: MIT
 * Any bytes as a trajectory file: opened, and every frame read. Corpus: tests/data/fuzz/traj. */
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "formats/traj.h"
#include "lib/base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    km_err err;
    km_traj *t;
    if (km_traj_kind_of(data, size) == KM_TRAJ_H5) return 0; /* see fuzz_h5.c */
    int fd = memfd_create("fuzz", MFD_CLOEXEC);
    if (fd < 0 || write(fd, data, size) != (ssize_t)size) abort();
    char *path = km_asprintf("/proc/self/fd/%d", fd);
    if (km_traj_open(path, &t, &err) == KM_OK) {
        float *x = km_alloc(12 * (size_t)km_traj_atoms(t)), box[9];
        for (int64_t i = 0; i < km_traj_frames(t); i++) {
            int64_t fs;
            if (km_traj_read(t, i, x, &fs, box, &err) < 0) break;
        }
        free(x);
        km_traj_close(t);
    }
    free(path);
    close(fd);
    return 0;
}
