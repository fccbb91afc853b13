/* SPDX-License-Identifier: MIT */
#include "lib/traj/peptide.h"

#include <math.h>
#include <stdlib.h>

#include "lib/base/mem.h"
#include "lib/traj/stats.h"

static const double pi = 3.14159265358979323846;

/* fs; and frames of a model */
enum { TIMES = 8 };
static const int64_t times[TIMES] = {5000, 10000, 20000, 50000, 100000, 200000, 500000, 1000000};
static const int64_t model_lags[KM_MODEL_LAGS] = {1, 2, 5, 10, 20, 50, 100};

void km_torsion_angles(const km_torsion *torsions, int32_t n, const float *x, float *out)
{
    for (int32_t i = 0; i < n; i++) {
        const int32_t *a = torsions[i].atoms;
        out[i] = (float)km_chem_dihedral(x + 3 * a[0], x + 3 * a[1], x + 3 * a[2], x + 3 * a[3]);
    }
}

bool km_torsion_pair(const km_torsion *t, int32_t n, int32_t i)
{
    return t[i].kind == KM_PHI && i + 1 < n && t[i + 1].kind == KM_PSI && t[i + 1].residue == t[i].residue;
}

int32_t km_torsions_turning(const km_system *s, km_torsion **ret)
{
    int32_t all = km_chem_torsions(s, ret), n = 0;
    for (int32_t i = 0; i < all; i++)
        if ((*ret)[i].kind != KM_OMEGA) (*ret)[n++] = (*ret)[i];
    return n;
}

void km_torsion_features(const km_torsion *torsions, int32_t n, const float *x, int64_t F, int32_t A, double *out)
{
    float *angles = KM_NEWN(float, (size_t)n + 1);
    for (int64_t f = 0; f < F; f++) {
        km_torsion_angles(torsions, n, x + f * A * 3, angles);
        for (int32_t i = 0; i < n; i++) *out++ = sin(angles[i]), *out++ = cos(angles[i]);
    }
    free(angles);
}

int km_bin_of(double v, double from, double to, int n)
{
    double i = (v - from) / (to - from) * n;
    return i >= n ? n - 1 : i > 0 ? (int)i : 0;
}

int km_bin_of_angle(float angle, int n) { return km_bin_of(angle, -pi, pi, n); }

double km_js_distance(const double *p, const double *q, int n)
{
    double sp = 0, sq = 0, sum = 0;
    for (int i = 0; i < n; i++) sp += p[i], sq += q[i];
    for (int i = 0; i < n; i++) {
        double a = p[i] / sp, b = q[i] / sq, m = (a + b) / 2;
        if (a > 0) sum += a * log(a / m);
        if (b > 0) sum += b * log(b / m);
    }
    return sqrt(fmax(sum / 2, 0));
}

/* -- what is gathered of a trajectory */

/* The number of this lag, -1 where it is none of them. */
static int lag_at(const km_turns *t, int64_t lag)
{
    for (int l = 0; l < t->n_lags; l++)
        if (t->lags[l] == lag) return l;
    return -1;
}

/* Frames that a time lasts, 0 where that is no whole number or not known. */
static int64_t frames_in(int64_t time, int64_t dt) { return dt > 0 && time % dt == 0 ? time / dt : 0; }

/* Ask for a lag of this many frames, of F; not twice, and not beyond half of them. */
static void ask(km_turns *t, int64_t *lags, int64_t lag, int64_t F)
{
    if (lag > 0 && 2 * lag <= F && lag_at(t, lag) < 0) lags[t->n_lags++] = lag;
}

km_peptide km_peptide_of(const km_system *s, int64_t F, int64_t dt, const int64_t *models, int n_models)
{
    km_peptide p = {.A = s->n_atoms, .dt = dt, .moves = km_fluctuation_of(s->n_atoms)};
    p.n = km_torsions_turning(s, &p.torsions);
    size_t n = (size_t)p.n;
    for (int32_t i = 0; i < p.n; i++) p.n_pairs += km_torsion_pair(p.torsions, p.n, i);
    p.bins = km_calloc(n + 1, sizeof *p.bins), p.pairs = km_calloc((size_t)p.n_pairs + 1, sizeof *p.pairs);
    p.angles = KM_NEWN(float, n + 1);
    p.lags = KM_NEWN(int64_t, TIMES + KM_MODEL_LAGS * (size_t)n_models);
    km_turns asked = {.lags = p.lags};
    for (int i = 0; i < TIMES; i++) ask(&asked, p.lags, frames_in(times[i], dt), F);
    for (int i = 0; i < KM_MODEL_LAGS * n_models; i++)
        ask(&asked, p.lags, model_lags[i % KM_MODEL_LAGS] * frames_in(models[i / KM_MODEL_LAGS], dt), F);
    p.turns = km_turns_of(p.n, p.lags, asked.n_lags, 1);
    return p;
}

