/* SPDX-License-Identifier: MIT
 * Every pair of atoms is visited three times a step: for what needs coordinates alone, for what needs Born radii, and
 * for what needs the energy's slope by Born radii; nothing is kept in lists, as fifty atoms are all neighbours.
 * Onufriev, Bashford and Case 2004 (OBC II); Zhang et al. 2019 (middle scheme); Ryckaert et al. 1977 (SHAKE). */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "copies.h"

enum { AXES = 3, MAX_ROUNDS = 200 };

typedef float lane[COPIES] __attribute__((aligned(64)));
typedef lane vec[AXES];

#define EACH_COPY _Pragma("omp simd") for (int c = 0; c < COPIES; c++)

static const float COULOMB = 138.935456F, SOLVENT_DIELECTRIC = 78.5F, SURFACE = 28.3919551F, PROBE = 0.14F;
static const float DIELECTRIC_OFFSET = 0.009F, ALPHA = 1.0F, BETA = 0.8F, GAMMA = 4.85F;
static const float CONSTRAINT_TOLERANCE = 1e-5F; // OpenMM's default, relative

/* What a step needs beside coordinates; pairs are in the order of the molecule's. */
struct scratch {
    lane *square, *radial, *descreen_i, *descreen_j; // [pairs] r^2, -dE/dr / r, d psi / dr / r of i by j and of j by i
    lane *psi, *born, *chain, *pull; // [atoms]; pull = dE / d born
    vec *force, *old; // [atoms]
};

static void *lanes(size_t n)
{
    void *p = aligned_alloc(sizeof(lane), n * sizeof(lane));
    if (p)
        memset(p, 0, n * sizeof(lane));
    return p;
}

static void scratch_close(struct scratch *s)
{
    free(s->square), free(s->radial), free(s->descreen_i), free(s->descreen_j), free(s->psi);
    free(s->born), free(s->chain), free(s->pull), free(s->force), free(s->old);
}

static int scratch_open(struct scratch *s, int atoms)
{
    size_t n = (size_t)atoms, pairs = n * (n - 1) / 2 + 1;
    s->square = lanes(pairs), s->radial = lanes(pairs), s->descreen_i = lanes(pairs), s->descreen_j = lanes(pairs);
    s->psi = lanes(n), s->born = lanes(n), s->chain = lanes(n), s->pull = lanes(n);
    s->force = lanes(AXES * n), s->old = lanes(AXES * n);
    int whole = s->square && s->radial && s->descreen_i && s->descreen_j && s->psi;
    if (whole && s->born && s->chain && s->pull && s->force && s->old)
        return 0;
    scratch_close(s);
    return -1;
}

/* What atom j of radius sj (scaled) at distance r takes from the solvent around an atom of radius oi: its share of psi,
 * and the derivative. */
static inline float descreen(float oi, float sj, float r, float rinv, float *slope)
{
    float near = fmaxf(oi, fabsf(r - sj)), lower = 1 / near, upper = 1 / (r + sj);
    float squares = lower * lower - upper * upper, ratio = logf(near * upper), s2r = sj * sj * rinv;
    float share = lower - upper + 0.25F * (s2r - r) * squares + 0.5F * rinv * ratio;
    share += oi < sj - r ? 2 * (1 / oi - lower) : 0;
    float t = 0.125F * (1 + s2r * rinv) * squares + 0.25F * ratio * rinv * rinv;
    int seen = oi < r + sj;
    *slope = seen ? t * rinv : 0;
    return seen ? share : 0;
}

