/* SPDX-License-Identifier: MIT
 * Training data: which files belong to which part, and what the windows drawn from them are like. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/mem.h"
#include "lib/chem/msa.h"
#include "lib/train/data.h"
#include "tests/unit/peptide.h"
#include "tests/unit/tap.h"

enum { FRAMES = 60, DT = 2000 }; /* of each trajectory; fs */
static char dir[] = "/tmp/km-data-XXXXXX";

static void write_text(const char *name, const char *text)
{
    FILE *f = fopen(name, "w");
    if (!f || fputs(text, f) < 0 || fclose(f) != 0) exit(1);
}

static const km_train_config *config(void)
{
    static km_train_config c;
    c = (km_train_config){.frames_min = 4,
                          .frames_max = 9,
                          .p_mean = -0.5,
                          .p_std = 0.8,
                          .interpolate = 0.3,
                          .history = 0.5,
                          .translation = 2,
                          .forecast_dt_min = 2 * DT,
                          .forecast_dt_max = 5 * DT,
                          .interpolate_dt_min = DT,
                          .interpolate_dt_max = 3 * DT,
                          .validation_share = 0,
                          .bond_all = true};
    return &c;
}

static km_dataset *open_data(const char *const *paths, int n, const char *opt_split, const km_train_config *c)
{
    km_dataset *d = NULL;
    km_err err = {0};
    if (km_dataset_open(paths, n, opt_split, c, &d, &err) < 0) printf("# %s\n", err.msg), exit(1);
    return d;
}

/* -- files and parts */

static void refused(const char *name, const char *path, const char *opt_split, const km_train_config *c, km_status code,
                    const char *text)
{
    km_err err = {0};
    km_dataset *d = NULL;
    km_status status = km_dataset_open(&path, 1, opt_split, c, &d, &err);
    ok(status == code && strstr(err.msg, text) && !d, "%s: %s", name, err.msg);
    km_dataset_close(d);
}

static void test_files(void)
{
    const km_train_config *c = config();
    const char *both[] = {"a.h5", "b.h5"}, *folder = ".";
    km_dataset *d = open_data(&folder, 1, NULL, c);
    ok(d->count == 3 && d->n_train == 3 && d->n_val == 0 && strstr(d->systems[0].path, "/a.h5") &&
           strstr(d->systems[2].path, "/c.h5"),
       "the .h5 files of a directory in order of name, and nothing else of it");
    const km_train_system *s = &d->systems[0];
    bool bonds = s->n_bonds == 20;
    for (int i = 0; i < s->n_bonds; i++)
        bonds =
            bonds && s->bond_lengths[i] > 1.1f && s->bond_lengths[i] < 1.6f && s->bonds[2 * i] < s->bonds[2 * i + 1];
    ok(s->dt == DT && s->features->A == 21 && s->features->N == 3 && bonds && s->atom_mask[20] == 1 &&
           s->residue[20] == 2,
       "spacing, features, bonds and masks");
    km_dataset_close(d);
    km_train_config links = *c;
    links.bond_all = false;
    d = open_data(both, 1, NULL, &links);
    ok(d->systems[0].n_bonds == 0, "a peptide has no bond to a ligand");
    km_dataset_close(d);
    km_dataset_close(NULL);
    refused("a file that is not there", "none.h5", NULL, c, KM_SYSTEM, "none.h5");
    refused("an empty directory", "empty", NULL, c, KM_INPUT, "no .h5 file");
    refused("a file that is no HDF5", "broken.bad", NULL, c, KM_INPUT, "broken.bad");
    km_train_config longer = *c;
    longer.frames_max = FRAMES + 1;
    refused("too few frames", "a.h5", NULL, &longer, KM_INPUT, "a.h5: no trajectory of");
    const char *pieces = "pieces.bad";
    d = open_data(&pieces, 1, NULL, c);
    ok(d->systems[0].n_long == 1 && d->systems[0].long_enough[0] == 1, "a piece of three frames is left out");
    km_dataset_close(d);
    refused("frames that are not equally spaced", "uneven.bad", NULL, c, KM_INPUT, "trajectory 1: uneven");
}

