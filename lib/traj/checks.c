/* SPDX-License-Identifier: MIT */
#include "lib/traj/checks.h"

#include <math.h>
#include <stdlib.h>

#include "lib/base/mem.h"

km_checks km_checks_of(const km_system *s, int64_t F)
{
    km_checks c = {.s = s, .F = F, .ideal = KM_NEWN(float, (size_t)s->n_bonds + 1)};
    km_chem_bonds_ideal(s, c.ideal);
    c.n_angles = km_chem_angles(s, &c.angles);
    c.n_pairs = km_chem_pairs_beyond(s, 3, &c.pairs);
    return c;
}

static double between(const float *x, int32_t a, int32_t b) { return km_chem_distance(x + 3 * a, x + 3 * b); }

static void bond_errors(const km_checks *c, const float *x, double *rms, double *worst)
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
static double angle_error(const km_checks *c, const float *x)
{
    const double pi = 3.14159265358979323846;
    double sum = 0;
    int n = 0;
    for (int32_t i = 0; i < c->n_angles; i++) {
        const int32_t *a = c->angles[i].atoms;
        if (isnan(c->angles[i].ideal)) continue;
        double d = (km_chem_angle(x + 3 * a[0], x + 3 * a[1], x + 3 * a[2]) - c->angles[i].ideal) * 180 / pi;
        sum += d * d, n++;
    }
    return n ? sum / n : 0;
}

static bool clash_free(const km_checks *c, const float *x)
{
    for (int64_t i = 0; i < c->n_pairs; i++)
        if (!(between(x, c->pairs[i][0], c->pairs[i][1]) >= 2.2)) return false;
    return true;
}

static bool all_l(const km_checks *c, const float *x)
{
    for (int32_t r = 0; r < c->s->n_residues; r++)
        if (km_chem_chirality(c->s, r, x) < 0) return false;
    return true;
}

void km_checks_add(km_checks *c, const float *x)
{
    double rms, worst, F = (double)c->F;
    bond_errors(c, x, &rms, &worst);
    bool clear = clash_free(c, x), left = all_l(c, x);
    c->bond += rms * rms, c->angle += angle_error(c, x);
    c->shares.bond_rms_ok += (rms < 0.1) / F, c->shares.bond_all_ok += (worst <= 0.25) / F;
    c->shares.no_clash += clear / F, c->shares.chirality_ok += left / F;
    c->shares.all_ok += (rms < 0.1 && worst <= 0.25 && clear && left) / F;
}

km_validity km_checks_validity(const km_checks *c)
{
    km_validity v = c->shares;
    v.bond_rms = sqrt(c->bond / (double)c->F), v.angle_rms = sqrt(c->angle / (double)c->F);
    return v;
}

void km_checks_clear(km_checks *c)
{
    free(c->ideal), free(c->angles), free(c->pairs);
    *c = (km_checks){0};
}
