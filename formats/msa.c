/* SPDX-License-Identifier: MIT */
#include "formats/msa.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "formats/msa_rows.h"
#include "lib/base/alignment.h"
#include "lib/base/io.h"
#include "lib/base/mem.h"

km_status km_msa_fail(const km_msa_lines *l, km_err *err, const char *fmt, ...)
{
    char what[160];
    va_list list;
    va_start(list, fmt);
    vsnprintf(what, sizeof what, fmt, list);
    va_end(list);
    return km_fail(err, KM_INPUT, "%.70s: line %lld: %s", l->name, (long long)l->number, what);
}

km_status km_msa_next_line(km_msa_lines *l, km_err *err)
{
    if (l->again) return l->again = false, 1;
    l->n = 0;
    l->number++;
    do {
        if (l->size - l->n < 4096) l->line = km_realloc(l->line, l->size = 2 * l->size + 8192);
        z_off_t before = gztell(l->gz);
        if (!gzgets(l->gz, l->line + l->n, (int)(l->size - l->n))) {
            int code;
            const char *why = gzerror(l->gz, &code);
            if (code == Z_BUF_ERROR) return km_msa_fail(l, err, "truncated gzip data");
            if (code < 0) return km_msa_fail(l, err, "cannot read: %.80s", code == Z_ERRNO ? strerror(errno) : why);
            if (l->n == 0) return 0;
            break;
        }
        size_t got = strlen(l->line + l->n);
        if (gztell(l->gz) - before != (z_off_t)got) return km_msa_fail(l, err, "no text");
        l->n += got;
        if (l->n > KM_MSA_MAX_LINE) return km_msa_fail(l, err, "too long");
    } while (l->line[l->n - 1] != '\n');
    while (l->n && isspace((unsigned char)l->line[l->n - 1])) l->n--;
    l->line[l->n] = 0;
    return 1;
}

void km_msa_append(km_msa_text *t, const char *s, size_t n)
{
    if (t->n + n + 1 > t->size) t->s = km_realloc(t->s, t->size = 2 * (t->n + n) + 64);
    memcpy(t->s + t->n, s, n);
    t->n += n;
    t->s[t->n] = 0;
}

static size_t hash(const char *s)
{
    uint64_t h = 0xcbf29ce484222325u;
    for (; *s; s++) h = (h ^ (unsigned char)*s) * 0x100000001b3u;
    return (size_t)(h ^ h >> 29);
}

static char **place(char **table, size_t n, const char *residues)
{
    size_t i = hash(residues) & (n - 1);
    while (table[i] && strcmp(table[i], residues)) i = (i + 1) & (n - 1);
    return &table[i];
}

/* Has a row with these residues come already? If not, it has now. */
static bool repeats(km_msa_rows *r, const char *residues)
{
    if (2 * (size_t)(r->a->n_rows + 1) > r->table) {
        size_t n = r->table ? 2 * r->table : 1024;
        char **table = KM_NEWN(char *, n);
        for (size_t i = 0; i < r->table; i++)
            if (r->seen[i]) *place(table, n, r->seen[i]) = r->seen[i];
        free(r->seen);
        r->seen = table, r->table = n;
    }
    char **at = place(r->seen, r->table, residues);
    if (*at) return true;
    *at = km_strdup(residues);
    return false;
}

/* Letters and deletions of a row, which has as many columns as there is room for: how many it has, or -1 at a character
 * that is no letter. */
static int32_t fill(const char *text, int32_t L, char *letters, int32_t *deletions)
{
    int32_t column = 0, count = 0;
    for (; *text; text++) {
        if (*text == '.') continue;
        if (*text >= 'a' && *text <= 'z') {
            count++;
            continue;
        }
        if (*text != '-' && (*text < 'A' || *text > 'Z')) return -1;
        if (column < L) letters[column] = *text, deletions[column] = count;
        column++;
        count = 0;
    }
    return column;
}

static km_status start(km_msa_rows *r, const km_msa_lines *l, const char *query, km_err *err)
{
    int32_t n = 0;
    for (const char *p = query; *p; p++) n += *p != '.' && !(*p >= 'a' && *p <= 'z');
    if (n == 0 || n > KM_MSA_MAX_COLUMNS) return km_msa_fail(l, err, "a query of %d columns", n);
    r->a->n_columns = n;
    return KM_OK;
}