static void test_split(void)
{
    const km_train_config *c = config();
    const char *files[] = {"a.h5", "b.h5", "c.h5", "broken.bad"};
    write_text("split", "# system\tpart\n\nb\tval\nbroken test\nnot-here train\n  c\ttrain \n");
    km_dataset *d = open_data(files, 4, "split", c);
    ok(d->n_train == 2 && d->train[0] == 0 && d->train[1] == 2 && d->n_val == 1 && d->val[0] == 1,
       "parts by the split file; what it does not name is to train on");
    ok(d->count == 4 && d->systems[3].split == KM_TEST && !d->systems[3].file, "a test system's file is never opened");
    km_dataset_close(d);
    write_text("split", "a val\n");
    refused("nothing to train on", files[0], "split", c, KM_INPUT, "no system to train on");
    write_text("split", "a train\nb valid\n");
    refused("a part of another name", files[0], "split", c, KM_INPUT, "split: line 2");
    write_text("split", "a train\nb\n");
    refused("a system without a part", files[0], "split", c, KM_INPUT, "split: line 2");
    write_text("split", "b val\na train\nb train\n");
    refused("a system in two parts", files[0], "split", c, KM_INPUT, "split: line 3");
    char line[512];
    memset(line, 'x', 300);
    strcpy(line + 300, "\na val\n");
    write_text("split", line);
    refused("a line that is too long", files[0], "split", c, KM_INPUT, "split: line 1");
    refused("a split file that is not there", files[0], "no-split", c, KM_SYSTEM, "no-split");
    km_train_config share = *c;
    share.validation_share = 1;
    refused("all to validate", files[0], NULL, &share, KM_INPUT, "no system to train on");
    int train[2] = {0};
    for (int i = 0; i < 2; i++) {
        share.validation_share = i ? 0.999 : 0.001;
        km_err err;
        if (km_dataset_open(files, 3, NULL, &share, &d, &err) < 0) continue;
        train[i] = d->n_train;
        km_dataset_close(d);
    }
    ok(train[0] == 3 && train[1] == 0, "systems of one sequence are all in one part");
}

/* -- windows */

static double dot(const double *a, const double *b) { return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]; }

static void centroid(const float *x, int A, double c[3])
{
    c[0] = c[1] = c[2] = 0;
    for (int i = 0; i < 3 * A; i++) c[i % 3] += x[i] / (double)A;
}

/* How far frame x is from lying on the anchor: the distance of centroids, and the turning moment sum a x b, which is
 * nothing at the best fit, over the sum of squares. */
static double misfit(const float *x, const float *anchor, int A)
{
    double a[3], b[3], moment[3] = {0}, square = 0;
    centroid(x, A, a), centroid(anchor, A, b);
    const double apart[3] = {a[0] - b[0], a[1] - b[1], a[2] - b[2]};
    for (int i = 0; i < A; i++) {
        double p[3], q[3];
        for (int k = 0; k < 3; k++) p[k] = x[3 * i + k] - a[k], q[k] = anchor[3 * i + k] - b[k];
        for (int k = 0; k < 3; k++) moment[k] += p[(k + 1) % 3] * q[(k + 2) % 3] - p[(k + 2) % 3] * q[(k + 1) % 3];
        square += dot(p, p);
    }
    return fmax(sqrt(dot(apart, apart)), sqrt(dot(moment, moment)) / square);
}

