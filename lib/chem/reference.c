/* SPDX-License-Identifier: MIT */
#include "lib/chem/reference.h"

#include <stdlib.h>
#include <string.h>

#include "formats/slurp.h"
#include "lib/base/mem.h"
#include "lib/chem/residues.h"

enum { EQUAL = 2, OTHER = -3, GAP = -4, NEVER = INT32_MIN / 4 };
#define LEAST_EQUAL 0.9

typedef struct sequences {
    char **text; /* residue names between blanks, owned */
    int n;
} sequences;

static void add_name(char **text, const char *name)
{
    char *longer = *text ? km_asprintf("%s %s", *text, name) : km_strdup(name);
    free(*text);
    *text = longer;
}

static void add_sequence(sequences *s, char *text)
{
    s->text = km_realloc(s->text, ((size_t)s->n + 1) * sizeof *s->text);
    s->text[s->n++] = text;
}

static bool is_part(const km_structure *t, int32_t residue)
{
    return km_chem_component(km_chem_residue_name(t->system->residues[residue].name)) != NULL;
}

/* Of each chain the file's own sequence, else what residues it has. */
static void read_structure(const km_structure *t, sequences *to)
{
    for (int32_t c = 0; c < t->system->n_chains; c++) {
        const km_chain *h = &t->system->chains[c];
        char *text = t->sequence[c] ? km_strdup(t->sequence[c]) : NULL;
        for (int32_t r = h->first_residue; r < h->first_residue + h->n_residues && !t->sequence[c]; r++)
            if (is_part(t, r)) add_name(&text, t->system->residues[r].name);
        if (text) add_sequence(to, text);
    }
}

static km_status read_fasta(const char *text, size_t n, const char *path, sequences *to, km_err *err)
{
    char *now = NULL;
    km_status status = KM_OK;
    for (size_t i = 0; i < n && status == KM_OK; i++) {
        if (text[i] == '>') {
            if (now) add_sequence(to, now);
            now = NULL;
            while (i < n && text[i] != '\n') i++;
            continue;
        }
        if (strchr(" \t\r\n*", text[i])) continue;
        const km_component *c = km_chem_component_of_letter(text[i], KM_PROTEIN);
        if (c || text[i] == 'X') add_name(&now, c ? c->name : "UNK");
        else status = km_fail(err, KM_INPUT, "%.150s: '%c' is no amino acid", path, text[i]);
    }
    if (now) add_sequence(to, now);
    return status;
}

static km_status read_sequences(const char *path, sequences *to, km_err *err)
{
    char *text;
    size_t n;
    km_structure *t;
    KM_TRY(km_slurp(path, &text, &n, err));
    const bool fasta = n > 0 && *text == '>';
    km_status status = fasta ? read_fasta(text, n, path, to, err) : KM_OK;
    free(text);
    if (!fasta && (status = km_structure_read(path, 1, &t, err)) == KM_OK) {
        read_structure(t, to);
        km_structure_free(t);
    }
    return status;
}

/* Names that begin at blanks: starts [at most the text's length]; returns how many. */
static int32_t split(char *text, const char **names)
{
    int32_t n = 0;
    for (char *name, *rest = text; (name = strsep(&rest, " "));)
        if (*name) names[n++] = km_chem_residue_name(name);
    return n;
}

/* Each of n names to a place of the m, in order: place [n], from 1. Returns how many are equal, -1 where m is short. */
static int32_t embed(const char *const *a, int32_t n, const char *const *b, int32_t m, int32_t *place)
{
    if (n > m) return -1;
    const size_t row = (size_t)m + 1;
    int32_t *score = km_alloc(2 * row * sizeof *score), *now = score + row, *before = score, equal = 0;
    int32_t *from = km_alloc((size_t)n * row * sizeof *from); /* [n, m + 1] the place of the name before */
    memset(before, 0, row * sizeof *before);
    for (int32_t i = 0; i < n; i++) {
        int32_t far = NEVER, far_at = 0; /* the best that leaves places out */
        now[0] = NEVER;
        for (int32_t j = 1; j <= m; j++) {
            if (j > 1 && i > 0 && before[j - 2] > far) far = before[j - 2], far_at = j - 2;
            const bool near = i == 0 || before[j - 1] >= far + GAP;
            const int32_t best = i == 0 ? 0 : near ? before[j - 1] : far + GAP;
            from[(size_t)i * row + (size_t)j] = near ? j - 1 : far_at;
            now[j] = best <= NEVER / 2 ? NEVER : best + (strcmp(a[i], b[j - 1]) == 0 ? EQUAL : OTHER);
        }
        int32_t *swap = before;
        before = now, now = swap;
    }
    int32_t at = 1;
    for (int32_t j = 2; j <= m; j++)
        if (before[j] > before[at]) at = j;
    for (int32_t i = n - 1; i >= 0; at = from[(size_t)i * row + (size_t)at], i--) {
        place[i] = at;
        equal += strcmp(a[i], b[at - 1]) == 0;
    }
    free(score), free(from);
    return equal;
}

static km_status refer_chain(km_structure *raw, int32_t chain, const sequences *to, const char *path, km_err *err)
{
    const km_system *s = raw->system;
    const km_chain *h = &s->chains[chain];
    const size_t room = (size_t)h->n_residues + 1;
    const char **names = km_calloc(room, sizeof *names);
    int32_t *which = KM_NEWN(int32_t, room), *place = KM_NEWN(int32_t, room), n = 0, best = -1, best_equal = 0;
    for (int32_t r = h->first_residue; r < h->first_residue + h->n_residues; r++)
        if (is_part(raw, r)) names[n] = km_chem_residue_name(s->residues[r].name), which[n++] = r;
    for (int k = 0; k < to->n && n > 0; k++) {
        char *text = km_strdup(to->text[k]);
        const char **parts = km_calloc(strlen(text) + 1, sizeof *parts);
        const int32_t m = split(text, parts), equal = embed(names, n, parts, m, place);
        if (equal > best_equal) {
            best = k, best_equal = equal;
            for (int32_t i = 0; i < n; i++) raw->label_seq[which[i]] = place[i];
        }
        free(text), free(parts);
    }
    km_status status = KM_OK;
    if (n > 0 && best_equal >= LEAST_EQUAL * n) raw->sequence[chain] = km_strdup(to->text[best]);
    else if (n > 0)
        status = km_fail(err, KM_INPUT, "%.150s: chain '%s' of %d residues is part of none of its %d sequences", path,
                         h->name, n, to->n);
    free(names), free(which), free(place);
    return status;
}

km_status km_chem_refer(km_structure *raw, const char *path, km_err *err)
{
    sequences to = {0};
    km_status status = read_sequences(path, &to, err);
    for (int32_t c = 0; c < raw->system->n_chains && status == KM_OK; c++)
        if (!raw->sequence[c]) status = refer_chain(raw, c, &to, path, err);
    for (int k = 0; k < to.n; k++) free(to.text[k]);
    free(to.text);
    return status;
}