static void pairs_first(const struct copies_molecule *m, const vec *x, struct scratch *s, float *energy)
{
    memset(s->psi, 0, (size_t)m->atoms * sizeof(lane));
    for (int i = 0, k = 0; i < m->atoms; i++) {
        float oi = m->radius[i] - DIELECTRIC_OFFSET, si = m->scale[i] * oi;
        for (int j = i + 1; j < m->atoms; j++, k++) {
            float oj = m->radius[j] - DIELECTRIC_OFFSET, sj = m->scale[j] * oj;
            float a = m->repulsion[k], b = m->dispersion[k], q = m->coulomb[k];
            EACH_COPY {
                float dx = x[j][0][c] - x[i][0][c], dy = x[j][1][c] - x[i][1][c], dz = x[j][2][c] - x[i][2][c];
                float r2 = dx * dx + dy * dy + dz * dz, rinv = 1 / sqrtf(r2), r = r2 * rinv;
                float i2 = rinv * rinv, i6 = i2 * i2 * i2;
                energy[c] += i6 * (a * i6 - b) + q * rinv;
                s->square[k][c] = r2;
                s->radial[k][c] = (i6 * (12 * a * i6 - 6 * b) + q * rinv) * i2;
                s->psi[i][c] += descreen(oi, sj, r, rinv, &s->descreen_i[k][c]);
                s->psi[j][c] += descreen(oj, si, r, rinv, &s->descreen_j[k][c]);
            }
        }
    }
}

/* Born radii, their derivative by psi, and what an atom alone has: its own polarisation and its surface. */
static void born_radii(const struct copies_molecule *m, struct scratch *s, float *energy)
{
    float pre = -COULOMB * (1 - 1 / SOLVENT_DIELECTRIC);
    for (int i = 0; i < m->atoms; i++) {
        float radius = m->radius[i], o = radius - DIELECTRIC_OFFSET, q2 = m->charge[i] * m->charge[i] * pre;
        float shell = SURFACE * (radius + PROBE) * (radius + PROBE);
        EACH_COPY {
            float p = 0.5F * o * s->psi[i][c];
            float e = expf(-2 * p * (ALPHA - p * (BETA - p * GAMMA))), t = (1 - e) / (1 + e);
            float b = 1 / (1 / o - t / radius), ratio = radius / b, r3 = ratio * ratio * ratio;
            s->born[i][c] = b;
            s->chain[i][c] = b * b * (1 - t * t) * o * (ALPHA - p * (2 * BETA - 3 * GAMMA * p)) / radius;
            energy[c] += 0.5F * q2 / b + shell * r3 * r3;
            s->pull[i][c] = -0.5F * q2 / (b * b) - 6 * shell * r3 * r3 / b;
        }
    }
}

static void pairs_solvent(const struct copies_molecule *m, struct scratch *s, float *energy)
{
    float pre = -COULOMB * (1 - 1 / SOLVENT_DIELECTRIC);
    for (int i = 0, k = 0; i < m->atoms; i++) {
        for (int j = i + 1; j < m->atoms; j++, k++) {
            float qq = pre * m->charge[i] * m->charge[j];
            EACH_COPY {
                float bi = s->born[i][c], bj = s->born[j][c], bb = bi * bj, r2 = s->square[k][c];
                float d = 0.25F * r2 / bb, e = expf(-d), inv = 1 / sqrtf(r2 + bb * e), g = qq * inv, i2 = inv * inv;
                energy[c] += g;
                s->radial[k][c] += g * (1 - 0.25F * e) * i2;
                float by = -0.5F * g * e * (1 + d) * i2;
                s->pull[i][c] += by * bj;
                s->pull[j][c] += by * bi;
            }
        }
    }
}

static void pairs_force(const struct copies_molecule *m, const vec *x, struct scratch *s)
{
    for (int i = 0; i < m->atoms; i++)
        EACH_COPY s->pull[i][c] *= s->chain[i][c];
    for (int i = 0, k = 0; i < m->atoms; i++) {
        for (int j = i + 1; j < m->atoms; j++, k++) {
            EACH_COPY {
                float f = s->radial[k][c] + s->pull[i][c] * s->descreen_i[k][c] + s->pull[j][c] * s->descreen_j[k][c];
                for (int a = 0; a < AXES; a++) {
                    float along = f * (x[j][a][c] - x[i][a][c]);
                    s->force[i][a][c] -= along;
                    s->force[j][a][c] += along;
                }
            }
        }
    }
}

