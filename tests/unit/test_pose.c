/* SPDX-License-Identifier: MIT
 * lib/sample/pose.c: where windows stand, the way in and out, and that a canonical model does not know how its input
 * lies. */
#include "lib/sample/pose.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/superpose.h"
#include "lib/sample/interp.h"
#include "tests/unit/tap.h"
#include "tests/unit/tiny.h"

static double farthest(const float *a, const float *b, km_dim n)
{
    double most = 0;
    for (km_dim i = 0; i < n; i++) most = fmax(most, fabs((double)a[i] - b[i]));
    return most;
}

/* x turned and shifted somewhere else */
static float *moved(const km_features *f, const float *x)
{
    const double q[4] = {0.1, -0.7, 0.5, 0.5}, zero[3] = {0}, to[3] = {7, -3, 11};
    double rot[9];
    float *y = km_alloc((size_t)f->A * 3 * sizeof(float));
    km_rotation_of(q, rot);
    km_superpose_apply(x, (int)f->A, rot, zero, to, y);
    return y;
}

static void test_rotations(void)
{
    const double q[4] = {0.8, 0.6, 0, 0}, p[4] = {0.6, 0, 0.8, 0}, e[9] = {1, 0, 0, 0, 1, 0, 0, 0, 1};
    double a[9], b[9], ab[9], back[9], one[9], off = 0;
    km_rotation_of(q, a), km_rotation_of(p, b);
    km_rotation_times(a, b, ab);
    const float x[3] = {1, 2, 3};
    float y[3], z[3];
    const double zero[3] = {0};
    km_superpose_apply(x, 1, b, zero, zero, y), km_superpose_apply(y, 1, a, zero, zero, y);
    km_superpose_apply(x, 1, ab, zero, zero, z);
    ok(farthest(y, z, 3) < 1e-6, "a product turns by its second factor first");
    km_rotation_inverse(ab, back), km_rotation_times(ab, back, one);
    for (int k = 0; k < 9; k++) off = fmax(off, fabs(one[k] - e[k]));
    ok(off < 1e-12, "a rotation and its inverse are none");
}

enum { MIDDLE = 13 }; /* the first atom of the third of the six real tokens of tests/unit/tiny.c */

static void test_turn(km_features *f)
{
    float *x = tiny_normals(3 * f->A, 3, 5);
    double turn[9];
    const double zero[3] = {0};
    km_pose_turn(f, x, turn);
    float n[9];
    for (int a = 0; a < 3; a++)
        for (int k = 0; k < 3; k++) n[3 * a + k] = x[3 * (MIDDLE + a) + k] - x[3 * (MIDDLE + 1) + k];
    km_superpose_apply(n, 3, turn, zero, zero, n);
    ok(n[6] > 0 && fabsf(n[7]) < 1e-5f && fabsf(n[8]) < 1e-5f, "CA to C of the middle token is x");
    ok(n[1] > 0 && fabsf(n[2]) < 1e-5f, "N lies above it");
    double det = turn[0] * (turn[4] * turn[8] - turn[5] * turn[7]) - turn[1] * (turn[3] * turn[8] - turn[5] * turn[6]) +
                 turn[2] * (turn[3] * turn[7] - turn[4] * turn[6]);
    ok(fabs(det - 1) < 1e-12, "it is a proper rotation");
    for (int k = 0; k < 3; k++) x[3 * (MIDDLE + 2) + k] = 2 * x[3 * (MIDDLE + 1) + k] - x[3 * MIDDLE + k];
    km_pose_turn(f, x, turn);
    ok(turn[0] == 1 && turn[1] == 0 && turn[5] == 0 && turn[8] == 1, "three atoms in line say nothing");
    free(x);
    int32_t token[4] = {0, 0, 1, 1};
    const float four[12] = {0, 0, 0, 0, 1, 0, 2, 0, 0, 1, 0, 5};
    const km_features small = {.N = 2, .A = 4, .atom_token = token};
    km_pose_turn(&small, four, turn);
    ok(turn[0] == 1 && turn[1] == 0 && turn[5] == 0 && turn[8] == 1, "nor does a system without a token of three");
}

static void test_ways(const km_features *f, bool canonical)
{
    const char *name = canonical ? "canonical" : "random";
    const km_config c = {.canonical_pose = canonical};
    float *x = tiny_normals(3 * f->A, 3, 5), *y = moved(f, x), *in = tiny_normals(3 * f->A, 1, 1),
          *out = tiny_normals(3 * f->A, 1, 1);
    km_pose p = km_pose_of(&c, f, x), q = km_pose_of(&c, f, y);
    double centre[3] = {0};
    km_pose_enter(&p, f, x, in);
    for (km_dim i = 0; i < 3 * f->A; i++) centre[i % 3] += f->atom_mask[i / 3] * in[i];
    ok(fabs(centre[0]) + fabs(centre[1]) + fabs(centre[2]) < 1e-3, "%s: the anchor's centroid is the origin", name);
    km_pose_enter(&p, f, y, out);
    ok(farthest(in, out, 3 * f->A) < 1e-4, "%s: a frame that lies elsewhere comes to lie on the anchor", name);
    km_pose_enter(&q, f, y, out);
    ok((farthest(in, out, 3 * f->A) < 1e-4) == canonical, "%s: another anchor has %s pose", name,
       canonical ? "the same" : "its own");
    km_pose_leave(&p, f, in);
    ok(farthest(in, x, 3 * f->A) < 1e-4, "%s: back where it was", name);
    for (km_dim i = 0; i < 3 * f->A; i++)
        if (f->there[i / 3] == 0) y[i] += 50;
    km_pose_enter(&p, f, y, out);
    km_pose_enter(&p, f, x, in);
    double worst = 0;
    for (km_dim i = 0; i < 3 * f->A; i++)
        if (f->there[i / 3] != 0) worst = fmax(worst, fabs(in[i] - out[i]));
    ok(worst < 1e-4, "%s: atoms that are not there have no say", name);
    free(x), free(y), free(in), free(out);
}

