/* SPDX-License-Identifier: MIT
 * The peptide panel. Second opinions on pipelines/mini/examples/LGE.xtc, frames 0-999 against 1000-1999, are from
 * Python: torsions by mdtraj 1.11, numpy.histogram(2d), scipy.spatial.distance.jensenshannon, decorrelation by the
 * formula in numpy, autocorrelation by numpy.correlate, superposition by numpy's SVD, numpy.corrcoef. What is broken on
 * purpose is checked against plain loops here. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/rng.h"
#include "lib/traj/checks.h"
#include "lib/traj/peptide.h"
#include "tests/unit/peptide.h"
#include "tests/unit/tap.h"

static const double pi = 3.14159265358979323846;

static void close_to(const char *name, double got, double want, double allowed)
{
    ok(fabs(got - want) <= allowed, "%s: %.8f, want %.8f", name, got, want);
}

/* -- numbers */

static void test_distance(void)
{
    const double p[5] = {1, 2, 3, 0, 4}, q[5] = {4, 3, 0, 2, 2}, left[5] = {1, 1, 0, 0, 0}, right[5] = {0, 0, 3, 1, 0};
    close_to("scipy's distance", km_js_distance(p, q, 5), 0.4801796666853157, 1e-12);
    ok(km_js_distance(p, q, 5) == km_js_distance(q, p, 5), "the distance is symmetric");
    ok(km_js_distance(p, p, 5) == 0, "and 0 from a histogram to itself");
    close_to("disjoint histograms", km_js_distance(left, right, 5), sqrt(log(2)), 1e-12);
    const double ten[5] = {10, 20, 30, 0, 40};
    close_to("counts alone do not matter", km_js_distance(p, ten, 5), 0, 1e-7);
}

/* Angles in the middle of bins, and on their edges, so that what falls where is beyond doubt. */
static void test_bins(void)
{
    bool good = true;
    for (int i = 0; i < KM_JSD_BINS; i++)
        good &= km_bin_of_angle((float)(-pi + (i + 0.5) * pi / 50), KM_JSD_BINS) == i &&
                km_bin_of_angle((float)(-pi + (i + 0.5) * pi / 50), KM_JSD_PAIR_BINS) == i / 2;
    ok(good, "bins from -pi to pi");
    ok(km_bin_of_angle(-(float)pi, 100) == 0 && km_bin_of_angle((float)pi, 100) == 99,
       "-pi and pi are in the first and the last");
}

/* Of frames as they are, gathered in pieces of one and of all. */
static void compare(const km_system *s, const peptide_frames *model, const peptide_frames *ref, km_peptide_scores *ret)
{
    const int64_t models[2] = {model->dt, ref->dt};
    km_peptide a = km_peptide_of(s, model->F, model->dt, &model->dt, 1);
    km_peptide b = km_peptide_of(s, ref->F, ref->dt, models, 2);
    for (int64_t f = 0; f < model->F; f++) km_peptide_add(&a, model->coords + f * s->n_atoms * 3, 1);
    km_peptide_add(&b, ref->coords, ref->F);
    km_peptide_compare(&a, &b, ret);
    km_peptide_clear(&a), km_peptide_clear(&b);
}

static void test_rmsf(const km_system *s, const peptide_frames *t)
{
    size_t A = (size_t)s->n_atoms, n = (size_t)t->F * A * 3;
    double *before = KM_NEWN(double, A), *after = KM_NEWN(double, A), worst = 0;
    float *moved = KM_NEWN(float, n);
    peptide_rmsf(t, s->n_atoms, before);
    for (int64_t f = 0; f < t->F; f++) {
        double c = cos(0.3 * (double)f), d = sin(0.3 * (double)f);
        for (size_t a = 0; a < A; a++) {
            const float *from = t->coords + 3 * ((size_t)f * A + a);
            float *to = moved + 3 * ((size_t)f * A + a);
            to[0] = (float)(c * from[0] - d * from[1] + 0.2 * (double)f);
            to[1] = (float)(d * from[0] + c * from[1] - 3);
            to[2] = from[2];
        }
    }
    peptide_rmsf(&(peptide_frames){moved, t->F, t->dt}, s->n_atoms, after);
    for (size_t a = 0; a < A; a++) worst = fmax(worst, fabs(before[a] - after[a]));
    ok(worst < 1e-4, "turning and shifting frames does not change fluctuations: %.1e", worst);
    for (int64_t f = 1; f < t->F; f++) memcpy(moved + (size_t)f * A * 3, moved, A * 3 * sizeof *moved);
    peptide_rmsf(&(peptide_frames){moved, t->F, t->dt}, s->n_atoms, after);
    worst = 0;
    for (size_t a = 0; a < A; a++) worst = fmax(worst, after[a]);
    ok(worst < 1e-5, "a frame repeated does not fluctuate: %.1e", worst);
    free(before), free(after), free(moved);
}