static void bonds_force(const struct copies_molecule *m, const vec *x, vec *force, float *energy)
{
    for (int k = 0; k < m->bonds; k++) {
        const vec *p = &x[m->bond[2 * k]], *q = &x[m->bond[2 * k + 1]];
        vec *fp = &force[m->bond[2 * k]], *fq = &force[m->bond[2 * k + 1]];
        float rest = m->bond_shape[2 * k], stiff = m->bond_shape[2 * k + 1];
        EACH_COPY {
            float d[AXES], r2 = 0;
            for (int a = 0; a < AXES; a++) {
                d[a] = (*q)[a][c] - (*p)[a][c];
                r2 += d[a] * d[a];
            }
            float r = sqrtf(r2), over = r - rest, f = stiff * over / r;
            energy[c] += 0.5F * stiff * over * over;
            for (int a = 0; a < AXES; a++) {
                (*fp)[a][c] += f * d[a];
                (*fq)[a][c] -= f * d[a];
            }
        }
    }
}

static void angles_force(const struct copies_molecule *m, const vec *x, vec *force, float *energy)
{
    for (int k = 0; k < m->angles; k++) {
        const int32_t *at = &m->angle[3 * k];
        float rest = m->angle_shape[2 * k], stiff = m->angle_shape[2 * k + 1];
        EACH_COPY {
            float u[AXES], v[AXES], uu = 0, vv = 0, uv = 0;
            for (int a = 0; a < AXES; a++) {
                u[a] = x[at[0]][a][c] - x[at[1]][a][c];
                v[a] = x[at[2]][a][c] - x[at[1]][a][c];
                uu += u[a] * u[a];
                vv += v[a] * v[a];
                uv += u[a] * v[a];
            }
            float lu = 1 / sqrtf(uu), lv = 1 / sqrtf(vv), cosine = fminf(fmaxf(uv * lu * lv, -0.99999F), 0.99999F);
            float over = acosf(cosine) - rest, f = stiff * over / sqrtf(1 - cosine * cosine);
            energy[c] += 0.5F * stiff * over * over;
            for (int a = 0; a < AXES; a++) {
                float fu = f * lu * (v[a] * lv - cosine * u[a] * lu), fv = f * lv * (u[a] * lu - cosine * v[a] * lv);
                force[at[0]][a][c] += fu;
                force[at[2]][a][c] += fv;
                force[at[1]][a][c] -= fu + fv;
            }
        }
    }
}

/* What a torsion's angle does to its four atoms: cosine and sine, dphi/dx of the first and last, and the inner two. */
struct turn {
    lane cosine, sine, pull; // pull = -dE/dphi
    vec first, last, inner;
};

/* Blondel and Karplus 1996, equations 9 and 27: no singularity but where three atoms lie on a line. */
static void turn_of(const int32_t *at, const vec *x, struct turn *t)
{
    EACH_COPY {
        float f[AXES], g[AXES], h[AXES], pp = 0, qq = 0, pq = 0, gg = 0, fg = 0, hg = 0;
        for (int a = 0; a < AXES; a++) {
            f[a] = x[at[0]][a][c] - x[at[1]][a][c];
            g[a] = x[at[1]][a][c] - x[at[2]][a][c];
            h[a] = x[at[3]][a][c] - x[at[2]][a][c];
        }
        float p[AXES] = {f[1] * g[2] - f[2] * g[1], f[2] * g[0] - f[0] * g[2], f[0] * g[1] - f[1] * g[0]};
        float q[AXES] = {h[1] * g[2] - h[2] * g[1], h[2] * g[0] - h[0] * g[2], h[0] * g[1] - h[1] * g[0]};
        for (int a = 0; a < AXES; a++) {
            pp += p[a] * p[a];
            qq += q[a] * q[a];
            pq += p[a] * q[a];
            gg += g[a] * g[a];
            fg += f[a] * g[a];
            hg += h[a] * g[a];
        }
        float up = (q[1] * p[2] - q[2] * p[1]) * g[0] + (q[2] * p[0] - q[0] * p[2]) * g[1]
                 + (q[0] * p[1] - q[1] * p[0]) * g[2];
        float norm = 1 / sqrtf(pp * qq), ginv = 1 / sqrtf(gg), glen = gg * ginv, ip = 1 / pp, iq = 1 / qq;
        t->cosine[c] = pq * norm;
        t->sine[c] = up * norm * ginv;
        t->pull[c] = 0;
        for (int a = 0; a < AXES; a++) {
            t->first[a][c] = -glen * ip * p[a];
            t->last[a][c] = glen * iq * q[a];
            t->inner[a][c] = ginv * (fg * ip * p[a] - hg * iq * q[a]);
        }
    }
}

