/* SPDX-License-Identifier: MIT */
#include "tools/eval_states.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/superpose.h"

static const km_residue *residue_of(const km_eval_case *c, int32_t atom)
{
    return &c->system->residues[c->system->atoms[atom].residue];
}

/* Residue numbers of CA, those of other chains far away. */
static int32_t *numbers_of(const km_eval_case *c, const km_eval_states *s)
{
    const int32_t apart = 100000;
    int32_t *out = KM_NEWN(int32_t, (size_t)s->n_ca + 1);
    for (int i = 0; i < s->n_ca; i++) {
        const km_residue *r = residue_of(c, s->backbone.atoms[s->ca[i]]);
        out[i] = r->number + apart * r->chain;
    }
    return out;
}

static void find_ca(const km_eval_case *c, km_eval_states *s)
{
    s->ca = KM_NEWN(int32_t, (size_t)s->backbone.n + 1);
    for (int i = 0; i < s->backbone.n; i++)
        if (!strcmp(c->system->atoms[s->backbone.atoms[i]].name, "CA")) s->ca[s->n_ca++] = i;
}

/* What the target's residues are among the atoms; false, with a note, where that is too little. */
static bool find_region(const km_eval_case *c, km_eval *e, const km_eval_row *row, km_eval_states *s)
{
    int n = s->backbone.n, compared = 0, laid = 0;
    const km_eval_target *t = e->target;
    s->region = KM_NEWN(bool, (size_t)n + 1), s->weights = KM_NEWN(float, (size_t)n + 1);
    for (int i = 0; i < n; i++) {
        int32_t number = residue_of(c, s->backbone.atoms[i])->number;
        s->region[i] = km_eval_in_ranges(t->region, number);
        s->weights[i] = km_eval_in_ranges(t->fit, number);
        compared += s->region[i], laid += s->weights[i] > 0;
    }
    s->local = t->region;
    if (compared && laid >= 3) return true;
    km_eval_note(e, "%s: --local: %d atoms to be compared, %d to be laid upon each other: no conformations", row->name,
                 compared, laid);
    return false;
}

static void find_contacts(const km_eval_case *c, km_eval_states *s)
{
    int32_t *numbers = numbers_of(c, s);
    float *ca = KM_NEWN(float, 3 * (size_t)s->n_ca + 1);
    bool *region = KM_NEWN(bool, (size_t)s->n_ca + 1);
    for (int i = 0; i < s->n_ca; i++) {
        memcpy(ca + 3 * (ptrdiff_t)i, s->backbone.start + 3 * (ptrdiff_t)s->ca[i], 3 * sizeof *ca);
        region[i] = s->region[s->ca[i]];
    }
    s->contacts = km_native_of_region(ca, numbers, region, s->n_ca);
    free(numbers), free(ca), free(region);
}

km_status km_eval_states_of(const km_eval_case *c, km_eval *e, const km_eval_row *row, km_eval_states *s, km_err *err)
{
    *s = (km_eval_states){.backbone = km_eval_backbone_of(c), .dynamics = KM_NEWN(km_clip, (size_t)c->n_ref)};
    int n = s->backbone.n;
    int32_t *atoms = KM_NEWN(int32_t, (size_t)n + 1);
    km_status status = KM_OK;
    find_ca(c, s);
    bool wanted = find_region(c, e, row, s);
    if (s->local) find_contacts(c, s);
    if (n < 4 * s->n_ca)
        km_eval_note(e, "%s: conformations by %d atoms of the backbones of %d residues", row->name, n, s->n_ca);
    s->x = KM_NEWN(float, (size_t)c->n_ref *(size_t)n * 3 + 1);
    s->backbone.md.F = 0;
    for (int i = 0; i < c->n_ref && status == KM_OK; i++) {
        km_clip one = c->ref[i];
        if (one.F > 1) {
            s->backbone.md.lengths[s->n_dynamics] = one.F, s->backbone.md.F += one.F;
            s->dynamics[s->n_dynamics++] = one;
        } else if (wanted) {
            for (int k = 0; k < n; k++) atoms[k] = one.atoms[s->backbone.atoms[k]];
            one.atoms = atoms, one.n_atoms = n;
            status = km_clip_read(&one, 0, 1, 1, s->x + (ptrdiff_t)s->n++ * n * 3, err);
        }
    }
    s->backbone.md.clips = s->dynamics, s->backbone.md.n_runs = s->n_dynamics;
    free(atoms);
    return status;
}

void km_eval_states_clear(km_eval_states *s)
{
    km_eval_ca_clear(&s->backbone);
    km_native_clear(&s->contacts);
    free(s->ca), free(s->x), free(s->region), free(s->weights), free(s->dynamics);
    *s = (km_eval_states){0};
}

double km_eval_states_distance(const km_eval_states *s, const float *x, int i)
{
    double rot[9], from[3], to[3];
    int n = s->backbone.n;
    const float *y = s->x + (ptrdiff_t)i * n * 3;
    return s->local ? km_region_distance(x, y, s->weights, s->region, n) : km_superpose(x, y, NULL, n, rot, from, to);
}
