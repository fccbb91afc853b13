/* SPDX-License-Identifier: MIT
 * A dictionary as mmCIF text: the rows of three categories, whether they stand in a loop or alone. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "formats/ccd_impl.h"
#include "formats/cif.h"

enum { MAX_LOOP = 64 };

typedef struct reader {
    km_cif cif;
    km_cif_word word;
    km_ccd_builder *builder;
    km_ccd_value alone[KM_CCD_CATEGORIES][KM_CCD_MAX_COLUMNS]; /* values that stand outside of loops in this block */
    bool seen[KM_CCD_CATEGORIES];
} reader;

/* Which column of which category a tag names: false when it is none that counts. *category is -1 for others. */
static bool find_column(const km_cif_word *tag, int *category, int *column)
{
    for (*category = 0; *category < KM_CCD_CATEGORIES; ++*category) {
        const km_ccd_category *c = &km_ccd_categories[*category];
        size_t n = strlen(c->name);
        if (tag->n <= n || tag->text[n] != '.' || strncasecmp(tag->text, c->name, n) != 0) continue;
        for (*column = 0; c->columns[*column]; ++*column)
            if (strlen(c->columns[*column]) == tag->n - n - 1 &&
                strncasecmp(tag->text + n + 1, c->columns[*column], tag->n - n - 1) == 0)
                return true;
        return false;
    }
    *category = -1;
    return false;
}

static km_status next(reader *r, km_err *err) { return km_cif_next(&r->cif, &r->word, err); }

static km_status fail(const reader *r, const char *what, km_err *err)
{
    return km_fail(err, KM_INPUT, "line %zu: %s", km_cif_line(&r->cif, r->word.text), what);
}

static km_status give(reader *r, int category, const km_ccd_value *row, km_err *err)
{
    km_status status = km_ccd_builder_row(r->builder, category, row, err);
    if (status < 0 && err) {
        char line[40];
        snprintf(line, sizeof line, "line %zu", km_cif_line(&r->cif, row[0].s ? row[0].s : r->word.text));
        return km_fail_in(err, line);
    }
    return status;
}

/* A block is over: give away what stood outside of loops. */
static km_status flush(reader *r, km_err *err)
{
    for (int c = 0; c < KM_CCD_CATEGORIES; c++) {
        if (r->seen[c]) KM_TRY(give(r, c, r->alone[c], err));
        r->seen[c] = false;
        memset(r->alone[c], 0, sizeof r->alone[c]);
    }
    return KM_OK;
}

static km_status read_item(reader *r, km_err *err)
{
    int category, column;
    bool wanted = find_column(&r->word, &category, &column);
    KM_TRY(next(r, err));
    if (r->word.kind != KM_CIF_VALUE) return fail(r, "an item without a value", err);
    if (wanted && !r->word.null) r->alone[category][column] = (km_ccd_value){.s = r->word.text, .n = r->word.n};
    if (wanted) r->seen[category] = true;
    return next(r, err);
}

static km_status read_loop(reader *r, km_err *err)
{
    int category = -1, to[MAX_LOOP], n = 0;
    bool had[KM_CCD_MAX_COLUMNS] = {false};
    KM_TRY(next(r, err));
    for (; r->word.kind == KM_CIF_TAG; n++) {
        int of, column;
        if (n == MAX_LOOP) return fail(r, "a loop of more than 64 columns", err);
        to[n] = find_column(&r->word, &of, &column) ? column : -1;
        if (of >= 0) category = of;
        if (to[n] >= 0) had[column] = true;
        KM_TRY(next(r, err));
    }
    if (n == 0) return fail(r, "a loop without columns", err);
    for (int i = 0; category >= 0 && i < km_ccd_categories[category].needed; i++)
        if (!had[i]) return km_fail(err, KM_INPUT, "line %zu: %s.%s is missing", km_cif_line(&r->cif, r->word.text),
                                    km_ccd_categories[category].name, km_ccd_categories[category].columns[i]);
    while (r->word.kind == KM_CIF_VALUE) {
        km_ccd_value row[KM_CCD_MAX_COLUMNS] = {{0}};
        for (int i = 0; i < n; i++) {
            if (r->word.kind != KM_CIF_VALUE) return fail(r, "a row of a loop is cut short", err);
            if (to[i] >= 0 && !r->word.null) row[to[i]] = (km_ccd_value){.s = r->word.text, .n = r->word.n};
            KM_TRY(next(r, err));
        }
        if (category >= 0) KM_TRY(give(r, category, row, err));
    }
    return KM_OK;
}

km_status km_ccd_read_cif(const char *text, size_t n, km_ccd_builder *b, km_err *err)
{
    reader r = {.cif = {text, text, text + n}, .builder = b};
    KM_TRY(next(&r, err));
    while (r.word.kind != KM_CIF_END) {
        switch (r.word.kind) {
        case KM_CIF_DATA:
            KM_TRY(flush(&r, err));
            KM_TRY(next(&r, err));
            break;
        case KM_CIF_TAG: KM_TRY(read_item(&r, err)); break;
        case KM_CIF_LOOP: KM_TRY(read_loop(&r, err)); break;
        default: return fail(&r, "a value that belongs to nothing", err);
        }
    }
    return flush(&r, err);
}