/* Distances of all pairs and the handedness of the first atoms, against the frame as the file has it. */
static double distortion(const float *x, const float *want, int A)
{
    double worst = 0, volume[2];
    for (int i = 0; i < A; i++)
        for (int j = 0; j < i; j++) {
            double d[2] = {0, 0};
            for (int k = 0; k < 3; k++)
                d[0] += pow(x[3 * i + k] - x[3 * j + k], 2), d[1] += pow(want[3 * i + k] - want[3 * j + k], 2);
            worst = fmax(worst, fabs(sqrt(d[0]) - sqrt(d[1])));
        }
    for (int r = 0; r < 2; r++) {
        const float *y = r ? want : x;
        double e[3][3];
        for (int i = 0; i < 3; i++)
            for (int k = 0; k < 3; k++) e[i][k] = y[3 * (5 * i + 5) + k] - y[k];
        volume[r] = e[0][0] * (e[1][1] * e[2][2] - e[1][2] * e[2][1]) +
                    e[0][1] * (e[1][2] * e[2][0] - e[1][0] * e[2][2]) +
                    e[0][2] * (e[1][0] * e[2][1] - e[1][1] * e[2][0]);
    }
    return fmax(worst, fabs(volume[0] / volume[1] - 1));
}

/* What many windows say. */
typedef struct tally {
    int windows, interpolate, shared, history, noised, lengths[16], strides[2][16], histories[16], system[3], newest;
    double log_sum, log_square, noise, history_most, history_sum, numbers, up, up_square, shift, shift_square;
    double newest_expected;
    bool times, ends, frames, first_frame, last_frame, shapes, fits, in_range, targets, kept;
} tally;

static bool is_shared(const float *sigma, int T)
{
    float level = 0;
    for (int t = 0; t < T; t++) {
        if (sigma[t] > 0 && level > 0 && sigma[t] != level) return false;
        if (sigma[t] > 0) level = sigma[t];
    }
    return true;
}

/* Which frames of the file window b holds: trajectory and spacing the same for all. */
static void check_frames(const km_group *g, int b, int64_t stride, tally *y)
{
    int A = (int)g->system->features->A;
    const float *x = g->x + (size_t)(b * g->T * A * 3);
    float *want = km_alloc((size_t)A * 12);
    km_err err;
    int first = peptide_frame_told(x), trajectory = first / 1000;
    for (int t = 0; t < g->T; t++) {
        int told = peptide_frame_told(x + t * A * 3), at = told % 1000;
        y->frames = y->frames && told == first + t * stride && at < FRAMES && trajectory < 2;
        y->first_frame = y->first_frame || at == 0;
        y->last_frame = y->last_frame || at == FRAMES - 1;
        if (!y->frames || km_h5md_read(g->system->file, trajectory, at, 1, 1, want, &err) < 0) break;
        y->shapes = y->shapes && distortion(x + t * A * 3, want, A) < 1e-3;
    }
    free(want);
}

static void count_noise(const km_group *g, int b, bool interpolate, tally *y)
{
    int A = (int)g->system->features->A;
    double most = 0;
    for (int t = 0; t < g->T; t++) {
        double square = 0, sigma = g->sigma[b * g->T + t];
        for (int i = 0; i < 3 * A; i++) {
            int at = (b * g->T + t) * 3 * A + i;
            square += pow(g->noisy[at] - g->x[at], 2);
        }
        if (sigma > 0) {
            y->noise += square / (sigma * sigma), y->numbers += 3 * A;
            y->log_sum += log(sigma / 4), y->log_square += pow(log(sigma / 4), 2), y->noised++;
        } else {
            most = fmax(most, sqrt(square / (3 * A)));
        }
        y->targets = y->targets && g->target[b * g->T + t] == (sigma > 0);
    }
    y->kept = y->kept && (most == 0 || !interpolate);
    y->history += most > 0;
    y->history_most = fmax(y->history_most, most);
    y->history_sum += most;
}