static void test_second_opinion(const km_system *s, const peptide_frames *a, const peptide_frames *b)
{
    km_peptide_scores p;
    double *rmsf = KM_NEWN(double, (size_t)s->n_atoms);
    compare(s, a, b, &p);
    close_to("backbone", p.jsd_backbone, 0.181967271, 1e-6);
    close_to("side chains", p.jsd_side, 0.318817382, 1e-6);
    close_to("phi-psi", p.jsd_phi_psi, 0.488201726, 1e-6);
    close_to("all torsions", p.jsd_all, 0.257995111, 1e-6);
    close_to("decorrelation of the backbone", p.decorrelation_backbone, 0.165947075, 1e-5);
    close_to("decorrelation of side chains", p.decorrelation_side, 0.159331375, 1e-5);
    close_to("autocorrelation", p.autocorrelation, 0.067919547, 1e-6);
    close_to("correlation of fluctuations", p.rmsf_r, 0.970151228, 1e-5);
    close_to("fluctuation", p.rmsf, 1.529067926, 1e-5);
    close_to("fluctuation of the reference", p.rmsf_ref, 1.550919562, 1e-5);
    peptide_rmsf(a, s->n_atoms, rmsf);
    close_to("the first atom's", rmsf[0], 2.62135002, 1e-5);
    km_peptide gathered = km_peptide_of(s, a->F, a->dt, &a->dt, 1);
    int phi = 0, lag = 0;
    while (gathered.torsions[phi].kind != KM_PHI) phi++;
    while (gathered.lags[lag] != 20) lag++;
    km_peptide_add(&gathered, a->coords, a->F);
    close_to("phi of the second residue at 20 ps", km_turns_decorrelation(&gathered.turns, phi, lag), 0.104383695,
             1e-6);
    free(rmsf), km_peptide_clear(&gathered);
}

static void test_compare(const km_system *s, const peptide_frames *a)
{
    km_peptide_scores p;
    compare(s, a, a, &p);
    ok(p.jsd_backbone == 0 && p.jsd_side == 0 && p.jsd_phi_psi == 0 && p.jsd_all == 0,
       "no distance from a trajectory to itself");
    ok(p.decorrelation_backbone == 0 && p.decorrelation_side == 0, "nor a gap of decorrelation");
    ok(fabs(p.rmsf_r - 1) < 1e-12 && p.rmsf == p.rmsf_ref && p.rmsf > 0, "and the same fluctuations");
    peptide_frames few = {a->coords, 9, a->dt};
    compare(s, &few, a, &p);
    ok(isnan(p.decorrelation_backbone) && isnan(p.decorrelation_side) && p.jsd_backbone > 0,
       "nine frames are too few for any lag");
    peptide_frames apart = {a->coords, a->F, 7000};
    compare(s, &apart, a, &p);
    ok(isnan(p.decorrelation_backbone), "no lag is a multiple of 7 ps");
    peptide_frames untimed = {a->coords, a->F, 0};
    compare(s, &untimed, a, &p);
    ok(isnan(p.decorrelation_side) && isnan(p.autocorrelation) && p.jsd_all == 0, "nothing of time without times");
    km_system *two = peptide_system("tests/data/dipeptide.pdb", NULL, NULL);
    compare(two, &few, &few, &p);
    ok(isnan(p.jsd_phi_psi) && p.jsd_backbone == 0, "a dipeptide has no residue with both phi and psi");
    km_system_free(two);
}

/* -- soundness. The frames are of dynamics with a force field: sound, until broken here. */

static double distance(const float *x, int a, int b)
{
    double d = 0;
    for (int k = 0; k < 3; k++) d += pow((double)x[3 * a + k] - x[3 * b + k], 2);
    return sqrt(d);
}

static int atom_of(const km_system *s, int residue, const char *name)
{
    for (int a = 0; a < s->n_atoms; a++)
        if (s->atoms[a].residue == residue && !strcmp(s->atoms[a].name, name)) return a;
    exit(1);
}

