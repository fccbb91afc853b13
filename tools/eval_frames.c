/* SPDX-License-Identifier: MIT */
#include "tools/eval_frames.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/rng.h"
#include "lib/chem/select.h"

static int32_t count_present(const km_system *s)
{
    int32_t n = 0;
    for (int32_t a = 0; a < s->n_atoms; a++) n += s->atoms[a].present;
    return n;
}

const char *km_eval_file_name(const km_eval_file *f)
{
    return f->kind == KM_EVAL_MODEL ? km_eval_base_name(f->path) : "MD replica";
}

static km_status open_file(const km_eval_options *o, km_eval *e, km_eval_file *f, km_err *err)
{
    bool paths = o->paths && f->kind == KM_EVAL_MODEL;
    int trajectory = o->trajectory < 0 && !paths ? 0 : o->trajectory;
    KM_TRY(km_reel_open(f->path, e->target->top, trajectory, KM_REEL_COMPLETE, &f->reel, err));
    if (*f->reel.note) km_eval_note(e, "%s: %s", km_eval_base_name(f->path), f->reel.note);
    KM_TRY(km_eval_choose(o, &f->reel, &f->clips, &f->n, err));
    f->F = km_eval_frames_in(f->clips, f->n), f->dt = km_eval_spacing_of(f->clips, f->n);
    if (f->F > 1 && f->dt == 0)
        km_eval_note(e, "%s: its frames have no times, or are not equally spaced: nothing of time is computed",
                     km_eval_base_name(f->path));
    return KM_OK;
}

/* Where the reference's atoms are, shared [A of the reference], -1: they are not; what is lacking is noted and left out
 * of all. */
static km_status match(km_eval *e, const km_system *ref, km_eval_file *f, bool *in_all, km_err *err)
{
    km_common c;
    const km_system *s = f->reel.system;
    int32_t there = 0, left = 0;
    char first[64] = "";
    km_common_find(ref, s, &c);
    f->shared = KM_NEWN(int32_t, (size_t)ref->n_atoms);
    for (int32_t a = 0; a < ref->n_atoms; a++) f->shared[a] = -1;
    for (int32_t k = 0; k < c.n; k++)
        if (s->atoms[c.b[k]].present) f->shared[c.a[k]] = c.b[k];
    for (int32_t a = 0; a < ref->n_atoms; a++) {
        const km_residue *r = &ref->residues[ref->atoms[a].residue];
        if (f->shared[a] < 0 && ref->atoms[a].present && !*first)
            snprintf(first, sizeof first, "%s %d %s", r->name, r->number, ref->atoms[a].name);
        there += f->shared[a] >= 0 && ref->atoms[a].present;
        in_all[a] &= f->shared[a] >= 0, left += in_all[a];
    }
    km_common_clear(&c);
    if (left < 3)
        return km_fail(err, KM_INPUT, "%.150s: %d atoms in common with the reference and all others, too few", f->path,
                       left);
    if (*first)
        km_eval_note(e,
                     "%s: %d of the reference's %d atoms are there; those that are not (the first: %s) are left out "
                     "of all",
                     km_eval_file_name(f), there, count_present(ref), first);
    return KM_OK;
}

/* Of the atoms that the reference has those in all. */
static void share(km_eval_file *f, const bool *in_all, int32_t n)
{
    int32_t A = 0;
    for (int32_t a = 0; a < n; a++)
        if (in_all[a]) f->shared[A++] = f->shared[a];
    for (int i = 0; i < f->n; i++) f->clips[i].atoms = f->shared, f->clips[i].n_atoms = A;
}