static void count_pose(const km_group *g, int b, int anchor, tally *y)
{
    int A = (int)g->system->features->A;
    const float *x = g->x + (size_t)(b * g->T * A * 3), *on = x + anchor * A * 3;
    double c[3], e[3], length;
    for (int t = 0; t < g->T; t++) y->fits = y->fits && misfit(x + t * A * 3, on, A) < 1e-4;
    centroid(on, A, c);
    y->shift += c[0] + c[1] + c[2], y->shift_square += dot(c, c);
    for (int k = 0; k < 3; k++) e[k] = on[3 * 20 + k] - on[3 + k];
    length = dot(e, e);
    y->up += e[2] / sqrt(length), y->up_square += e[2] * e[2] / length;
}

/* The leading frame that all others lie on, the last such one. */
static int find_anchor(const km_group *g, int b, int history)
{
    int A = (int)g->system->features->A;
    const float *x = g->x + (size_t)(b * g->T * A * 3);
    for (int anchor = history - 1; anchor > 0; anchor--) {
        bool all = true;
        for (int t = 0; t < g->T && all; t++) all = misfit(x + t * A * 3, x + anchor * A * 3, A) < 1e-4;
        if (all) return anchor;
    }
    return 0;
}

static void count_window(const km_group *g, int b, const km_train_config *c, bool causal, tally *y)
{
    const float *sigma = g->sigma + b * g->T, *times = g->times + b * g->T;
    int history = 0;
    while (history < g->T && sigma[history] == 0) history++;
    bool interpolate = sigma[g->T - 1] == 0, inner = true;
    int64_t stride = lround(times[1] * 1e6 / DT);
    for (int t = 0; t < g->T; t++) y->times = y->times && fabs(times[t] - t * stride * (DT * 1e-6)) < 1e-6;
    for (int t = history; t < g->T - interpolate; t++) inner = inner && sigma[t] > 0;
    y->ends = y->ends && inner && history >= 1 && history < g->T && (!interpolate || history == 1);
    int64_t lo = interpolate ? c->interpolate_dt_min : c->forecast_dt_min,
            hi = interpolate ? c->interpolate_dt_max : c->forecast_dt_max;
    y->in_range = y->in_range && stride * DT >= lo && stride * DT <= hi;
    y->windows++, y->interpolate += interpolate, y->shared += is_shared(sigma, g->T);
    y->strides[interpolate][stride & 15]++, y->lengths[g->T & 15]++;
    if (!interpolate) y->histories[history & 15]++;
    check_frames(g, b, stride, y);
    count_noise(g, b, interpolate, y);
    int anchor = causal ? find_anchor(g, b, history) : history - 1;
    count_pose(g, b, anchor, y);
    y->newest += anchor == history - 1, y->newest_expected += 1.0 / history;
}

static tally draw_many(const km_dataset *d, const km_train_config *c, bool causal, int groups)
{
    tally y = {.times = true,
               .ends = true,
               .frames = true,
               .shapes = true,
               .fits = true,
               .in_range = true,
               .targets = true,
               .kept = true};
    const km_config m = {.family = km_family_at(0), .causal = causal, .sigma_data = 4};
    km_err err = {0};
    for (int i = 0; i < groups; i++) {
        km_group g;
        if (km_group_draw(d, d->train, d->n_train, c, &m, 5, i, 2, &g, &err) < 0)
            printf("# %s\n", err.msg), exit(1);
        y.system[g.system - d->systems]++;
        for (int b = 0; b < g.B; b++) count_window(&g, b, c, causal, &y);
        km_group_clear(&g);
    }
    return y;
}

/* Is a count within four and a half deviations of n p? */
static bool likely(int count, int n, double p) { return fabs(count - n * p) <= 4.5 * sqrt(n * p * (1 - p)); }