/* Every bond longer by 8 %: a little each, none by much. */
static void stretch_all(const km_system *s, float *x)
{
    for (int i = 0; i < 3 * s->n_atoms; i++) x[i] *= 1.08f;
}

/* One bond much longer, that of the last side chain's end. */
static void stretch_one(const km_system *s, float *x)
{
    int at = atom_of(s, 2, "OE1"), from = atom_of(s, 2, "CD");
    for (int k = 0; k < 3; k++) x[3 * at + k] += 0.28f * (x[3 * at + k] - x[3 * from + k]);
}

/* Turn the atoms listed by angle about the line from a to b. */
static void turn(float *x, int a, int b, double angle, const bool *listed, int n)
{
    double u[3], length = distance(x, a, b), c = cos(angle), d = sin(angle);
    for (int k = 0; k < 3; k++) u[k] = (x[3 * b + k] - x[3 * a + k]) / length;
    for (int i = 0; i < n; i++) {
        double v[3], along = 0;
        if (!listed[i]) continue;
        for (int k = 0; k < 3; k++) v[k] = (double)x[3 * i + k] - x[3 * a + k], along += v[k] * u[k];
        for (int k = 0; k < 3; k++) {
            double cross = u[(k + 1) % 3] * v[(k + 2) % 3] - u[(k + 2) % 3] * v[(k + 1) % 3];
            x[3 * i + k] = (float)(x[3 * a + k] + v[k] * c + cross * d + u[k] * along * (1 - c));
        }
    }
}

static double closest(const km_system *s, const float *x)
{
    int32_t(*pairs)[2];
    double least = INFINITY;
    for (int64_t i = km_chem_pairs_beyond(s, 3, &pairs); i-- > 0;)
        least = fmin(least, distance(x, pairs[i][0], pairs[i][1]));
    free(pairs);
    return least;
}

/* Turn about the bonds N-CA and CA-C of the backbone, which keeps bonds, angles and chirality, until two atoms meet. */
static void collide(const km_system *s, float *x)
{
    bool listed[64];
    km_rng r = km_rng_of(5, KM_RNG_TEST, 0, 0, 0);
    for (uint32_t attempt = 0; attempt < 5000 && closest(s, x) > 2.1; attempt++) {
        double u[4];
        km_rng_uniform4(&r, attempt, u);
        int residue = u[0] < 0.5 ? 1 : 2, n = atom_of(s, residue, "N"), ca = atom_of(s, residue, "CA");
        for (int a = 0; a < s->n_atoms; a++) listed[a] = s->atoms[a].residue >= residue && a != n;
        turn(x, n, ca, 2 * pi * u[1], listed, s->n_atoms);
        int c = atom_of(s, residue - 1, "C"), above = atom_of(s, residue - 1, "CA"), o = atom_of(s, residue - 1, "O");
        for (int a = 0; a < s->n_atoms; a++) listed[a] = s->atoms[a].residue >= residue || a == o;
        turn(x, above, c, 2 * pi * u[2], listed, s->n_atoms);
    }
}

static void mirror(const km_system *s, float *x)
{
    for (int a = 0; a < s->n_atoms; a++) x[3 * a] = -x[3 * a];
}

enum { FRAMES = 10 };

typedef struct damage {
    const char *name;
    void (*make)(const km_system *s, float *x);
    double rms, all, clash, chirality; /* shares of ten frames with one that is broken so */
} damage;

static const damage damages[] = {
    {"bonds a little off", stretch_all, 0.9, 1, 1, 1},
    {"one bond far off", stretch_one, 1, 0.9, 1, 1},
    {"two atoms too close", collide, 1, 1, 0.9, 1},
    {"a mirror image", mirror, 1, 1, 1, 0.9},
};
enum { DAMAGES = sizeof damages / sizeof *damages };

static bool shares(const km_validity *v, double rms, double all, double clash, double chirality, double sound)
{
    bool good = fabs(v->bond_rms_ok - rms) < 1e-9 && fabs(v->bond_all_ok - all) < 1e-9 &&
                fabs(v->no_clash - clash) < 1e-9 && fabs(v->chirality_ok - chirality) < 1e-9 &&
                fabs(v->all_ok - sound) < 1e-9;
    if (!good) printf("# %g %g %g %g %g\n", v->bond_rms_ok, v->bond_all_ok, v->no_clash, v->chirality_ok, v->all_ok);
    return good;
}

