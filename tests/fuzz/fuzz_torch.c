/* SPDX-License-Identifier: MIT
 * PyTorch checkpoints: the bytes as a file, and as the pickle of a good one (where checksums would keep made-up bytes
 * from getting further); every element of what opens is looked at. */
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "formats/torch_impl.h"
#include "tests/fuzz/fuzz.h"

enum { LARGE = 1 << 24 };

static void look(int fd)
{
    km_err err;
    km_torch *t;
    char *path = km_asprintf("/proc/self/fd/%d", fd);
    if (km_torch_open(path, &t, &err) == KM_OK) {
        for (int i = 0; i < km_torch_count(t); i++) {
            const km_torch_tensor *x = km_torch_at(t, i);
            if (x->bytes > LARGE) continue;
            void *p = km_alloc(x->bytes);
            km_torch_copy(x, p);
            free(p);
        }
        free(km_pickle_json(km_torch_root(t)));
        if (km_torch_verify(t, &err) > 0) abort();
        km_torch_close(t);
    }
    free(path);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int fd = memfd_create("fuzz", MFD_CLOEXEC);
    if (fd < 0 || write(fd, data, size) != (ssize_t)size) abort();
    look(fd);
    close(fd);

    FILE *f = tmpfile();
    km_zip_writer *w = km_zip_writer_new(f, "archive");
    if (!km_zip_add(w, "data.pkl", data, size) || !km_zip_add(w, "data/0", "0123456789abcdef0123456789abcdef", 32) ||
        !km_zip_end(w) || fflush(f))
        abort();
    km_zip_writer_free(w);
    look(fileno(f));
    fclose(f);
    return 0;
}
