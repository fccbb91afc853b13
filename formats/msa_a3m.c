/* SPDX-License-Identifier: MIT
 * a3m: FASTA whose columns are upper case or '-' and whose deletions are lower case (hh-suite user guide). A
 * sequence may take several lines. */
#include <stdlib.h>

#include "formats/msa_rows.h"

static km_status read_rows(km_msa_lines *l, km_msa_rows *r, km_msa_text *row, km_err *err)
{
    km_status got;
    int32_t key = -1;
    bool begun = false;
    while (!r->full && (got = km_msa_next_line(l, err)) != 0) {
        KM_TRY(got);
        if (*l->line == '#' || l->n == 0) continue;
        if (*l->line != '>') {
            if (!begun) return km_msa_fail(l, err, "a sequence without a header");
            km_msa_append(row, l->line, l->n);
            if (row->n > KM_MSA_MAX_LINE) return km_msa_fail(l, err, "a sequence too long");
            continue;
        }
        if (row->n) KM_TRY(km_msa_add_row(r, l, row->s, key, err));
        row->n = 0;
        begun = true;
        key = r->options->header_keys ? km_msa_header_key(l->line) : -1;
    }
    return row->n && !r->full ? km_msa_add_row(r, l, row->s, key, err) : KM_OK;
}

km_status km_msa_read_a3m(km_msa_lines *l, km_msa_rows *r, km_err *err)
{
    km_msa_text row = {0};
    km_status status = read_rows(l, r, &row, err);
    free(row.s);
    return status;
}
