/* SPDX-License-Identifier: MIT
 * The panel of ligands leaving. */
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/traj/unbinding.h"
#include "tools/eval_complex.h"

typedef struct scores {
    double precision, recall, f1;
    double path_precision, path_recall, path_rmsd;
    double success1, success10, exit, md_exit, paths, md_paths;
} scores;

#define AT(name) offsetof(scores, name)
const km_metric km_unbinding_metrics[] = {
    {"precision", "precis", 6, 3, AT(precision), KM_BEST_HIGH,
     .meaning = "generated frames whose ligand is within 2 Å (RMSD, protein superposed, symmetric atoms exchanged) of "
                "one of the reference"},
    {"recall", "recall", 6, 3, AT(recall), KM_BEST_HIGH,
     .meaning = "frames of the reference within 2 Å of a generated one"},
    {"f1", "F1", 6, 3, AT(f1), KM_BEST_HIGH, .meaning = "harmonic mean of the two"},
    {"path_precision", "pathP", 6, 3, AT(path_precision), KM_BEST_HIGH, .first = true,
     .meaning = "generated paths of the ligand's centre within 2 Å (discrete Fréchet) of one of the reference"},
    {"path_recall", "pathR", 6, 3, AT(path_recall), KM_BEST_HIGH,
     .meaning = "paths of the reference within 2 Å of a generated one"},
    {"path_rmsd", "RMSD", 6, 2, AT(path_rmsd), KM_BEST_LOW,
     .meaning =
         "mean over generated paths of the distance to the nearest of the reference, at 50 points of equal steps",
     .unit = "A"},
    {"success1", "out@1", 6, 3, AT(success1), KM_BEST_HIGH, .first = true,
     .meaning = "does the first generated path leave: every atom beyond 6 Å of the protein, or the centre 15 Å away"},
    {"success10", "out@10", 6, 3, AT(success10), KM_BEST_HIGH, .meaning = "does one of the first ten"},
    {"exit_ns", "exit", 7, 3, AT(exit), KM_BEST_NONE, .meaning = "mean time of the first frame that is out",
     .unit = "ns"},
    {"md_exit_ns", "mdexit", 7, 3, AT(md_exit), KM_BEST_NONE, .meaning = "that of the reference", .unit = "ns"},
    {"paths", NULL, 0, 0, AT(paths), KM_BEST_NONE, .meaning = "generated paths"},
    {"md_paths", NULL, 0, 0, AT(md_paths), KM_BEST_NONE, .meaning = "paths of the reference"},
    {0},
};

/* The ligand's atoms of a side, and when each path leaves. */
typedef struct side {
    const km_eval_case *c;
    const km_eval_complex *complex;
    float *x;  /* [F, n_ligand, 3] */
    bool *out; /* [F] */
    int64_t *lengths, F;
    int n_runs;
} side;

static void take(void *arg, float *x, int64_t first, int64_t n)
{
    side *s = arg;
    const km_complex *list = &s->complex->list;
    km_eval_complex_superpose(s->c, s->complex, x, n);
    for (int64_t f = 0; f < n; f++) {
        const float *frame = x + f * s->c->A * 3;
        s->out[first + f] = km_ligand_is_out(list, frame);
        for (int32_t i = 0; i < list->n_ligand; i++)
            memcpy(s->x + ((first + f) * list->n_ligand + i) * 3, frame + 3 * (ptrdiff_t)list->ligand[i],
                   3 * sizeof *x);
    }
}

static km_status read_side(const km_eval_case *c, const km_eval_complex *complex, const km_clip *clips, int n, side *s,
                           km_err *err)
{
    *s = (side){.c = c, .complex = complex, .n_runs = n, .lengths = KM_NEWN(int64_t, (size_t)n)};
    for (int i = 0; i < n; i++) s->F += s->lengths[i] = clips[i].F;
    s->x = KM_NEWN(float, (size_t)s->F *(size_t)complex->list.n_ligand * 3), s->out = KM_NEWN(bool, (size_t)s->F);
    return km_eval_stream(c, clips, n, take, s, err);
}

static void clear(side *s) { free(s->x), free(s->out), free(s->lengths); }

/* -- frames */

static double share_below(const double *x, int64_t n, double bound)
{
    int64_t below = 0;
    for (int64_t i = 0; i < n; i++) below += x[i] < bound;
    return (double)below / (double)n;
}