static void test_windows(const km_dataset *d)
{
    enum { GROUPS = 1500 };
    km_train_config c = *config();
    tally y = draw_many(d, &c, false, GROUPS);
    int n = y.windows, forecasts = n - y.interpolate;
    ok(n == 2 * GROUPS && y.frames, "windows are frames of one trajectory, equally far apart");
    ok(y.first_frame && y.last_frame, "from the first frame to the last");
    ok(y.times && y.in_range, "their times say so, in the range of the task");
    ok(y.ends && y.targets, "leading frames are clean, and the last one of an interpolation; the others are targets");
    ok(likely(y.interpolate, n, 0.3), "interpolations: %d of %d", y.interpolate, n);
    double alone = 0, expected = 0;
    for (int T = 4; T <= 9; T++)
        alone += likely(y.lengths[T] / 2, GROUPS, 1 / 6.0), expected += (0.5 + 0.5 / (T / 2)) / 6;
    ok(alone == 6 && likely(y.system[0], GROUPS, 1 / 3.0) && likely(y.system[1], GROUPS, 1 / 3.0),
       "lengths and systems are uniform");
    ok(likely(y.histories[1], forecasts, expected) && y.histories[4] > 0 && y.histories[5] == 0,
       "half of the forecasts go on from one frame, half from up to half of the window: %d of %d", y.histories[1],
       forecasts);
    const double whole = log(6 / 2.0);
    ok(likely(y.strides[0][2], forecasts, log(1.5) / whole) && likely(y.strides[0][5], forecasts, log(1.2) / whole) &&
           y.strides[1][1] > 0 && y.strides[1][3] > 0,
       "spacings are log-uniform");
    ok(fabs(y.noise / y.numbers - 1) < 0.02, "noise has its level's size: %.4f", y.noise / y.numbers);
    double mean = y.log_sum / y.noised, spread = sqrt(y.log_square / y.noised - mean * mean);
    ok(fabs(mean + 0.5) < 4.5 * 0.8 / sqrt(y.noised) && fabs(spread - 0.8) < 0.03, "levels are log-normal: %.3f, %.3f",
       mean, spread);
    ok(y.shared < n / 6 && y.history == 0, "levels of a window differ, and condition frames stay clean");
    ok(y.shapes, "frames keep their shape and hand");
    ok(y.fits, "and lie on the last leading frame");
    ok(fabs(y.up / n) < 4.5 / sqrt(3.0 * n) && fabs(y.up_square / n - 1 / 3.0) < 0.03, "in any direction: %.3f %.3f",
       y.up / n, y.up_square / n);
    ok(fabs(y.shift / n) < 4.5 * 2 * sqrt(3.0 / n) && fabs(sqrt(y.shift_square / (3 * n)) - 2) < 0.1, "shifted by %.2f",
       sqrt(y.shift_square / (3 * n)));
}

static void test_options(const km_dataset *d)
{
    enum { GROUPS = 400 };
    km_train_config c = *config();
    c.shared_level = 0.4, c.history_noise = 0.5, c.history_noise_share = 0.25;
    tally y = draw_many(d, &c, false, GROUPS);
    int forecasts = y.windows - y.interpolate;
    ok(y.shared > 0.38 * y.windows && y.shared < 0.55 * y.windows, "levels shared in %d of %d windows", y.shared,
       y.windows);
    ok(likely(y.history, forecasts, 0.25) && y.kept && y.history_most < 0.7 && y.history_most > 0.4,
       "history noised in %d of %d forecasts, by no more than %.2f", y.history, forecasts, y.history_most);
    double mean = y.history_sum / y.history;
    ok(fabs(mean - 0.25) < 4.5 * 0.5 / sqrt(12.0 * y.history), "a uniform share of it: %.3f on average", mean);
    c = *config();
    c.interpolate = 1;
    y = draw_many(d, &c, true, GROUPS);
    ok(y.interpolate == 0 && y.histories[8] > 0 && y.ends && y.fits,
       "a causal model only forecasts, from as much as all but one frame");
    ok(likely(y.newest, y.windows, y.newest_expected / y.windows),
       "on any of the leading frames: the newest in %d of %d", y.newest, y.windows);
    c.forecast_dt_min = c.forecast_dt_max = 1000 * DT;
    km_group g;
    km_err err = {0};
    const km_config m = {.family = km_family_at(0), .causal = true, .sigma_data = 4};
    bool longest = true;
    for (int i = 0; i < 50; i++) {
        if (km_group_draw(d, d->train, 3, &c, &m, 5, i, 1, &g, &err) < 0) exit(1);
        int64_t stride = lround(g.times[1] * 1e6 / DT);
        longest = longest && stride == (FRAMES - 1) / (g.T - 1) &&
                  peptide_frame_told(g.x) % 1000 + stride * (g.T - 1) < FRAMES;
        km_group_clear(&g);
    }
    ok(longest, "a spacing too long for the file becomes the longest that fits");
    c.frames_min = c.frames_max = FRAMES + 1;
    ok(km_group_draw(d, d->train, 3, &c, &m, 5, 0, 1, &g, &err) == KM_INPUT && strstr(err.msg, ".h5: 60 frames") &&
           !g.x,
       "a window longer than the file: %s", err.msg);
}

