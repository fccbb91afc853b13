/* SPDX-License-Identifier: MIT */
#include "lib/traj/common.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"

typedef struct label {
    char text[48]; /* first: what labels are sorted by */
    int32_t at;
} label;

static int compare(const void *a, const void *b)
{
    const label *x = a, *y = b;
    int c = strcmp(x->text, y->text);
    return c ? c : (x->at > y->at) - (x->at < y->at);
}

static void write_label(const km_system *s, int32_t atom, km_common_by by, char out[48])
{
    const km_residue *r = &s->residues[s->atoms[atom].residue];
    char chain[16];
    if (by == KM_BY_NAMES) snprintf(chain, sizeof chain, "%.7s", s->chains[r->chain].name);
    else snprintf(chain, sizeof chain, "%d", r->chain);
    if (by == KM_BY_PLACE)
        snprintf(out, 48, "%s %d %.7s %.7s", chain, s->atoms[atom].residue - s->chains[r->chain].first_residue, r->name,
                 s->atoms[atom].name);
    else
        snprintf(out, 48, "%s %d%c %.7s %.7s", chain, r->number, r->icode ? r->icode : ' ', r->name,
                 s->atoms[atom].name);
}

/* The labels of a system, sorted; the caller's. */
static label *labels_of(const km_system *s, km_common_by by)
{
    label *l = KM_NEWN(label, (size_t)s->n_atoms);
    for (int32_t i = 0; i < s->n_atoms; i++) {
        write_label(s, i, by, l[i].text);
        l[i].at = i;
    }
    qsort(l, (size_t)s->n_atoms, sizeof *l, compare);
    return l;
}

/* partner [A of a], -1 where there is none. Returns how many have one. */
static int32_t find_partners(const km_system *a, const km_system *b, km_common_by by, int32_t *partner)
{
    label *x = labels_of(a, by), *y = labels_of(b, by);
    int32_t n = 0, j = 0;
    for (int32_t i = 0; i < a->n_atoms; i++) partner[i] = -1;
    for (int32_t i = 0; i < a->n_atoms; i++) {
        if (i && !strcmp(x[i].text, x[i - 1].text)) continue;
        while (j < b->n_atoms && strcmp(y[j].text, x[i].text) < 0) j++;
        if (j == b->n_atoms || strcmp(y[j].text, x[i].text)) continue;
        partner[x[i].at] = y[j].at, n++;
    }
    free(x), free(y);
    return n;
}

static int32_t list_lost(const km_system *s, const bool *found, char out[120])
{
    int32_t lost = 0, listed = 0;
    *out = 0;
    for (int32_t i = 0; i < s->n_atoms; i++) {
        if (found[i]) continue;
        const km_residue *r = &s->residues[s->atoms[i].residue];
        size_t used = strlen(out);
        if (listed++ < 4)
            snprintf(out + used, 120 - used, "%s%s %s %d %s", used ? ", " : "", s->chains[r->chain].name, r->name,
                     r->number, s->atoms[i].name);
        lost++;
    }
    if (lost > 4) strcat(out, ", ...");
    return lost;
}

void km_common_find(const km_system *a, const km_system *b, km_common *ret)
{
    int32_t *partner = KM_NEWN(int32_t, (size_t)a->n_atoms), *best = KM_NEWN(int32_t, (size_t)a->n_atoms);
    *ret = (km_common){.n = -1};
    for (int by = 0; by < KM_BY_KINDS; by++) {
        int32_t n = find_partners(a, b, (km_common_by)by, partner);
        if (n <= ret->n) continue;
        ret->n = n, ret->by = (km_common_by)by;
        memcpy(best, partner, (size_t)a->n_atoms * sizeof *best);
    }
    bool *in_a = KM_NEWN(bool, (size_t)a->n_atoms), *in_b = KM_NEWN(bool, (size_t)b->n_atoms);
    ret->a = KM_NEWN(int32_t, (size_t)ret->n), ret->b = KM_NEWN(int32_t, (size_t)ret->n);
    for (int32_t i = 0, n = 0; i < a->n_atoms; i++) {
        if (best[i] < 0) continue;
        in_a[i] = in_b[best[i]] = true;
        ret->a[n] = i, ret->b[n++] = best[i];
    }
    ret->lost_a = list_lost(a, in_a, ret->list_a), ret->lost_b = list_lost(b, in_b, ret->list_b);
    free(partner), free(best), free(in_a), free(in_b);
}

void km_common_clear(km_common *c)
{
    free(c->a), free(c->b);
    *c = (km_common){0};
}

const char *km_common_by_name(km_common_by by)
{
    static const char *const names[] = {"chain and residue number", "place of the chain and residue number",
                                        "places of chain and residue"};
    return names[by];
}