void km_peptide_add(km_peptide *p, const float *x, int64_t n)
{
    for (int64_t f = 0; f < n; f++, x += 3 * p->A) {
        km_torsion_angles(p->torsions, p->n, x, p->angles);
        for (int32_t i = 0, pair = 0; i < p->n; i++) {
            const float *angle = p->angles + i;
            p->bins[i][km_bin_of_angle(*angle, KM_JSD_BINS)]++;
            if (km_torsion_pair(p->torsions, p->n, i))
                p->pairs[pair++][km_bin_of_angle(angle[0], KM_JSD_PAIR_BINS) * KM_JSD_PAIR_BINS +
                                 km_bin_of_angle(angle[1], KM_JSD_PAIR_BINS)]++;
        }
        km_turns_add(&p->turns, p->angles);
        km_fluctuation_add(&p->moves, x);
    }
}

void km_peptide_clear(km_peptide *p)
{
    free(p->torsions), free(p->bins), free(p->pairs), free(p->angles), free(p->lags);
    km_turns_clear(&p->turns), km_fluctuation_clear(&p->moves);
    *p = (km_peptide){0};
}

/* -- model against reference */

typedef struct mean {
    double sum;
    int n;
} mean;

/* What is no number is passed over. */
static void add(mean *m, double v)
{
    if (!isnan(v)) m->sum += v, m->n++;
}

static double value(const mean *m) { return m->n ? m->sum / m->n : NAN; }

typedef double at_lag(const km_turns *t, int32_t i, int l);

/* The gap between both at a lag in frames of each, where both have been asked for it. */
static double gap_at(at_lag *measure, int32_t i, const km_turns *model, int64_t lag, const km_turns *ref,
                     int64_t ref_lag)
{
    int a = lag_at(model, lag), b = lag_at(ref, ref_lag);
    return a < 0 || b < 0 ? NAN : fabs(measure(model, i, a) - measure(ref, i, b));
}

/* Mean over lags; NaN when one is not long enough for any. */
static double decorrelation_gap(const km_peptide *model, const km_peptide *ref, int32_t i)
{
    mean m = {0, 0};
    for (int l = 0; l < TIMES; l++)
        add(&m, gap_at(km_turns_decorrelation, i, &model->turns, frames_in(times[l], model->dt), &ref->turns,
                       frames_in(times[l], ref->dt)));
    return value(&m);
}

/* The same of the bare autocorrelation at short lags, where a model of fine steps has to be right. */
static double autocorrelation_gap(const km_peptide *model, const km_peptide *ref, int32_t i)
{
    int64_t each = frames_in(model->dt, ref->dt);
    mean m = {0, 0};
    for (int l = 0; l < KM_MODEL_LAGS; l++)
        add(&m, gap_at(km_turns_autocorrelation, i, &model->turns, model_lags[l], &ref->turns, model_lags[l] * each));
    return value(&m);
}

static void compare_rmsf(const km_peptide *model, const km_peptide *ref, km_peptide_scores *ret)
{
    int32_t A = ref->A;
    double *a = KM_NEWN(double, (size_t)A), *b = KM_NEWN(double, (size_t)A);
    km_fluctuation_rms(&model->moves, a), km_fluctuation_rms(&ref->moves, b);
    ret->rmsf_r = km_pearson(a, b, A), ret->rmsf = km_mean(a, A), ret->rmsf_ref = km_mean(b, A);
    free(a), free(b);
}

void km_peptide_compare(const km_peptide *model, const km_peptide *ref, km_peptide_scores *ret)
{
    mean backbone = {0, 0}, side = {0, 0}, pairs = {0, 0}, all = {0, 0}, slow = {0, 0}, slow_side = {0, 0};
    mean fine = {0, 0};
    for (int32_t i = 0, pair = 0; i < ref->n; i++) {
        bool chi = ref->torsions[i].kind >= KM_CHI1;
        double jsd = km_js_distance(model->bins[i], ref->bins[i], KM_JSD_BINS);
        add(chi ? &side : &backbone, jsd), add(&all, jsd);
        add(chi ? &slow_side : &slow, decorrelation_gap(model, ref, i));
        add(&fine, autocorrelation_gap(model, ref, i));
        if (!km_torsion_pair(ref->torsions, ref->n, i)) continue;
        add(&pairs, km_js_distance(model->pairs[pair], ref->pairs[pair], KM_JSD_PAIR_BINS * KM_JSD_PAIR_BINS));
        pair++;
    }
    *ret = (km_peptide_scores){.jsd_backbone = value(&backbone),
                               .jsd_side = value(&side),
                               .jsd_phi_psi = value(&pairs),
                               .jsd_all = value(&all),
                               .decorrelation_backbone = value(&slow),
                               .decorrelation_side = value(&slow_side),
                               .autocorrelation = value(&fine)};
    compare_rmsf(model, ref, ret);
}
