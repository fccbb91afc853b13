/* SPDX-License-Identifier: MIT
 * A point of an atom's sphere, at its centre + R u, is hidden by another atom, d away, of radius S where
 * u . d > (|d|^2 + R^2 - S^2) / (2 R). Points follow a spiral, so that what hid the last one mostly hides the next. */
#include "lib/traj/sasa.h"

#include <math.h>
#include <stdlib.h>

#include "lib/base/mem.h"

static const double pi = 3.14159265358979323846;

double km_sasa_radius(int element)
{
    static const struct {
        int element;
        double radius;
    } known[] = {{1, 1.20},  {6, 1.70},  {7, 1.55},  {8, 1.52},  {16, 1.80}, {15, 1.80}, {34, 1.90},
                 {9, 1.47},  {17, 1.81}, {35, 1.85}, {53, 1.98}, {30, 1.39}, {12, 0.86}, {20, 1.14},
                 {11, 1.02}, {19, 1.38}, {26, 2.00}, {25, 2.00}, {29, 1.40}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (known[i].element == element) return known[i].radius;
    return 1.70;
}

/* The spiral, in single precision as MDTraj walks it: its angle is off by up to 1e-4 at the end. */
static void make_points(float (*u)[3])
{
    const float turn = (float)(pi * (3 - sqrt(5))), step = 2.0f / KM_SASA_POINTS;
    for (int i = 0; i < KM_SASA_POINTS; i++) {
        float y = (float)i * step - 1 + step / 2, rho = sqrtf(1 - y * y), phi = (float)i * turn;
        u[i][0] = cosf(phi) * rho, u[i][1] = y, u[i][2] = sinf(phi) * rho;
    }
}

/* Atoms sorted into cells, so that whoever is nearer than a cell's edge lies in the 27 around. */
typedef struct cells {
    double low[3], edge;
    int n[3];
    int32_t *first; /* [cells + 1] */
    int32_t *atoms; /* [A] */
} cells;

static int cell_of(const cells *c, const float *x)
{
    int at = 0;
    for (int k = 0; k < 3; k++) at = at * c->n[k] + (int)((x[k] - c->low[k]) / c->edge);
    return at;
}

static cells sort_into_cells(const float *x, int32_t A, double edge)
{
    cells c = {.edge = edge};
    enum { MOST = 64 }; /* along an axis: a molecule that wide has wider cells */
    double span = 0;
    for (int k = 0; k < 3; k++) {
        double high = -INFINITY;
        c.low[k] = INFINITY;
        for (int32_t a = 0; a < A; a++) c.low[k] = fmin(c.low[k], x[3 * a + k]), high = fmax(high, x[3 * a + k]);
        span = fmax(span, high - c.low[k]);
        c.n[k] = 1;
    }
    c.edge = fmax(edge, span / MOST);
    for (int k = 0; k < 3; k++)
        for (int32_t a = 0; a < A; a++) {
            int at = (int)((x[3 * a + k] - c.low[k]) / c.edge);
            if (at >= c.n[k]) c.n[k] = at + 1;
        }
    size_t all = (size_t)c.n[0] * (size_t)c.n[1] * (size_t)c.n[2];
    c.first = KM_NEWN(int32_t, all + 2), c.atoms = KM_NEWN(int32_t, (size_t)A);
    for (int32_t a = 0; a < A; a++) c.first[cell_of(&c, x + 3 * a) + 2]++;
    for (size_t i = 2; i < all + 2; i++) c.first[i] += c.first[i - 1];
    for (int32_t a = 0; a < A; a++) c.atoms[c.first[cell_of(&c, x + 3 * a) + 1]++] = a;
    return c;
}

/* The atoms whose spheres meet that of one atom: in its frame, in the form of the test above. */
enum { PACK = 8 };
typedef struct neighbours {
    float *dx, *dy, *dz, *least; /* each n numbers and PACK - 1 that hide nothing */
    int n;
} neighbours;

static void add_neighbours(neighbours *nb, const cells *c, const float *x, const double *radius, int32_t a)
{
    int at[3];
    double R = radius[a];
    nb->n = 0;
    for (int k = 0; k < 3; k++) at[k] = (int)((x[3 * a + k] - c->low[k]) / c->edge);
    for (int i = at[0] - 1; i <= at[0] + 1; i++)
        for (int j = at[1] - 1; j <= at[1] + 1; j++)
            for (int k = at[2] - 1; k <= at[2] + 1; k++) {
                if (i < 0 || j < 0 || k < 0 || i >= c->n[0] || j >= c->n[1] || k >= c->n[2]) continue;
                int cell = (i * c->n[1] + j) * c->n[2] + k;
                for (int32_t m = c->first[cell]; m < c->first[cell + 1]; m++) {
                    int32_t b = c->atoms[m];
                    double d[3], dd = 0, S = radius[b];
                    for (int q = 0; q < 3; q++) d[q] = (double)x[3 * b + q] - x[3 * a + q], dd += d[q] * d[q];
                    if (b == a || dd >= (R + S) * (R + S)) continue;
                    nb->dx[nb->n] = (float)d[0], nb->dy[nb->n] = (float)d[1], nb->dz[nb->n] = (float)d[2];
                    nb->least[nb->n++] = (float)((dd + R * R - S * S) / (2 * R));
                }
            }
    for (int i = nb->n; i < nb->n + PACK - 1; i++) nb->dx[i] = nb->dy[i] = nb->dz[i] = 0, nb->least[i] = INFINITY;
}

static int count_visible(const neighbours *nb, float (*points)[3])
{
    int visible = 0, last = 0;
    for (int p = 0; p < KM_SASA_POINTS; p++) {
        float u = points[p][0], v = points[p][1], w = points[p][2];
        if (nb->n && u * nb->dx[last] + v * nb->dy[last] + w * nb->dz[last] > nb->least[last]) continue;
        int hit = -1;
        for (int i = 0; i < nb->n && hit < 0; i += PACK) {
            float over[PACK];
            int any = 0;
            for (int k = 0; k < PACK; k++) {
                over[k] = u * nb->dx[i + k] + v * nb->dy[i + k] + w * nb->dz[i + k] - nb->least[i + k];
                any |= over[k] > 0;
            }
            for (int k = 0; k < PACK && any && hit < 0; k++)
                if (over[k] > 0) hit = i + k;
        }
        if (hit < 0) visible++;
        else last = hit;
    }
    return visible;
}

void km_sasa(const float *x, const uint8_t *elements, int32_t A, double probe, double *out)
{
    float points[KM_SASA_POINTS][3];
    double *radius = KM_NEWN(double, (size_t)A), widest = 0;
    size_t room = (size_t)A + PACK;
    neighbours nb = {KM_NEWN(float, room), KM_NEWN(float, room), KM_NEWN(float, room), KM_NEWN(float, room), 0};
    make_points(points);
    for (int32_t a = 0; a < A; a++) radius[a] = km_sasa_radius(elements[a]) + probe, widest = fmax(widest, radius[a]);
    cells c = sort_into_cells(x, A, 2 * widest);
    for (int32_t a = 0; a < A; a++) {
        add_neighbours(&nb, &c, x, radius, a);
        out[a] = 4 * pi * radius[a] * radius[a] * count_visible(&nb, points) / KM_SASA_POINTS;
    }
    free(c.first), free(c.atoms), free(radius);
    free(nb.dx), free(nb.dy), free(nb.dz), free(nb.least);
}
