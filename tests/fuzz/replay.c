/* SPDX-License-Identifier: MIT
 * Stands in for libFuzzer: build/tests/fuzz/fuzz_NAME gives its target every file of tests/data/fuzz/NAME, or those
 * named as operands, and prints TAP. */
#include "tests/unit/tap.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "tests/fuzz/fuzz.h"

enum { MAX_BYTES = 1 << 24 };

static void replay(const char *path)
{
    FILE *f = fopen(path, "rb");
    if (!ok(f != NULL, "%s opens", path)) return;
    uint8_t *room = km_alloc(MAX_BYTES);
    size_t n = fread(room, 1, MAX_BYTES, f);
    fclose(f);
    uint8_t *data = memcpy(km_alloc(n), room, n); /* of just this size, so that a sanitizer sees a read beyond */
    free(room);
    ok(LLVMFuzzerTestOneInput(data, n) == 0, "%s", path);
    free(data);
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) replay(argv[i]);
    if (argc > 1) return tap_end();
    const char *name = strrchr(argv[0], '/');
    name = name ? name + 1 : argv[0];
    char *folder = km_asprintf("tests/data/fuzz/%s", strncmp(name, "fuzz_", 5) ? name : name + 5);
    struct dirent **entries;
    int n = scandir(folder, &entries, NULL, alphasort);
    ok(n > 2, "%s has files", folder);
    for (int i = 0; i < n; i++) {
        if (entries[i]->d_name[0] != '.') {
            char *path = km_asprintf("%s/%s", folder, entries[i]->d_name);
            replay(path);
            free(path);
        }
        free(entries[i]);
    }
    if (n >= 0) free(entries);
    free(folder);
    return tap_end();
}
