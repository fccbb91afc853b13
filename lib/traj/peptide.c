/* SPDX-License-Identifier: MIT */
#include "lib/traj/peptide.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/traj/superpose.h"

static const double pi = 3.14159265358979323846;

float *km_torsion_angles(const km_torsion *torsions, int32_t n, const km_frames *t, int32_t n_atoms)
{
    float *out = KM_NEWN(float, (size_t)n *(size_t)t->F);
    for (int32_t i = 0; i < n; i++)
        for (int64_t f = 0; f < t->F; f++) {
            const float *x = t->coords + f * n_atoms * 3;
            const int32_t *a = torsions[i].atoms;
            out[i * t->F + f] = (float)km_chem_dihedral(x + 3 * a[0], x + 3 * a[1], x + 3 * a[2], x + 3 * a[3]);
        }
    return out;
}

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

bool km_torsion_pair(const km_torsion *t, int32_t n, int32_t i)
{
    return t[i].kind == KM_PHI && i + 1 < n && t[i + 1].kind == KM_PSI && t[i + 1].residue == t[i].residue;
}

int km_bin_of(double v, double from, double to, int n)
{
    double i = (v - from) / (to - from) * n;
    return i >= n ? n - 1 : i > 0 ? (int)i : 0;
}

static int bin_of(float angle, int n) { return km_bin_of(angle, -pi, pi, n); }

double km_torsion_jsd(const float *a, int64_t na, const float *b, int64_t nb)
{
    enum { BINS = 100 };
    double p[BINS] = {0}, q[BINS] = {0};
    for (int64_t i = 0; i < na; i++) p[bin_of(a[i], BINS)]++;
    for (int64_t i = 0; i < nb; i++) q[bin_of(b[i], BINS)]++;
    return km_js_distance(p, q, BINS);
}

double km_torsion_jsd2(const float *a1, const float *a2, int64_t na, const float *b1, const float *b2, int64_t nb)
{
    enum { BINS = 50 };
    double *p = KM_NEWN(double, BINS *BINS), *q = KM_NEWN(double, BINS *BINS);
    for (int64_t i = 0; i < na; i++) p[bin_of(a1[i], BINS) * BINS + bin_of(a2[i], BINS)]++;
    for (int64_t i = 0; i < nb; i++) q[bin_of(b1[i], BINS) * BINS + bin_of(b2[i], BINS)]++;
    double d = km_js_distance(p, q, BINS * BINS);
    free(p), free(q);
    return d;
}

double *km_torsion_features(const km_system *s, const km_frames *t, int *ret_D)
{
    km_torsion *torsions;
    int32_t all = km_chem_torsions(s, &torsions), n = 0;
    for (int32_t i = 0; i < all; i++)
        if (torsions[i].kind != KM_OMEGA) torsions[n++] = torsions[i];
    float *angles = km_torsion_angles(torsions, n, t, s->n_atoms);
    double *out = KM_NEWN(double, (size_t)t->F * 2 * (size_t)n + 1), *next = out;
    for (int64_t f = 0; f < t->F; f++)
        for (int32_t i = 0; i < n; i++) *next++ = sin(angles[i * t->F + f]), *next++ = cos(angles[i * t->F + f]);
    *ret_D = 2 * n;
    free(torsions), free(angles);
    return out;
}

double km_torsion_autocorrelation(const float *x, int64_t F, int64_t lag)
{
    double both = 0;
    for (int64_t i = 0; i + lag < F; i++) both += cos((double)x[i + lag] - x[i]);
    return both / (double)(F - lag);
}

double km_torsion_decorrelation(const float *x, int64_t F, int64_t lag)
{
    double c = 0, s = 0;
    for (int64_t i = 0; i < F; i++) c += cos(x[i]), s += sin(x[i]);
    double r2 = (c * c + s * s) / ((double)F * (double)F);
    if (1 - r2 < 1e-9) return 1;
    return (km_torsion_autocorrelation(x, F, lag) - r2) / (1 - r2);
}

typedef struct mean {
    double sum;
    int n;
} mean;

static void add(mean *m, double v) { m->sum += v, m->n++; }

static double value(const mean *m) { return m->n ? m->sum / m->n : NAN; }

