/* SPDX-License-Identifier: MIT
 * Any bytes as a structure file: read, tokenised as km-tokenize does, and written again. Corpus:
 * tests/data/fuzz/structure. */
#include <stdlib.h>

#include "lib/base/mem.h"
#include "lib/chem/tokens.h"
#include "tests/fuzz/fuzz.h"

static void write_again(const km_structure *s, km_structure_kind kind)
{
    km_err err;
    FILE *f = fopen("/dev/null", "w");
    if (!f) abort();
    km_status status = km_structure_write_start(f, kind, s->system, &err);
    if (status == KM_OK) status = km_structure_write_model(f, kind, s->system, s->coords, 1, &err);
    if (status == KM_OK) status = km_structure_write_end(f, kind, s->system, &err);
    fclose(f);
}

static void tokenize(const km_structure *s, km_missing missing)
{
    const km_token_options options = {.missing = missing, .unresolved = missing == KM_MISSING_DROP};
    km_tokenized t;
    km_err err;
    if (km_chem_tokenize(s, &options, &t, &err) < 0) return;
    if (km_system_check(t.system, &err) < 0) abort(); /* what is accepted is sound */
    float *x = km_alloc(12 * (size_t)t.system->n_atoms + 12);
    km_chem_gather(&t, s->coords, x);
    free(x);
    km_tokenized_clear(&t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    km_structure *s;
    km_err err;
    FILE *f = tmpfile();
    if (!f || fwrite(data, 1, size, f) != size) abort();
    for (int assembly = 0; assembly < 2; assembly++) {
        rewind(f);
        if (km_structure_read_file(f, "fuzz", 0, assembly ? "1" : NULL, &s, &err) < 0) continue;
        write_again(s, KM_STRUCTURE_PDB);
        write_again(s, KM_STRUCTURE_CIF);
        tokenize(s, KM_MISSING_REFUSE);
        tokenize(s, KM_MISSING_DROP);
        tokenize(s, KM_MISSING_BUILD);
        km_structure_free(s);
    }
    fclose(f);
    return 0;
}