static void make_room(km_msa_rows *r)
{
    km_alignment *a = r->a;
    if (a->n_rows < r->room) return;
    r->room = 2 * r->room + 16;
    size_t n = (size_t)r->room * (size_t)a->n_columns;
    a->letters = km_realloc(a->letters, n);
    a->deletions = km_realloc(a->deletions, n * sizeof *a->deletions);
    a->keys = km_realloc(a->keys, (size_t)r->room * sizeof *a->keys);
}

km_status km_msa_add_row(km_msa_rows *r, const km_msa_lines *l, const char *text, int32_t key, km_err *err)
{
    km_alignment *a = r->a;
    r->residues.n = 0;
    km_msa_append(&r->residues, "", 0);
    for (const char *p = text; *p; p++) {
        char upper = (char)toupper((unsigned char)*p);
        if (*p != '-' && *p != '.') km_msa_append(&r->residues, &upper, 1);
    }
    r->count++;
    if (a->n_rows == 0) KM_TRY(start(r, l, text, err));
    make_room(r);
    size_t at = (size_t)a->n_rows * (size_t)a->n_columns;
    int32_t n = fill(text, a->n_columns, a->letters + at, a->deletions + at);
    if (n < 0)
        return km_fail(err, KM_INPUT, "%.100s: sequence %lld: a character that is no letter", l->name,
                       (long long)r->count);
    if (n != a->n_columns)
        return km_fail(err, KM_INPUT, "%.100s: sequence %lld: %d columns, the query has %d", l->name,
                       (long long)r->count, n, a->n_columns);
    if (repeats(r, r->residues.s)) return KM_OK;
    a->keys[a->n_rows++] = key;
    int32_t most = r->options->max_rows ? r->options->max_rows : KM_MSA_MAX_ROWS;
    r->full = a->n_rows >= most;
    return KM_OK;
}

int32_t km_msa_header_key(const char *header)
{
    const char *at = strstr(header, "OX=");
    size_t skip = 3;
    if (!at) at = strstr(header, "TaxID="), skip = 6;
    if (!at || !isdigit((unsigned char)at[skip])) return -1;
    long v = strtol(at + skip, NULL, 10);
    return v <= INT32_MAX ? (int32_t)v : -1;
}

/* The first line that says anything tells the kind. */
static km_status read_kind(km_msa_lines *l, km_msa_rows *r, km_err *err)
{
    km_status got;
    while ((got = km_msa_next_line(l, err)) == 1 && l->n == 0) continue;
    if (got < 0) return got;
    if (got == 0) return km_fail(err, KM_INPUT, "%.100s: empty, no alignment", l->name);
    l->again = true;
    if (!strncmp(l->line, "# STOCKHOLM", 11)) return km_msa_read_stockholm(l, r, err);
    if (*l->line == '>' || *l->line == '#') return km_msa_read_a3m(l, r, err);
    if (strchr(l->line, ',')) return km_msa_read_csv(l, r, err);
    return km_msa_fail(l, err, "neither a3m, Stockholm nor csv");
}

km_status km_alignment_read_file(FILE *f, const char *name, const km_alignment_options *o, km_alignment **ret,
                                 km_err *err)
{
    km_msa_lines l = {.name = name, .gz = gzdopen(dup(fileno(f)), "rb")};
    km_msa_rows r = {.options = o, .a = KM_NEW(km_alignment)};
    r.a->name = km_asprintf("%.100s", name);
    *ret = NULL;
    km_status status = l.gz ? read_kind(&l, &r, err) : km_fail(err, KM_SYSTEM, "%s: %s", name, strerror(errno));
    if (status == KM_OK && r.a->n_rows == 0) status = km_fail(err, KM_INPUT, "%.100s: no sequence in it", name);
    if (l.gz) gzclose(l.gz);
    for (size_t i = 0; i < r.table; i++) free(r.seen[i]);
    free(r.seen), free(r.residues.s), free(l.line);
    if (status < 0) km_alignment_free(r.a);
    else *ret = r.a;
    return status < 0 ? status : KM_OK;
}

km_status km_alignment_read(const char *path, const km_alignment_options *o, km_alignment **ret, km_err *err)
{
    FILE *f;
    *ret = NULL;
    KM_TRY(km_input_open(path, &f, err));
    km_status status = km_alignment_read_file(f, f == stdin ? "standard input" : path, o, ret, err);
    km_input_close(f);
    return status;
}

void km_alignment_free(km_alignment *a)
{
    if (!a) return;
    free(a->name), free(a->letters), free(a->deletions), free(a->keys);
    free(a);
}