/* mean over lags of |model - reference|, NaN when neither is long enough for any lag */
static double decorrelation_gap(const float *a, const km_frames *model, const float *b, const km_frames *ref)
{
    static const int64_t lags[] = {5, 10, 20, 50, 100, 200, 500, 1000};
    mean m = {0, 0};
    for (int i = 0; i < 8; i++) {
        int64_t fs = lags[i] * 1000, la = fs / model->dt, lb = fs / ref->dt;
        if (fs % model->dt || fs % ref->dt || 2 * la > model->F || 2 * lb > ref->F) continue;
        add(&m, fabs(km_torsion_decorrelation(a, model->F, la) - km_torsion_decorrelation(b, ref->F, lb)));
    }
    return value(&m);
}

/* the same of the bare autocorrelation at short lags, where a model of fine steps has to be right */
static double autocorrelation_gap(const float *a, const km_frames *model, const float *b, const km_frames *ref)
{
    static const int64_t lags[] = {1, 2, 5, 10, 20, 50, 100};
    mean m = {0, 0};
    int64_t each = model->dt / ref->dt;
    for (int i = 0; i < 7 && model->dt % ref->dt == 0; i++) {
        if (2 * lags[i] > model->F || 2 * lags[i] * each > ref->F) continue;
        add(&m, fabs(km_torsion_autocorrelation(a, model->F, lags[i]) -
                     km_torsion_autocorrelation(b, ref->F, lags[i] * each)));
    }
    return value(&m);
}

static double pearson(const double *a, const double *b, int n)
{
    double ma = 0, mb = 0, ab = 0, aa = 0, bb = 0;
    for (int i = 0; i < n; i++) ma += a[i] / n, mb += b[i] / n;
    for (int i = 0; i < n; i++)
        ab += (a[i] - ma) * (b[i] - mb), aa += (a[i] - ma) * (a[i] - ma), bb += (b[i] - mb) * (b[i] - mb);
    return aa > 0 && bb > 0 ? ab / sqrt(aa * bb) : NAN;
}

void km_rmsf(const km_frames *t, int32_t A, double *out)
{
    double *sum = KM_NEWN(double, (size_t)A * 3), *square = KM_NEWN(double, (size_t)A);
    float *x = KM_NEWN(float, (size_t)A * 3);
    for (int64_t f = 0; f < t->F; f++) {
        double rot[9], from[3], to[3];
        const float *frame = t->coords + f * A * 3;
        km_superpose(frame, t->coords, NULL, A, rot, from, to);
        km_superpose_apply(frame, A, rot, from, to, x);
        for (int32_t a = 0; a < A; a++)
            for (int k = 0; k < 3; k++) {
                double d = (double)x[3 * a + k] - t->coords[3 * a + k];
                sum[3 * a + k] += d, square[a] += d * d;
            }
    }
    for (int32_t a = 0; a < A; a++) {
        double v = square[a] / (double)t->F;
        for (int k = 0; k < 3; k++) v -= sum[3 * a + k] / (double)t->F * (sum[3 * a + k] / (double)t->F);
        out[a] = sqrt(fmax(v, 0));
    }
    free(sum), free(square), free(x);
}

static void compare_rmsf(const km_system *s, const km_frames *model, const km_frames *ref, km_peptide_scores *ret)
{
    double *a = KM_NEWN(double, (size_t)s->n_atoms), *b = KM_NEWN(double, (size_t)s->n_atoms);
    km_rmsf(model, s->n_atoms, a);
    km_rmsf(ref, s->n_atoms, b);
    ret->rmsf_r = pearson(a, b, s->n_atoms);
    ret->rmsf = ret->rmsf_ref = 0;
    for (int i = 0; i < s->n_atoms; i++) ret->rmsf += a[i] / s->n_atoms, ret->rmsf_ref += b[i] / s->n_atoms;
    free(a), free(b);
}

