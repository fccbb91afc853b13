/* SPDX-License-Identifier: MIT
 * Stockholm 1.0 (Pfam, HMMER): `NAME SEQUENCE` lines, in one block or several, to `//`. The query is the first
 * sequence; where it has a gap, the letters of the other rows count as deletions. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "formats/msa_rows.h"
#include "lib/base/mem.h"

typedef struct row {
    char *name;
    km_msa_text text;
    int32_t key;
} row;

typedef struct rows {
    row *items;
    int n, texts; /* those with a sequence come first, in its order; the others are known by notes */
    int next;     /* the row that a further block is expected to go on with */
} rows;

static row *find(rows *all, const char *name, size_t n)
{
    for (int k = 0; k < all->n; k++) {
        row *at = &all->items[(all->next + k) % all->n];
        if (strlen(at->name) == n && !memcmp(at->name, name, n)) {
            all->next = (int)(at - all->items) + 1;
            return at;
        }
    }
    return NULL;
}

static row *add(rows *all, const char *name, size_t n)
{
    if ((all->n & (all->n - 1)) == 0) /* room doubles at powers of two */
        all->items = km_realloc(all->items, (size_t)(all->n ? 2 * all->n : 1) * sizeof *all->items);
    row *r = &all->items[all->n++];
    *r = (row){.name = km_asprintf("%.*s", (int)n, name), .key = -1};
    all->next = all->n;
    return r;
}

/* A row's sequence begins: it comes behind those that have one. */
static row *enlist(rows *all, row *r)
{
    row *to = &all->items[all->texts++], was = *to;
    *to = *r, *r = was;
    all->next = all->texts;
    return to;
}

static bool is_gap(char c) { return c == '-' || c == '.' || c == '_' || c == '~'; }

/* The row as a3m would have it, in place. */
static void to_a3m(const char *query, km_msa_text *t)
{
    size_t n = 0;
    for (size_t i = 0; i < t->n; i++) {
        bool column = !is_gap(query[i]);
        if (is_gap(t->s[i]) && !column) continue;
        t->s[n++] = is_gap(t->s[i]) ? '-' : (char)(column ? toupper((unsigned char)t->s[i])
                                                          : tolower((unsigned char)t->s[i]));
    }
    t->n = n;
    t->s[n] = 0;
}

/* `#=GS NAME OX 9606` and `#=GS NAME DE ... OX=9606`. */
static void take_note(rows *all, const char *line)
{
    const char *name = line + 4 + strspn(line + 4, " \t");
    size_t n = strcspn(name, " \t");
    row *r = find(all, name, n);
    if (!r) r = add(all, name, n);
    const char *tag = name + n + strspn(name + n, " \t");
    int32_t key = km_msa_header_key(tag);
    if (!strncmp(tag, "OX ", 3) && isdigit((unsigned char)tag[3 + strspn(tag + 3, " \t")]))
        key = (int32_t)strtol(tag + 3, NULL, 10);
    if (key >= 0) r->key = key;
}

static km_status read_blocks(km_msa_lines *l, rows *all, km_err *err)
{
    km_status got;
    while ((got = km_msa_next_line(l, err)) == 1) {
        if (!strcmp(l->line, "//")) return KM_OK;
        if (!strncmp(l->line, "#=GS", 4)) take_note(all, l->line);
        if (*l->line == '#' || l->n == 0) continue;
        size_t n = strcspn(l->line, " \t");
        const char *text = l->line + n + strspn(l->line + n, " \t");
        if (!*text) return km_msa_fail(l, err, "a name without a sequence");
        row *r = find(all, l->line, n);
        if (!r) r = add(all, l->line, n);
        if (!r->text.n) r = enlist(all, r);
        km_msa_append(&r->text, text, strlen(text));
        if (r->text.n > KM_MSA_MAX_LINE) return km_msa_fail(l, err, "a sequence too long");
    }
    return got < 0 ? got : km_msa_fail(l, err, "truncated: no `//`");
}

static km_status add_rows(const km_msa_lines *l, rows *all, km_msa_rows *r, km_err *err)
{
    if (all->texts == 0) return KM_OK;
    char *query = km_strdup(all->items[0].text.s);
    size_t n = strlen(query);
    km_status status = KM_OK;
    for (int i = 0; i < all->texts && !r->full && status == KM_OK; i++) {
        row *at = &all->items[i];
        if (at->text.n != n) {
            status = km_msa_fail(l, err, "%.60s has %zu columns, the first sequence %zu", at->name, at->text.n, n);
            break;
        }
        to_a3m(query, &at->text);
        status = km_msa_add_row(r, l, at->text.s, r->options->header_keys ? at->key : -1, err);
    }
    free(query);
    return status;
}

km_status km_msa_read_stockholm(km_msa_lines *l, km_msa_rows *r, km_err *err)
{
    rows all = {0};
    km_status status = read_blocks(l, &all, err);
    if (status == KM_OK) status = add_rows(l, &all, r, err);
    for (int i = 0; i < all.n; i++) free(all.items[i].name), free(all.items[i].text.s);
    free(all.items);
    return status;
}
