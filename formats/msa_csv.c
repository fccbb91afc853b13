/* SPDX-License-Identifier: MIT
 * Boltz's csv: a head with the columns `key` and `sequence` in any order, then a row a line, written as in a3m. A key
 * is a whole number, -1 or empty for none. Fields may stand between quotation marks. */
#include <stdlib.h>
#include <string.h>

#include "formats/msa_rows.h"

/* Cut a line at its only comma and take quotation marks off; false where there is another number of fields. */
static bool split(char *line, char *field[2])
{
    char *comma = strchr(line, ',');
    if (!comma || strchr(comma + 1, ',')) return false;
    *comma = 0;
    field[0] = line, field[1] = comma + 1;
    for (int i = 0; i < 2; i++) {
        size_t n;
        field[i] += strspn(field[i], " \t");
        n = strlen(field[i]);
        while (n && strchr(" \t", field[i][n - 1])) field[i][--n] = 0;
        if (n >= 2 && field[i][0] == '"' && field[i][n - 1] == '"') field[i][n - 1] = 0, field[i]++;
    }
    return true;
}

static bool read_key(const char *text, int32_t *ret)
{
    char *end;
    double v = strtod(text, &end); /* a table with empty keys may write 3.0 for 3 */
    *ret = -1;
    if (!*text) return true;
    if (*end || !(v >= -1 && v <= INT32_MAX) || v != (double)(int32_t)v) return false;
    *ret = (int32_t)v;
    return true;
}

km_status km_msa_read_csv(km_msa_lines *l, km_msa_rows *r, km_err *err)
{
    char *field[2];
    km_status got;
    KM_TRY(km_msa_next_line(l, err));
    if (!split(l->line, field)) return km_msa_fail(l, err, "not the two columns key and sequence");
    int of_key = !strcmp(field[0], "key") ? 0 : 1;
    if (strcmp(field[of_key], "key") || strcmp(field[1 - of_key], "sequence"))
        return km_msa_fail(l, err, "not the two columns key and sequence");
    while (!r->full && (got = km_msa_next_line(l, err)) != 0) {
        int32_t key;
        KM_TRY(got);
        if (l->n == 0) continue;
        if (!split(l->line, field)) return km_msa_fail(l, err, "not two fields");
        if (!read_key(field[of_key], &key))
            return km_msa_fail(l, err, "the key '%.40s' is no whole number from -1", field[of_key]);
        if (*field[1 - of_key]) KM_TRY(km_msa_add_row(r, l, field[1 - of_key], key, err));
    }
    return KM_OK;
}
