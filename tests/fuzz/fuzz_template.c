/* SPDX-License-Identifier: MIT
 * Any bytes as a template, laid on a short protein. Corpus: tests/data/fuzz/template. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/chem/schema.h"
#include "lib/chem/templates.h"
#include "tests/fuzz/fuzz.h"

static void lay(const char *path, km_library *l)
{
    static const char query[] = "sequences: [{protein: {id: A, sequence: ACDEFGHIKLMNPQRSTVWY}}]\n";
    const km_template_request request = {.path = path};
    km_templates *t;
    km_schema in;
    km_err err;
    if (km_schema_read(query, strlen(query), "query", l, &in, &err) < 0) abort();
    if (km_chem_templates(in.system, &request, 1, l, &t, &err) == KM_OK) km_templates_free(t);
    km_schema_clear(&in);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[] = "/tmp/fuzz_template_XXXXXX";
    int file = mkstemp(path);
    km_library *l = km_library_new(NULL);
    if (file < 0 || write(file, data, size) != (ssize_t)size) abort();
    lay(path, l);
    km_library_free(l);
    close(file);
    unlink(path);
    return 0;
}
