/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/chem/msa.h"

/* The chain of this name, a protein where there are several; -1: none. */
static int32_t find_chain(const km_system *s, const char *name)
{
    int32_t found = -1;
    for (int32_t c = s->n_chains; c-- > 0;) {
        if (strcmp(s->chains[c].name, name)) continue;
        if (found < 0 || s->chains[c].mol_type == KM_PROTEIN || s->chains[found].mol_type != KM_PROTEIN) found = c;
    }
    return found;
}

static km_status assign(const km_system *s, const km_chain_file *files, int n, int32_t *file_of, km_err *err)
{
    for (int32_t c = 0; c < s->n_chains; c++) file_of[c] = -1;
    for (int i = 0; i < n; i++) {
        int32_t c = find_chain(s, files[i].chain);
        if (c < 0) return km_fail(err, KM_USAGE, "%.120s: there is no chain '%.20s'", files[i].path, files[i].chain);
        if (file_of[c] >= 0) return km_fail(err, KM_USAGE, "two alignments for chain %.20s", files[i].chain);
        file_of[c] = i;
    }
    for (int32_t c = 0; c < s->n_chains; c++) {
        int32_t like = -1;
        for (int32_t d = 0; d < s->n_chains && file_of[c] < 0 && like < 0; d++)
            if (file_of[d] >= 0 && s->chains[d].entity_id == s->chains[c].entity_id) like = d;
        if (like >= 0) file_of[c] = file_of[like];
    }
    return KM_OK;
}

km_status km_chem_msa_read(const km_system *s, const km_chain_file *files, int n, const km_msa_options *o, km_msa **ret,
                           km_err *err)
{
    *ret = NULL;
    if (n == 0) return KM_OK;
    const km_alignment_options options = {o->max_rows ? o->max_rows : KM_MSA_ROWS, o->header_keys};
    int32_t *file_of = KM_NEWN(int32_t, (size_t)s->n_chains + 1);
    km_alignment **read = KM_NEWN(km_alignment *, (size_t)n);
    const km_alignment **of_chain = KM_NEWN(const km_alignment *, (size_t)s->n_chains + 1);
    km_status status = assign(s, files, n, file_of, err);
    for (int i = 0; i < n && status == KM_OK; i++) status = km_alignment_read(files[i].path, &options, &read[i], err);
    for (int32_t c = 0; c < s->n_chains; c++) of_chain[c] = file_of[c] >= 0 ? read[file_of[c]] : NULL;
    if (status == KM_OK) status = km_chem_msa(s, of_chain, o, ret, err);
    for (int i = 0; i < n; i++) km_alignment_free(read[i]);
    free(file_of), free(read), free(of_chain);
    return status;
}