static km_status open_all(const km_eval_options *o, km_eval *e, km_eval_file *files, int n, bool **in_all, km_err *err)
{
    KM_TRY(open_file(o, e, files, err));
    const km_system *ref = files->reel.system;
    int32_t A = ref->n_atoms;
    *in_all = KM_NEWN(bool, (size_t)A);
    files->shared = KM_NEWN(int32_t, (size_t)A);
    for (int32_t a = 0; a < A; a++) (*in_all)[a] = ref->atoms[a].present, files->shared[a] = a;
    if (count_present(ref) < A)
        km_eval_note(e, "the reference lacks %d of its residues' %d atoms", A - count_present(ref), A);
    for (int i = 1; i < n; i++) {
        KM_TRY(open_file(o, e, &files[i], err));
        if (files[i].F == 1) files[i].dt = files->dt;
        KM_TRY(match(e, ref, &files[i], *in_all, err));
    }
    for (int i = 0; i < n; i++) share(&files[i], *in_all, A);
    e->system = km_chem_cut(ref, *in_all);
    e->ref_frames = files->F;
    return KM_OK;
}

km_status km_eval_files_open(const km_eval_options *o, km_eval *e, km_eval_file **ret, int *ret_n, km_err *err)
{
    const km_eval_target *t = e->target;
    int models = t->models.count, n = *ret_n = models + t->refs.count;
    km_eval_file *files = *ret = KM_NEWN(km_eval_file, (size_t)n);
    bool *in_all = NULL;
    files->path = t->refs.items[0], files->kind = KM_EVAL_REFERENCE;
    for (int i = 1; i < n; i++)
        files[i] = i <= models ? (km_eval_file){.path = t->models.items[i - 1], .kind = KM_EVAL_MODEL}
                               : (km_eval_file){.path = t->refs.items[i - models], .kind = KM_EVAL_REPLICA};
    km_status status = open_all(o, e, files, n, &in_all, err);
    free(in_all);
    return status;
}

void km_eval_files_close(km_eval_file *files, int n)
{
    for (int i = 0; i < n; i++) {
        km_reel_close(&files[i].reel);
        free(files[i].clips), free(files[i].shared);
    }
    free(files);
}

km_eval_frames km_eval_frames_of(const km_eval_options *o, const km_eval *e, const km_eval_file *file, km_err *err)
{
    km_eval_frames f = {.file = file, .A = e->system->n_atoms, .threads = o->threads, .err = err};
    f.lengths = KM_NEWN(int64_t, (size_t)file->n);
    for (int i = 0; i < file->n; i++) f.lengths[i] = file->clips[i].F;
    return f;
}

void km_eval_frames_clear(km_eval_frames *f) { free(f->lengths), free(f->opt_start); }

static void read_baseline(const km_eval_frames *f, int64_t first, int64_t n, float *x)
{
    for (int64_t i = 0; i < n; i++) {
        km_rng r = km_rng_of(1, KM_RNG_METRIC, 0, first + i, 0);
        for (int32_t a = 0; a < f->A; a++) {
            float normal[3], noise = f->opt_noise ? (float)(f->opt_noise[a] / sqrt(3)) : 0;
            km_rng_normal3(&r, (uint32_t)a, normal);
            for (int k = 0; k < 3; k++) *x++ = f->opt_start[3 * a + k] + noise * normal[k];
        }
    }
}

void km_eval_frames_read(km_eval_frames *f, int64_t first, int64_t n, float *x)
{
    size_t frame = (size_t)f->A * 3;
    if (f->status == KM_OK && f->opt_start) {
        read_baseline(f, first, n, x);
        return;
    }
    int64_t skip = first;
    for (int i = 0; i < f->file->n && n > 0 && f->status == KM_OK; i++) {
        const km_clip *c = &f->file->clips[i];
        int64_t count = c->F - skip < n ? c->F - skip : n;
        if (count <= 0) {
            skip -= c->F;
            continue;
        }
        f->status = km_clip_read(c, skip, count, f->threads, x, f->err);
        n -= count, x += (size_t)count * frame, skip = 0;
    }
    if (f->status < 0) memset(x, 0, (size_t)n * frame * sizeof *x);
}
