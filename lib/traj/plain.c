/* SPDX-License-Identifier: MIT */
#include "lib/traj/plain.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/traj/peptide.h"
#include "lib/traj/stats.h"

enum { DISTANCES = 250000, QUANTILES = 10000, MOST_KEPT = 300 };
static const double width = 0.002; /* of a bin of distances: they end at 500 A */

int km_rama_class(double phi, double psi)
{
    static const struct {
        int class;
        double phi[2], psi[2];
    } rectangles[] = {
        {KM_RAMA_FAVOURED, {-100, -30}, {-70, -10}}, {KM_RAMA_FAVOURED, {-180, -60}, {80, 180}},
        {KM_RAMA_FAVOURED, {30, 100}, {10, 70}},     {KM_RAMA_ALLOWED, {-120, -10}, {-90, 10}},
        {KM_RAMA_ALLOWED, {-180, -40}, {60, 180}},   {KM_RAMA_ALLOWED, {10, 120}, {-10, 90}},
        {KM_RAMA_ALLOWED, {-180, -40}, {-60, 60}},
    };
    for (size_t i = 0; i < sizeof rectangles / sizeof *rectangles; i++)
        if (phi >= rectangles[i].phi[0] && phi <= rectangles[i].phi[1] && psi >= rectangles[i].psi[0] &&
            psi <= rectangles[i].psi[1])
            return rectangles[i].class;
    return KM_RAMA_OUTLIER;
}

km_plain km_plain_of(const km_system *s, int64_t frames)
{
    size_t A = (size_t)s->n_atoms;
    km_plain p = {.system = s,
                  .ca = KM_NEWN(int32_t, A),
                  .sum = KM_NEWN(double, A * 3),
                  .square = KM_NEWN(double, A),
                  .distances = KM_NEWN(double, DISTANCES)};
    for (int32_t a = 0; a < s->n_atoms; a++)
        if (!strcmp(s->atoms[a].name, "CA")) p.ca[p.n_ca++] = a;
    p.n_torsions = km_chem_torsions(s, &p.torsions);
    p.phi = KM_NEWN(int32_t, (size_t)p.n_torsions + 1);
    for (int32_t i = 0; i < p.n_torsions; i++)
        if (km_torsion_pair(p.torsions, p.n_torsions, i)) p.phi[p.n_pairs++] = i;
    p.maps = KM_NEWN(double, (size_t)p.n_pairs *KM_RAMA_BINS *KM_RAMA_BINS + 1);
    double pairs = (double)A * (double)(A - 1) / 2;
    int64_t most = pairs > 0 && 2e8 / pairs < MOST_KEPT ? (int64_t)(2e8 / pairs) : MOST_KEPT;
    if (most < 2) most = 2;
    p.each = (frames + most - 1) / most;
    p.kept = KM_NEWN(float, (size_t)most *A * 3);
    return p;
}

void km_plain_clear(km_plain *p)
{
    free(p->torsions), free(p->ca), free(p->phi), free(p->sum), free(p->square), free(p->maps), free(p->kept);
    free(p->distances);
    *p = (km_plain){0};
}

static double degrees_of(const km_torsion *t, const float *x)
{
    const float *at[4];
    for (int k = 0; k < 4; k++) at[k] = x + 3 * (ptrdiff_t)t->atoms[k];
    return km_chem_dihedral(at[0], at[1], at[2], at[3]) * 180 / acos(-1);
}

void km_plain_add(km_plain *p, const float *x, int64_t n)
{
    size_t frame = (size_t)p->system->n_atoms * 3;
    for (int64_t f = 0; f < n; f++, x += frame) {
        for (int32_t i = 0; i < 3 * p->n_ca; i++) {
            double v = x[3 * p->ca[i / 3] + i % 3];
            p->sum[i] += v, p->square[i / 3] += v * v;
        }
        for (int32_t i = 0; i < p->n_pairs; i++) {
            double phi = degrees_of(&p->torsions[p->phi[i]], x), psi = degrees_of(&p->torsions[p->phi[i] + 1], x);
            int at = km_bin_of(phi, -180, 180, KM_RAMA_BINS) * KM_RAMA_BINS + km_bin_of(psi, -180, 180, KM_RAMA_BINS);
            p->classes[km_rama_class(phi, psi)]++;
            p->maps[i * KM_RAMA_BINS * KM_RAMA_BINS + at]++;
        }
        if (p->frames++ % p->each == 0) memcpy(p->kept + (size_t)p->n_kept++ * frame, x, frame * sizeof *x);
    }
}

/* -- both sides */