/* -- a model that does not know how its input lies */

typedef struct results {
    const km_features *f;
    int count;
    float *x; /* [8, A, 3] */
} results;

static km_status collect(void *arg, const km_frame *frame, km_err *err)
{
    results *r = arg;
    size_t n = (size_t)r->f->A * 3;
    if (r->count == 8) return km_fail(err, KM_SYSTEM, "too many");
    memcpy(r->x + (size_t)r->count++ * n, frame->coords, n * sizeof(float));
    return KM_OK;
}

static void trunk_of(const km_model *m, const km_features *f, km_trunk_result **ret)
{
    km_ctx *cx = km_ctx_new(1);
    km_trunk_out t = km_trunk_run(cx, m->trunk, f, 0);
    *ret = km_trunk_result_new((int32_t)f->N, m->config.inputs_s, m->config.token_s, m->config.token_z);
    memcpy((*ret)->s_inputs, t.s_inputs->data, (size_t)km_numel(t.s_inputs) * sizeof(float));
    memcpy((*ret)->s, t.s->data, (size_t)km_numel(t.s) * sizeof(float));
    memcpy((*ret)->z, t.z->data, (size_t)km_numel(t.z) * sizeof(float));
    km_ctx_free(cx);
}

/* Two given frames, then two windows; and the interval between the two given ones filled. */
static void generate(const km_model *m, const km_features *f, const km_trunk_result *t, const float *a, const float *b,
                     results *forecast, results *interp)
{
    km_err err = {0};
    km_history h = {0};
    const km_forecast_options o = {.steps = 2, .window = 2, .history = 2, .noise_scale = 1, .step_scale = 1,
                                   .dt = 20000, .n_new = 4, .seed = 3, .threads = 1};
    const km_interp_options i = {.steps = 2, .noise_scale = 1, .step_scale = 1, .dt = 5000, .seed = 3, .threads = 1};
    km_history_add(&h, 0, a, (int32_t)f->A, 0), km_history_add(&h, 20000, b, (int32_t)f->A, 0);
    ok(km_forecast(m, f, t, &o, &h, 1, collect, forecast, &err) == KM_OK && forecast->count == 4, "a forecast");
    km_interp *p = km_interp_new(m, f, t, &i, collect, interp);
    ok(km_interp_add(p, &(km_frame){0, 0, true, (int32_t)f->A, (float *)a}, &err) == KM_OK &&
           km_interp_add(p, &(km_frame){20000, 0, true, (int32_t)f->A, (float *)b}, &err) == KM_OK &&
           km_interp_finish(p, &err) == KM_OK && interp->count == 5, "an interval");
    km_interp_free(p);
    km_history_clear(&h);
}

static void test_equivariance(const km_features *f, bool canonical)
{
    km_model *m = tiny_model(1);
    if (!m) exit(1);
    m->config.canonical_pose = canonical;
    km_trunk_result *t;
    trunk_of(m, f, &t);
    size_t bytes = 8 * (size_t)f->A * 3 * sizeof(float);
    float *a = tiny_normals(3 * f->A, 3, 5), *b = tiny_normals(3 * f->A, 3, 6), *a2 = moved(f, a), *b2 = moved(f, b);
    results one[2] = {{f, 0, km_alloc(bytes)}, {f, 0, km_alloc(bytes)}},
            two[2] = {{f, 0, km_alloc(bytes)}, {f, 0, km_alloc(bytes)}};
    generate(m, f, t, a, b, &one[0], &one[1]);
    generate(m, f, t, a2, b2, &two[0], &two[1]);
    for (int k = 0; k < 2; k++) {
        double most = 0;
        for (int i = 0; i < one[k].count && i < two[k].count; i++) {
            float *want = moved(f, one[k].x + (size_t)i * (size_t)f->A * 3);
            most = fmax(most, farthest(want, two[k].x + (size_t)i * (size_t)f->A * 3, 3 * 38)); /* not the padding */
            free(want);
        }
        ok((most < 2e-3) == canonical, "%s pose: what is made %s with its input (%.2g A), %s",
           canonical ? "canonical" : "random", canonical ? "turns" : "does not turn", most,
           k ? "an interval" : "a forecast");
        free(one[k].x), free(two[k].x);
    }
    free(a), free(b), free(a2), free(b2);
    km_trunk_result_free(t);
    km_model_free(m);
}

int main(void)
{
    km_features *f = tiny_features();
    test_rotations();
    test_turn(f);
    for (int canonical = 0; canonical < 2; canonical++) {
        test_ways(f, canonical);
        test_equivariance(f, canonical);
    }
    km_features_free(f);
    return tap_end();
}