static void test_overfit(const km_dataset *d)
{
    km_train_config c = *config();
    km_config m = {.family = km_family_at(0), .sigma_data = 4};
    km_group g[3];
    km_err err;
    c.overfit = 2;
    for (int i = 0; i < 3; i++)
        if (km_group_draw(d, d->train, 3, &c, &m, 5, i, 2, &g[i], &err) < 0) exit(1);
    size_t n = (size_t)(g[0].B * g[0].T * g[0].system->features->A * 3) * sizeof(float);
    ok(g[0].system == g[2].system && g[0].T == g[2].T && !memcmp(g[0].x, g[2].x, n) &&
           memcmp(g[0].noisy, g[2].noisy, n),
       "the windows of an overfitted model come again, with other noise");
    ok(g[0].system != g[1].system || g[0].T != g[1].T || memcmp(g[0].x, g[1].x, n), "and are as many as asked for");
    for (int i = 0; i < 3; i++) km_group_clear(&g[i]);
}

/* BioKinema's given frames have noise of 0.0004 A; half of its windows have no such frame. */
static void test_given(const km_dataset *d)
{
    enum { GROUPS = 200 };
    km_train_config c = *config();
    const km_config m = {.family = km_family_find("biokinema"), .sigma_data = 4};
    double square = 0, n = 0;
    int without = 0, inner = 0;
    c.free = 0.5, c.history = 0, c.history_noise_share = 0;
    for (int i = 0; i < GROUPS; i++) {
        km_group g;
        km_err err;
        if (km_group_draw(d, d->train, 3, &c, &m, 5, i, 1, &g, &err) < 0) exit(1);
        km_dim A = g.system->features->A;
        without += g.sigma[0] > 0;
        for (int t = 0; t < g.T; t++) {
            if (g.sigma[t] > 0) continue;
            inner += t != 0 && t != g.T - 1;
            for (km_dim k = t * A * 3; k < (t + 1) * A * 3; k++)
                square += ((double)g.noisy[k] - g.x[k]) * ((double)g.noisy[k] - g.x[k]), n++;
        }
        km_group_clear(&g);
    }
    ok(likely(without, GROUPS, 0.5) && inner == 0, "%d of %d windows have no given frame", without, GROUPS);
    ok(fabs(sqrt(square / n) / 4e-4 - 1) < 0.02, "given frames have the family's noise: %.2e", sqrt(square / n));
}