/* One term, barrier (1 + cos(period phi - phase)), into the pull and the energy. */
static void turn_term(const float *shape, struct turn *t, float *energy)
{
    lane cn, sn;
    memcpy(cn, t->cosine, sizeof cn);
    memcpy(sn, t->sine, sizeof sn);
    for (int n = 1; n < (int)shape[0]; n++) {
        EACH_COPY {
            float next = cn[c] * t->cosine[c] - sn[c] * t->sine[c];
            sn[c] = sn[c] * t->cosine[c] + cn[c] * t->sine[c];
            cn[c] = next;
        }
    }
    float c0 = cosf(shape[1]), s0 = sinf(shape[1]), barrier = shape[2], steep = shape[0] * barrier;
    EACH_COPY {
        energy[c] += barrier * (1 + cn[c] * c0 + sn[c] * s0);
        t->pull[c] += steep * (sn[c] * c0 - cn[c] * s0);
    }
}

/* Terms of the same four atoms follow one another and share the geometry. */
static void torsions_force(const struct copies_molecule *m, const vec *x, vec *force, float *energy)
{
    struct turn t;
    for (int k = 0; k < m->torsions;) {
        const int32_t *at = &m->torsion[4 * k];
        turn_of(at, x, &t);
        for (; k < m->torsions && !memcmp(at, &m->torsion[4 * k], 4 * sizeof *at); k++)
            turn_term(&m->torsion_shape[3 * k], &t, energy);
        for (int a = 0; a < AXES; a++) {
            EACH_COPY {
                force[at[0]][a][c] += t.pull[c] * t.first[a][c];
                force[at[3]][a][c] += t.pull[c] * t.last[a][c];
                force[at[1]][a][c] += t.pull[c] * (t.inner[a][c] - t.first[a][c]);
                force[at[2]][a][c] -= t.pull[c] * (t.inner[a][c] + t.last[a][c]);
            }
        }
    }
}

static void forces(const struct copies_molecule *m, const vec *x, struct scratch *s, float *energy)
{
    memset(s->force, 0, (size_t)m->atoms * sizeof(vec));
    memset(energy, 0, sizeof(lane));
    pairs_first(m, x, s, energy);
    born_radii(m, s, energy);
    pairs_solvent(m, s, energy);
    pairs_force(m, x, s);
    bonds_force(m, x, s->force, energy);
    angles_force(m, x, s->force, energy);
    torsions_force(m, x, s->force, energy);
}

/* Moves y along the bonds of old until every constraint holds: lengths (velocity 0), or no speed along them (1). */
static int constrain(const struct copies_molecule *m, const vec *old, vec *y, int velocity)
{
    for (int round = 0; round < MAX_ROUNDS; round++) {
        float worst = 0;
        for (int k = 0; k < m->constraints; k++) {
            int i = m->constraint[2 * k], j = m->constraint[2 * k + 1];
            float wi = 1 / m->mass[i], wj = 1 / m->mass[j], l2 = m->length[k] * m->length[k], off = 0;
            lane push;
            EACH_COPY {
                float along = 0, own = 0;
                for (int a = 0; a < AXES; a++) {
                    float d = y[i][a][c] - y[j][a][c];
                    along += d * (old[i][a][c] - old[j][a][c]);
                    own += d * d;
                }
                float miss = velocity ? -along : 0.5F * (l2 - own);
                push[c] = miss / ((wi + wj) * (velocity ? l2 : along));
                off = fmaxf(off, fabsf(miss) / l2);
            }
            worst = fmaxf(worst, off);
            for (int a = 0; a < AXES; a++) {
                EACH_COPY {
                    float by = push[c] * (old[i][a][c] - old[j][a][c]);
                    y[i][a][c] += wi * by;
                    y[j][a][c] -= wj * by;
                }
            }
        }
        if (worst < CONSTRAINT_TOLERANCE * (velocity ? 100 : 1))
            return 0;
    }
    return -1;
}

