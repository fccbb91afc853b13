/* SPDX-License-Identifier: MIT
 * km-cut: a selection of a stream, as a stream. */
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/superpose.h"
#include "lib/chem/select.h"
#include "tools/filter.h"

static struct {
    km_opt_range time, frames;
    int stride, trajectory;
    bool one_trajectory, align, no_trunk;
    const char *atoms, *out;
} o = {.stride = 1};

static const km_opt table[] = {
    {"time", 0, KM_OPT_TIME_RANGE, &o.time, "A:B", "frames from time A to time B, both included"},
    {"frames", 0, KM_OPT_RANGE, &o.frames, "A:B", "frames number A up to, not including, B of each trajectory"},
    {"stride", 0, KM_OPT_INT, &o.stride, "N", "of those, every Nth", .min = 1, .max = 1e9},
    {"trajectory", 0, KM_OPT_INT, &o.trajectory, "N", "only trajectory N, counted from 1", .min = 1, .max = 1e6,
     .set = &o.one_trajectory},
    {"atoms", 0, KM_OPT_STRING, &o.atoms, "SEL", "only these atoms, such as 'protein and name CA'"},
    {"align", 0, KM_OPT_FLAG, &o.align, NULL, "superpose every frame on the first"},
    {"no-trunk", 0, KM_OPT_FLAG, &o.no_trunk, NULL, "leave the trunk's result out"},
    {"output", 'o', KM_OPT_STRING, &o.out, "FILE", "write FILE instead of standard output"},
    {0}};
static const km_program program = {
    "km-cut", "[options] [IN.km]", "Write a selection of a stream, as a stream.", table, 0, 1};

/* What is known of the system in hand. */
typedef struct cut {
    bool *mask;              /* [A] of the input, NULL: all */
    int32_t n_atoms;         /* of the output */
    float *coords, *first;   /* [n_atoms, 3]: the frame in hand; the first one written */
    float *weights;          /* [n_atoms] in the superposition */
    bool have_first;
    int64_t *seen, *taken;   /* [n_seen] frames of each trajectory: come, and in the range */
    int n_seen;
} cut;

static void clear(cut *c)
{
    free(c->mask), free(c->coords), free(c->first), free(c->weights), free(c->seen), free(c->taken);
    *c = (cut){0};
}

/* Polymers are superposed where there are any, else everything. */
static void choose_weights(cut *c, const km_system *s)
{
    int32_t n = 0;
    c->weights = KM_NEWN(float, (size_t)s->n_atoms);
    for (int32_t a = 0; a < s->n_atoms; a++) {
        c->weights[a] = s->chains[s->residues[s->atoms[a].residue].chain].mol_type != KM_NONPOLYMER;
        n += c->weights[a] > 0;
    }
    for (int32_t a = 0; n < 3 && a < s->n_atoms; a++) c->weights[a] = 1;
}

static km_status ready(void *arg, km_filter *f, km_err *err)
{
    cut *c = arg;
    clear(c);
    if (o.atoms) {
        c->mask = KM_NEWN(bool, (size_t)f->system->n_atoms);
        km_status chosen = km_chem_select(f->system, o.atoms, c->mask, err);
        if (chosen < 0) return chosen;
        if (chosen == 0) return km_fail(err, KM_USAGE, "'%.80s' selects no atom of %.40s", o.atoms, f->system->name);
        if (chosen < f->system->n_atoms) {
            km_system *less = km_chem_cut(f->system, c->mask);
            km_system_free(f->system);
            f->system = less;
            km_filter_drop_tensors(f); /* they describe the tokens of the whole system */
        }
    }
    if (o.no_trunk) {
        km_trunk_result_free(f->trunk);
        f->trunk = NULL;
    }
    c->n_atoms = f->system->n_atoms;
    c->coords = KM_NEWN(float, 3 * (size_t)c->n_atoms);
    c->first = KM_NEWN(float, 3 * (size_t)c->n_atoms);
    choose_weights(c, f->system);
    return KM_OK;
}

static bool inside(const km_opt_range *r, int64_t v, bool with_end)
{
    return !r->set || ((!r->has_from || v >= r->from) && (!r->has_to || v < r->to || (with_end && v == r->to)));
}

static bool wanted(cut *c, const km_frame *frame)
{
    while (c->n_seen <= frame->trajectory) {
        size_t n = (size_t)c->n_seen + 1;
        c->seen = km_realloc(c->seen, n * sizeof *c->seen);
        c->taken = km_realloc(c->taken, n * sizeof *c->taken);
        c->seen[c->n_seen] = c->taken[c->n_seen] = 0;
        c->n_seen++;
    }
    int64_t number = c->seen[frame->trajectory]++;
    if (o.one_trajectory && frame->trajectory != o.trajectory - 1) return false;
    if (!inside(&o.frames, number, false) || !inside(&o.time, frame->time_fs, true)) return false;
    return c->taken[frame->trajectory]++ % o.stride == 0;
}

static km_status take_frame(void *arg, km_filter *f, const km_frame *frame, km_err *err)
{
    cut *c = arg;
    if (!wanted(c, frame)) return KM_OK;
    km_frame out = *frame;
    out.n_atoms = c->n_atoms;
    out.coords = c->coords;
    if (o.one_trajectory) out.trajectory = 0;
    for (int32_t a = 0, n = 0; a < frame->n_atoms; a++)
        if (!c->mask || c->mask[a]) memcpy(c->coords + 3 * n++, frame->coords + 3 * a, 3 * sizeof(float));
    if (o.align && c->have_first) {
        double rot[9], from[3], to[3];
        km_superpose(c->coords, c->first, c->weights, c->n_atoms, rot, from, to);
        km_superpose_apply(c->coords, c->n_atoms, rot, from, to, c->coords);
    }
    if (!c->have_first) memcpy(c->first, c->coords, 3 * (size_t)c->n_atoms * sizeof(float));
    c->have_first = true;
    return km_filter_write(f, &out, err);
}

int main(int argc, char **argv)
{
    km_cli cli;
    cut c = {0};
    static const km_filter_hooks hooks = {ready, take_frame, NULL};
    km_cli_start(&cli, &program, argc, argv);
    int status = km_filter_run(&cli, cli.n_operands ? cli.operands[0] : NULL, o.out, &hooks, &c);
    clear(&c);
    return status;
}