static void compare_frames(const side *md, const side *model, scores *s, km_eval_row *row)
{
    enum { CURVE = 19 }; /* 1 ... 10 A in steps of a half */
    const km_symmetry *symmetry = md->complex->list.symmetry;
    int threads = md->c->options->threads;
    double *near = KM_NEWN(double, (size_t)model->F), *reached = KM_NEWN(double, (size_t)md->F);
    km_frames_nearest(model->x, model->F, md->x, md->F, symmetry, threads, near);
    km_frames_nearest(md->x, md->F, model->x, model->F, symmetry, threads, reached);
    s->precision = share_below(near, model->F, 2), s->recall = share_below(reached, md->F, 2);
    double both = s->precision + s->recall;
    s->f1 = both > 0 ? 2 * s->precision * s->recall / both : 0;
    if (md->c->options->profile) {
        double *precision = KM_NEWN(double, CURVE), *recall = KM_NEWN(double, CURVE);
        for (int i = 0; i < CURVE; i++) {
            precision[i] = share_below(near, model->F, 1 + i * 0.5);
            recall[i] = share_below(reached, md->F, 1 + i * 0.5);
        }
        km_eval_keep(row, "precision", precision, CURVE, 1), km_eval_keep(row, "recall", recall, CURVE, 1);
    }
    free(near), free(reached);
}

/* -- paths */

static double *paths_of(const side *s)
{
    enum { PATH = 3 * KM_PATH_POINTS };
    int atoms = s->complex->list.n_ligand;
    double *out = KM_NEWN(double, (size_t)s->n_runs *PATH);
    const float *x = s->x;
    for (int i = 0; i < s->n_runs; x += s->lengths[i++] * atoms * 3)
        km_path_of(x, s->lengths[i], atoms, out + (ptrdiff_t)i * PATH);
    return out;
}

static double nearest(const double *path, const double *others, int n, double (*far)(const double *, const double *))
{
    double best = INFINITY;
    for (int i = 0; i < n; i++) best = fmin(best, far(path, others + (ptrdiff_t)3 * KM_PATH_POINTS * i));
    return best;
}

static void compare_paths(const side *md, const side *model, scores *s)
{
    enum { PATH = 3 * KM_PATH_POINTS };
    double *ours = paths_of(model), *theirs = paths_of(md);
    s->path_precision = s->path_recall = s->path_rmsd = 0;
    for (int i = 0; i < model->n_runs; i++) {
        const double *path = ours + (ptrdiff_t)PATH * i;
        s->path_precision += (nearest(path, theirs, md->n_runs, km_path_frechet) < 2) / (double)model->n_runs;
        s->path_rmsd += nearest(path, theirs, md->n_runs, km_path_rmsd) / model->n_runs;
    }
    for (int i = 0; i < md->n_runs; i++)
        s->path_recall +=
            (nearest(theirs + (ptrdiff_t)PATH * i, ours, model->n_runs, km_path_frechet) < 2) / (double)md->n_runs;
    free(ours), free(theirs);
}

/* The mean time, from its path's beginning, of the first frame that is out, over paths that leave; how many of the
 * first `most` paths leave. */
static double exits(const side *s, int64_t dt, int most, int *ret_left)
{
    const bool *out = s->out;
    double sum = 0;
    int left = 0;
    *ret_left = 0;
    for (int i = 0; i < s->n_runs; out += s->lengths[i++])
        for (int64_t f = 0; f < s->lengths[i]; f++)
            if (out[f]) {
                sum += km_ns_of_fs(f * dt), left++;
                *ret_left += i < most;
                break;
            }
    return left && dt ? sum / left : NAN;
}

static void compare(const side *md, const side *model, km_eval_row *row, scores *s)
{
    int left;
    compare_frames(md, model, s, row);
    compare_paths(md, model, s);
    exits(model, model->c->model_dt, 1, &left), s->success1 = left > 0;
    s->exit = exits(model, model->c->model_dt, 10, &left), s->success10 = left > 0;
    s->md_exit = exits(md, md->c->ref_dt, 1, &left);
    s->paths = model->n_runs, s->md_paths = md->n_runs;
}

static km_status measure(const km_eval_case *c, km_eval *e, km_eval_row *row, km_err *err)
{
    km_eval_complex complex;
    side md = {0}, model = {0};
    km_status status = KM_OK;
    if (km_eval_complex_of(c, e, row, &complex)) {
        status = read_side(c, &complex, c->ref, c->n_ref, &md, err);
        if (status == KM_OK) status = read_side(c, &complex, c->model, c->n_model, &model, err);
        if (status == KM_OK) {
            scores s;
            compare(&md, &model, row, &s);
            km_eval_take(e->panel, row, &s);
        }
        clear(&md), clear(&model);
    }
    km_eval_complex_clear(&complex);
    return status;
}

km_status km_eval_unbinding(const km_eval_options *o, km_eval *e, km_err *err)
{
    return km_eval_each(o, e, KM_EVAL_ALL, measure, err);
}