/* a.h5's system and first trajectory with an alignment of ROWS rows, each of one class. */
static void write_aligned(const char *path, int rows, int frames)
{
    km_err err = {0};
    km_h5md *from;
    km_h5md_writer *w;
    if (km_h5md_open("a.h5", &from, &err) < 0) exit(1);
    const km_system *s = km_h5md_system(from);
    km_msa *msa = km_msa_new(rows, s->n_tokens);
    for (int i = 0; i < rows * s->n_tokens; i++) msa->residues[i] = (uint8_t)(i / s->n_tokens);
    float *x = km_alloc((size_t)s->n_atoms * 3 * sizeof *x);
    km_status status = km_h5md_create(path, s, "made up", "", &w, &err);
    if (status == KM_OK) status = km_h5md_put(w, msa, NULL, &err);
    for (int i = 0; i < frames && status == KM_OK; i++) {
        status = km_h5md_read(from, 0, i, 1, 1, x, &err);
        if (status == KM_OK) status = km_h5md_write(w, 0, x, i * (int64_t)DT, &err);
    }
    if (status < 0 || km_h5md_commit(w, &err) < 0) exit(1);
    free(x);
    km_msa_free(msa);
    km_h5md_close(from);
}

/* Of an alignment with more rows than are drawn every sample has its own, always the same ones. */
static void test_rows(void)
{
    enum { ROWS = 30, DRAWN = 5 };
    km_train_config c = *config();
    const km_config m = {.family = km_family_at(0), .sigma_data = 4};
    const char *path = "aligned.bad";
    km_group g[3];
    km_err err;
    c.msa_depth = DRAWN, c.msa_seed = 1;
    write_aligned(path, ROWS, FRAMES);
    km_dataset *d = open_data(&path, 1, NULL, &c);
    for (int i = 0; i < 3; i++)
        if (km_group_draw(d, d->train, 1, &c, &m, 5, i % 2, 1, &g[i], &err) < 0) exit(1);
    const km_features *f = d->systems[0].features, *a = g[0].opt_drawn, *b = g[1].opt_drawn, *again = g[2].opt_drawn;
    size_t n = (size_t)(KM_MSA_DRAWS * DRAWN * f->N) * sizeof *f->msa;
    ok(a->S == DRAWN && a->draws == KM_MSA_DRAWS && a->msa[0] == 0 && a->msa[n / sizeof *f->msa - 1] < ROWS,
       "a sample has rows of its own, the query first");
    ok(memcmp(a->msa, b->msa, n) && memcmp(a->msa, f->msa, n) && !memcmp(a->msa, again->msa, n),
       "another sample has others, the same one the same");
    for (int i = 0; i < 3; i++) km_group_clear(&g[i]);
    km_dataset_close(d);
    c.msa_depth = ROWS;
    d = open_data(&path, 1, NULL, &c);
    if (km_group_draw(d, d->train, 1, &c, &m, 5, 0, 1, &g[0], &err) < 0) exit(1);
    ok(!g[0].opt_drawn && d->systems[0].features->S == ROWS, "all rows need no draw");
    km_group_clear(&g[0]);
    km_dataset_close(d);
    unlink(path);
}

/* In the example peptide LGE the middle residue's N, CA, C are atoms 8, 9, 10. */
static void test_canonical(const km_dataset *d)
{
    const km_config m = {.family = km_family_at(0), .sigma_data = 4, .canonical_pose = true};
    const km_train_config *c = config();
    bool lies = true;
    for (int i = 0; i < 20; i++) {
        km_group g;
        km_err err = {0};
        if (km_group_draw(d, d->train, 3, c, &m, 5, i, 1, &g, &err) < 0) exit(1);
        int anchor = 0;
        while (anchor + 1 < g.T && g.sigma[anchor + 1] == 0) anchor++;
        const float *n = g.x + (anchor * (int)g.system->features->A + 8) * 3, *ca = n + 3, *carbon = n + 6;
        lies = lies && carbon[0] > ca[0] && fabsf(carbon[1] - ca[1]) < 1e-4f && fabsf(carbon[2] - ca[2]) < 1e-4f &&
               n[1] > ca[1] && fabsf(n[2] - ca[2]) < 1e-4f;
        km_group_clear(&g);
    }
    ok(lies, "windows of a canonical model lie along the middle residue of their anchor");
}