void km_peptide_compare(const km_system *s, const km_frames *model, const km_frames *ref, km_peptide_scores *ret)
{
    km_torsion *t;
    int32_t n = km_chem_torsions(s, &t);
    float *a = km_torsion_angles(t, n, model, s->n_atoms), *b = km_torsion_angles(t, n, ref, s->n_atoms);
    mean backbone = {0, 0}, side = {0, 0}, pairs = {0, 0}, all = {0, 0}, slow = {0, 0}, slow_side = {0, 0};
    mean fine = {0, 0};
    for (int32_t i = 0; i < n; i++) {
        const float *x = a + i * model->F, *y = b + i * ref->F;
        if (t[i].kind == KM_OMEGA) continue;
        bool chi = t[i].kind >= KM_CHI1;
        double jsd = km_torsion_jsd(x, model->F, y, ref->F), gap = decorrelation_gap(x, model, y, ref);
        double short_gap = autocorrelation_gap(x, model, y, ref);
        add(chi ? &side : &backbone, jsd);
        add(&all, jsd);
        if (!isnan(gap)) add(chi ? &slow_side : &slow, gap);
        if (!isnan(short_gap)) add(&fine, short_gap);
        if (km_torsion_pair(t, n, i)) add(&pairs, km_torsion_jsd2(x, x + model->F, model->F, y, y + ref->F, ref->F));
    }
    *ret = (km_peptide_scores){value(&backbone),
                               value(&side),
                               value(&pairs),
                               value(&all),
                               value(&slow),
                               value(&slow_side),
                               value(&fine),
                               0,
                               0,
                               0};
    compare_rmsf(s, model, ref, ret);
    free(a), free(b), free(t);
}

/* What one frame is checked against. */
typedef struct checks {
    const km_system *s;
    float *ideal;
    km_angle *angles;
    int32_t n_angles;
    int32_t (*pairs)[2];
    int64_t n_pairs;
} checks;

static double between(const float *x, int32_t a, int32_t b) { return km_chem_distance(x + 3 * a, x + 3 * b); }

static void bond_errors(const checks *c, const float *x, double *rms, double *worst)
{
    double square = 0;
    int n = 0;
    *worst = 0;
    for (int b = 0; b < c->s->n_bonds; b++) {
        if (isnan(c->ideal[b])) continue;
        double d = between(x, c->s->bonds[b].a, c->s->bonds[b].b) - c->ideal[b];
        square += d * d, n++;
        *worst = isnan(d) ? INFINITY : fmax(*worst, fabs(d));
    }
    *rms = n ? sqrt(square / n) : 0;
}

/* Mean square deviation of angles, degrees squared. */
static double angle_error(const checks *c, const float *x)
{
    mean m = {0, 0};
    for (int32_t i = 0; i < c->n_angles; i++) {
        const int32_t *a = c->angles[i].atoms;
        if (isnan(c->angles[i].ideal)) continue;
        double d = (km_chem_angle(x + 3 * a[0], x + 3 * a[1], x + 3 * a[2]) - c->angles[i].ideal) * 180 / pi;
        add(&m, d * d);
    }
    return m.n ? m.sum / m.n : 0;
}

static bool clash_free(const checks *c, const float *x)
{
    for (int64_t i = 0; i < c->n_pairs; i++)
        if (!(between(x, c->pairs[i][0], c->pairs[i][1]) >= 2.2)) return false;
    return true;
}

static bool all_l(const checks *c, const float *x)
{
    for (int32_t r = 0; r < c->s->n_residues; r++)
        if (km_chem_chirality(c->s, r, x) < 0) return false;
    return true;
}

void km_peptide_validity(const km_system *s, const km_frames *t, km_validity *ret)
{
    checks c = {.s = s, .ideal = KM_NEWN(float, (size_t)s->n_bonds)};
    double bond = 0, angle = 0, F = (double)t->F;
    km_chem_bonds_ideal(s, c.ideal);
    c.n_angles = km_chem_angles(s, &c.angles);
    c.n_pairs = km_chem_pairs_beyond(s, 3, &c.pairs);
    *ret = (km_validity){0};
    for (int64_t f = 0; f < t->F; f++) {
        const float *x = t->coords + f * s->n_atoms * 3;
        double rms, worst;
        bond_errors(&c, x, &rms, &worst);
        bool clear = clash_free(&c, x), left = all_l(&c, x);
        bond += rms * rms, angle += angle_error(&c, x);
        ret->bond_rms_ok += (rms < 0.1) / F, ret->bond_all_ok += (worst <= 0.25) / F;
        ret->no_clash += clear / F, ret->chirality_ok += left / F;
        ret->all_ok += (rms < 0.1 && worst <= 0.25 && clear && left) / F;
    }
    ret->bond_rms = sqrt(bond / F), ret->angle_rms = sqrt(angle / F);
    free(c.ideal), free(c.angles), free(c.pairs);
}