static void test_soundness(const km_system *s, const int32_t *source)
{
    peptide_frames t = peptide_dynamics(s, source, 0, 200, FRAMES);
    float *x = t.coords;
    size_t frame = (size_t)s->n_atoms * 3, bytes = FRAMES * frame * sizeof *x;
    float *was = memcpy(km_alloc(bytes), x, bytes);
    km_validity v;
    v = peptide_validity(s, &t);
    ok(shares(&v, 1, 1, 1, 1, 1), "dynamics are sound");
    for (int i = 0; i < DAMAGES; i++) {
        const damage *d = &damages[i];
        memcpy(x, was, bytes);
        d->make(s, x + (size_t)(3 + i) * frame);
        v = peptide_validity(s, &t);
        ok(shares(&v, d->rms, d->all, d->clash, d->chirality, 0.9), "%s", d->name);
    }
    memcpy(x, was, bytes);
    for (int i = 0; i < DAMAGES; i++) damages[i].make(s, x + (size_t)(3 + i) * frame);
    v = peptide_validity(s, &t);
    ok(shares(&v, 0.9, 0.9, 0.9, 0.9, 0.6), "each in a frame of its own");
    memcpy(x, was, bytes);
    for (size_t i = 0; i < frame; i++) x[i] = NAN;
    v = peptide_validity(s, &t);
    ok(shares(&v, 0.9, 0.9, 0.9, 0.9, 0.9), "a frame of NaN is sound in nothing");
    free(x), free(was);
}

/* The whole frame larger or smaller, so that its closest pair is where it should be. */
static void test_clash_limit(const km_system *s, const int32_t *source)
{
    peptide_frames t = peptide_dynamics(s, source, 0, 1, 1);
    float *x = t.coords;
    km_validity v[2];
    for (int i = 0; i < 2; i++) {
        double scale = (i ? 2.21 : 2.19) / closest(s, x);
        for (int k = 0; k < 3 * s->n_atoms; k++) x[k] = (float)(x[k] * scale);
        v[i] = peptide_validity(s, &t);
    }
    ok(v[0].no_clash == 0 && v[1].no_clash == 1, "2.19 A is a clash, 2.21 A is none");
    free(x);
}

static void test_deviations(const km_system *s, const peptide_frames *t)
{
    km_angle *angles;
    int32_t n_angles = km_chem_angles(s, &angles);
    float *ideal = KM_NEWN(float, (size_t)s->n_bonds);
    double bond = 0, angle = 0;
    km_validity v;
    km_chem_bonds_ideal(s, ideal);
    for (int64_t f = 0; f < t->F; f++) {
        const float *x = t->coords + f * s->n_atoms * 3;
        for (int b = 0; b < s->n_bonds; b++)
            bond += pow(distance(x, s->bonds[b].a, s->bonds[b].b) - ideal[b], 2) / (double)(t->F * s->n_bonds);
        for (int i = 0; i < n_angles; i++) {
            const int32_t *a = angles[i].atoms;
            double dot = 0;
            for (int k = 0; k < 3; k++)
                dot += ((double)x[3 * a[0] + k] - x[3 * a[1] + k]) * ((double)x[3 * a[2] + k] - x[3 * a[1] + k]);
            double off = acos(dot / (distance(x, a[0], a[1]) * distance(x, a[1], a[2]))) - angles[i].ideal;
            angle += pow(off * 180 / pi, 2) / (double)(t->F * n_angles);
        }
    }
    v = peptide_validity(s, t);
    close_to("deviation of bonds over all frames", v.bond_rms, sqrt(bond), 1e-6);
    close_to("deviation of angles over all frames", v.angle_rms, sqrt(angle), 1e-5);
    free(angles), free(ideal);
}

int main(void)
{
    int32_t *source;
    km_system *s = peptide_system("pipelines/mini/examples/LGE.pdb", &source, NULL);
    peptide_frames a = peptide_dynamics(s, source, 0, 1, 1000), b = peptide_dynamics(s, source, 1000, 1, 1000);
    test_distance();
    test_bins();
    test_rmsf(s, &a);
    test_second_opinion(s, &a, &b);
    test_compare(s, &a);
    test_soundness(s, source);
    test_clash_limit(s, source);
    test_deviations(s, &a);
    free(a.coords), free(b.coords), free(source);
    km_system_free(s);
    return tap_end();
}