static double rmsf_r(const km_plain *a, const km_plain *b)
{
    double *x = KM_NEWN(double, (size_t)a->n_ca + 1), *y = KM_NEWN(double, (size_t)a->n_ca + 1);
    const km_plain *sides[2] = {a, b};
    for (int s = 0; s < 2; s++)
        for (int32_t i = 0; i < a->n_ca; i++) {
            double n = (double)sides[s]->frames, v = sides[s]->square[i] / n;
            for (int k = 0; k < 3; k++) v -= pow(sides[s]->sum[3 * i + k] / n, 2);
            (s ? y : x)[i] = sqrt(fmax(0, v) + 1e-8);
        }
    double r = a->n_ca > 1 ? km_pearson(x, y, a->n_ca) : NAN;
    free(x), free(y);
    return r;
}

static double pairwise(const km_plain *p, int threads)
{
    int64_t n = p->n_kept, A = p->system->n_atoms;
    double sum = 0, *rows = KM_NEWN(double, (size_t)n);
#pragma omp parallel for schedule(dynamic) num_threads(threads)
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = i + 1; j < n; j++) {
            const float *x = p->kept + i * A * 3, *y = p->kept + j * A * 3;
            double square = 0;
            for (int64_t k = 0; k < A * 3; k++) square += (double)(x[k] - y[k]) * (double)(x[k] - y[k]);
            rows[i] += sqrt(square / (double)A + 1e-8);
        }
    for (int64_t i = 0; i < n; i++) sum += rows[i];
    free(rows);
    return n > 1 ? 2 * sum / (double)(n * (n - 1)) : NAN;
}

static void count_distances(km_plain *p, int threads)
{
    int32_t A = p->system->n_atoms;
#pragma omp parallel num_threads(threads)
    {
        double *mine = KM_NEWN(double, DISTANCES);
#pragma omp for schedule(static)
        for (int64_t f = 0; f < p->n_kept; f++)
            for (int32_t i = 0; i < A; i++)
                for (int32_t j = i + 1; j < A; j++) {
                    const float *x = p->kept + f * A * 3;
                    int bin = (int)(km_chem_distance(x + 3 * (ptrdiff_t)i, x + 3 * (ptrdiff_t)j) / width);
                    mine[bin < DISTANCES ? bin : DISTANCES - 1]++;
                }
#pragma omp critical(distances)
        for (int b = 0; b < DISTANCES; b++) p->distances[b] += mine[b];
        free(mine);
    }
}

/* Quantiles of the distances, q = 0 ... 1, each taken to lie evenly in its bin. */
static void quantiles(const km_plain *p, double *out)
{
    double all = 0, before = 0;
    int bin = 0;
    for (int b = 0; b < DISTANCES; b++) all += p->distances[b];
    for (int q = 0; q < QUANTILES; q++) {
        double mark = all * q / (QUANTILES - 1);
        while (bin < DISTANCES - 1 && (p->distances[bin] == 0 || before + p->distances[bin] < mark))
            before += p->distances[bin++];
        out[q] = width * (bin + (p->distances[bin] > 0 ? fmin(1, (mark - before) / p->distances[bin]) : 0));
    }
}

static double pooled_w2(km_plain *md, km_plain *model, int threads)
{
    double *a = KM_NEWN(double, QUANTILES), *b = KM_NEWN(double, QUANTILES), sum = 0;
    count_distances(md, threads), count_distances(model, threads);
    quantiles(md, a), quantiles(model, b);
    for (int q = 0; q < QUANTILES; q++) sum += (a[q] - b[q]) * (a[q] - b[q]) / QUANTILES;
    free(a), free(b);
    return sqrt(sum);
}

void km_plain_compare(km_plain *md, km_plain *model, int threads, km_plain_scores *s)
{
    double n = (double)model->n_pairs * (double)model->frames, m = (double)md->n_pairs * (double)md->frames, jsd = 0;
    int bins = KM_RAMA_BINS * KM_RAMA_BINS;
    for (int32_t i = 0; i < md->n_pairs; i++)
        jsd += km_js_distance(md->maps + (ptrdiff_t)i * bins, model->maps + (ptrdiff_t)i * bins, bins);
    *s = (km_plain_scores){.ca_rmsf_r = rmsf_r(md, model),
                           .pairwise = pairwise(model, threads),
                           .md_pairwise = pairwise(md, threads),
                           .w2 = md->system->n_atoms > 1 ? pooled_w2(md, model, threads) : NAN,
                           .favoured = n > 0 ? model->classes[KM_RAMA_FAVOURED] / n : NAN,
                           .allowed = n > 0 ? model->classes[KM_RAMA_ALLOWED] / n : NAN,
                           .outlier = n > 0 ? model->classes[KM_RAMA_OUTLIER] / n : NAN,
                           .md_favoured = m > 0 ? md->classes[KM_RAMA_FAVOURED] / m : NAN,
                           .md_allowed = m > 0 ? md->classes[KM_RAMA_ALLOWED] / m : NAN,
                           .md_outlier = m > 0 ? md->classes[KM_RAMA_OUTLIER] / m : NAN,
                           .jsd = md->n_pairs ? jsd / md->n_pairs : NAN};
}