/* xoshiro128+ in each lane (Blackman and Vigna 2018), Box and Muller's normals from its upper 24 bits. */
static inline void draw(uint32_t state[4][COPIES], lane out)
{
    EACH_COPY {
        uint32_t a = state[0][c], b = state[1][c], d = state[2][c], e = state[3][c], t = b << 9, sum = a + e;
        d ^= a;
        e ^= b;
        b ^= d;
        a ^= e;
        d ^= t;
        e = e << 11 | e >> 21;
        state[0][c] = a;
        state[1][c] = b;
        state[2][c] = d;
        state[3][c] = e;
        out[c] = ((float)(int32_t)(sum >> 8) + 0.5F) * 0x1p-24F;
    }
}

static void normals(uint32_t state[4][COPIES], lane *out, int n)
{
    for (int k = 0; k < n; k += 2) {
        lane u, v;
        draw(state, u);
        draw(state, v);
        EACH_COPY {
            float r = sqrtf(-2 * logf(u[c]));
            out[k][c] = r * cosf(6.28318531F * v[c]);
            if (k + 1 < n)
                out[k + 1][c] = r * cosf(6.28318531F * v[c] - 1.57079633F); // a sine the compiler leaves a vector
        }
    }
}

int copies_forces(const struct copies_molecule *m, const float *x, float *force, float *energy)
{
    struct scratch s;
    if (scratch_open(&s, m->atoms))
        return -1;
    lane e;
    forces(m, (const vec *)x, &s, e);
    memcpy(force, s.force, (size_t)m->atoms * sizeof(vec));
    memcpy(energy, e, sizeof e);
    scratch_close(&s);
    return 0;
}

int copies_run(const struct copies_molecule *m, float *coordinates, float *velocities, uint32_t state[4][COPIES],
               int steps, float dt, float kt, float friction)
{
    vec *x = (vec *)coordinates, *v = (vec *)velocities;
    struct scratch s;
    lane energy, *noise = lanes(AXES);
    if (scratch_open(&s, m->atoms) || !noise)
        return free(noise), -1;
    float total = 0, keep = expf(-friction * dt);
    for (int i = 0; i < m->atoms; i++)
        total += m->mass[i];
    for (int a = 0; a < AXES; a++) {
        lane mean = {0};
        for (int i = 0; i < m->atoms; i++)
            EACH_COPY mean[c] += m->mass[i] / total * x[i][a][c];
        for (int i = 0; i < m->atoms; i++)
            EACH_COPY x[i][a][c] -= mean[c];
    }
    int bad = 0;
    for (int step = 0; step < steps && !bad; step++) {
        forces(m, (const vec *)x, &s, energy);
        for (int i = 0; i < m->atoms; i++)
            for (int a = 0; a < AXES; a++)
                EACH_COPY v[i][a][c] += dt / m->mass[i] * s.force[i][a][c];
        bad = constrain(m, (const vec *)x, v, 1);
        memcpy(s.old, x, (size_t)m->atoms * sizeof(vec));
        for (int i = 0; i < m->atoms; i++) {
            float width = sqrtf(kt / m->mass[i] * (1 - keep * keep));
            normals(state, noise, AXES);
            for (int a = 0; a < AXES; a++) {
                EACH_COPY {
                    float middle = x[i][a][c] + 0.5F * dt * v[i][a][c];
                    v[i][a][c] = keep * v[i][a][c] + width * noise[a][c];
                    x[i][a][c] = middle + 0.5F * dt * v[i][a][c];
                }
            }
        }
        memcpy(s.force, x, (size_t)m->atoms * sizeof(vec));
        bad |= constrain(m, (const vec *)s.old, x, 0);
        for (int i = 0; i < m->atoms; i++)
            for (int a = 0; a < AXES; a++)
                EACH_COPY v[i][a][c] += (x[i][a][c] - s.force[i][a][c]) / dt;
    }
    free(noise);
    scratch_close(&s);
    return bad ? -2 : 0;
}