static bool same_group(const km_group *a, const km_group *b)
{
    size_t frames = (size_t)(a->B * a->T), n = frames * (size_t)a->system->features->A * 3;
    return a->B == b->B && a->T == b->T && !strcmp(a->system->path, b->system->path) && !memcmp(a->x, b->x, 4 * n) &&
           !memcmp(a->noisy, b->noisy, 4 * n) && !memcmp(a->sigma, b->sigma, 4 * frames) &&
           !memcmp(a->times, b->times, 4 * frames) && !memcmp(a->target, b->target, 4 * frames);
}

static void test_numbers(const km_dataset *d)
{
    const km_train_config *c = config();
    const char *folder = ".";
    km_dataset *again = open_data(&folder, 1, NULL, c);
    km_err err = {0};
    const km_config m = {.family = km_family_at(0), .sigma_data = 4};
    bool same = true, apart = true, seeded = true;
    for (int i = 40; i-- > 0;) {
        km_group a, b, other, seed;
        if (km_group_draw(d, d->train, 3, c, &m, 5, i, 2, &a, &err) < 0 ||
            km_group_draw(again, again->train, 3, c, &m, 5, i, 2, &b, &err) < 0 ||
            km_group_draw(d, d->train, 3, c, &m, 5, i + 1, 2, &other, &err) < 0 ||
            km_group_draw(d, d->train, 3, c, &m, 6, i, 2, &seed, &err) < 0)
            exit(1);
        same = same && same_group(&a, &b);
        apart = apart && !same_group(&a, &other) && memcmp(a.x, a.x + (size_t)a.T * 63, (size_t)a.T * 63 * 4);
        seeded = seeded && !same_group(&a, &seed);
        km_group_clear(&a), km_group_clear(&b), km_group_clear(&other), km_group_clear(&seed);
    }
    ok(same, "a number gives the same group, whatever was drawn before");
    ok(apart && seeded, "another number, or another seed, gives another one; so does another window of it");
    km_dataset_close(again);
}

/* The first of a.h5's trajectories without one frame, and from another on as a second; -1: none. */
static void write_odd(const char *path, int missing, int second)
{
    km_h5md *from;
    km_h5md_writer *to;
    km_err err;
    if (km_h5md_open("a.h5", &from, &err) < 0) exit(1);
    const km_system *s = km_h5md_system(from);
    float *x = km_alloc((size_t)s->n_atoms * 12);
    bool good = km_h5md_create(path, s, "", "", &to, &err) == KM_OK;
    for (int f = 0; f < FRAMES && good; f++)
        good = km_h5md_read(from, 0, f, 1, 1, x, &err) == KM_OK &&
               (f == missing || km_h5md_write(to, second >= 0 && f >= second, x, DT * f, &err) == KM_OK);
    if (!good || km_h5md_commit(to, &err) < 0) exit(1);
    free(x);
    km_h5md_close(from);
}

int main(void)
{
    if (!mkdtemp(dir)) return 1;
    for (char name = 'a'; name <= 'c'; name++) {
        char *path = km_asprintf("%s/%c.h5", dir, name);
        peptide_write(path, 2, FRAMES, DT);
        free(path);
    }
    if (chdir(dir) != 0 || mkdir("empty", 0777) != 0) return 1;
    write_text("broken.bad", "not a trajectory");
    write_odd("uneven.bad", 7, -1);
    write_odd("pieces.bad", -1, 3);
    test_files();
    test_split();
    km_dataset *d = open_data((const char *const[]){"."}, 1, NULL, config());
    test_windows(d);
    test_canonical(d);
    test_options(d);
    test_overfit(d);
    test_given(d);
    test_numbers(d);
    test_rows();
    km_dataset_close(d);
    static const char *const left[] = {"a.h5", "b.h5", "c.h5", "broken.bad", "uneven.bad", "pieces.bad", "split"};
    for (size_t i = 0; i < sizeof left / sizeof *left; i++) unlink(left[i]);
    rmdir("empty");
    rmdir(dir);
    return tap_end();
}
