/* SPDX-License-Identifier: MIT
 * A step's gradient, the state file, and whole runs of a tiny model. */
#include <hdf5.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/io.h"
#include "lib/base/mem.h"
#include "lib/train/generate.h"
#include "tests/unit/peptide.h"
#include "tests/unit/tap.h"
#include "tests/unit/tiny.h"
#include "tests/unit/traj_check.h"

static char dir[] = "/tmp/km-run-XXXXXX";

static km_train_config *config_of(const char *more)
{
    km_err err = {0};
    km_train_config *c = NULL;
    char *json = km_asprintf(
        "{\"frames.min\": \"3\", \"frames.max\": \"5\", \"batch\": \"5\", \"windows\": \"2\", \"shards\": \"3\", "
        "\"lr\": \"1e-3\", \"warmup\": \"0\", \"max_steps\": \"4\", \"log_every\": \"1\", \"validate_every\": \"2\", "
        "\"checkpoint_every\": \"2\", \"validation_windows\": \"4\", \"bond_loss\": \"all\", "
        "\"spacing.forecast.min\": \"2ps\", \"spacing.forecast.max\": \"6ps\", "
        "\"spacing.interpolate.min\": \"2ps\", \"spacing.interpolate.max\": \"4ps\"%s%s}",
        *more ? ", " : "", more);
    if (km_train_config_parse(json, &c, &err) < 0) printf("# %s\n", err.msg), exit(1);
    free(json);
    return c;
}

static km_dataset *open_data(const km_train_config *c)
{
    km_dataset *d;
    km_err err = {0};
    if (km_dataset_open((const char *const[]){"a.h5"}, 1, NULL, c, &d, &err) < 0) printf("# %s\n", err.msg), exit(1);
    return d;
}

/* -- a step */

typedef struct fixture {
    km_train_config *c;
    km_dataset *d;
    km_model *m;
    km_group groups[5];
} fixture;

static fixture make_fixture(const char *trained, const char *losses)
{
    char *every_loss = km_asprintf(
        "\"validation_share\": \"0\", \"loss.velocity\": \"0.5\", \"loss.autocorrelation\": \"2\", "
        "\"loss.ensemble\": \"0.5\", \"loss.tica\": \"0.1\", \"loss.tica_memory\": \"1\", \"tica.lag\": \"2ps\", "
        "\"tica.states\": \"3\", \"losses\": \"%s\"", losses);
    fixture x = {.c = config_of(every_loss), .m = tiny_model(1)};
    free(every_loss);
    x.d = open_data(x.c);
    x.m->config.recycles = 0;
    km_params_train(x.m->params, trained);
    for (int i = 0; i < 5; i++) {
        km_err err;
        if (km_group_draw(x.d, x.d->train, x.d->n_train, x.c, &x.m->config, 3, i, 2, &x.groups[i], &err) < 0) exit(1);
    }
    return x;
}

static void free_fixture(fixture *x)
{
    for (int i = 0; i < 5; i++) km_group_clear(&x->groups[i]);
    km_model_free(x->m);
    km_dataset_close(x->d);
    km_train_config_free(x->c);
}

static void run(km_stepper *s, const km_group *groups, int n, const float **opt_ret_grad, km_step_sums *sums)
{
    km_err err;
    if (km_stepper_run(s, groups, n, opt_ret_grad, sums, &err) < 0) printf("# %s\n", err.msg), exit(1);
}

/* The gradient over groups first .. first + n - 1, from km_alloc. */
static float *gradient_of(const fixture *x, int threads, int first, int n, km_step_sums *sums)
{
    km_stepper *s = km_stepper_new(x->m, x->c, NULL, NULL, threads);
    const float *grad;
    size_t bytes = (size_t)km_params_size(x->m->params) * sizeof(float);
    run(s, x->groups + first, n, &grad, sums);
    float *copy = memcpy(km_alloc(bytes), grad, bytes);
    ok(km_stepper_peak(s) > bytes, "%d groups on %d threads: %d windows, loss %g", n, threads, sums->windows,
       sums->total / sums->windows);
    km_stepper_free(s);
    return copy;
}

static bool same_sums(const km_step_sums *a, const km_step_sums *b)
{
    return a->total == b->total && a->structure == b->structure && a->bond == b->bond && a->lddt == b->lddt &&
           a->flex == b->flex && a->center == b->center && a->velocity == b->velocity &&
           a->autocorrelation == b->autocorrelation && a->tica == b->tica && a->windows == b->windows;
}

static double loss_at(const fixture *x, const float *direction, double step)
{
    km_dim n = km_params_size(x->m->params);
    float *block = km_params_block(x->m->params), *was = memcpy(km_alloc((size_t)n * 4), block, (size_t)n * 4);
    km_stepper *s = km_stepper_new(x->m, x->c, NULL, NULL, 1);
    km_step_sums sums;
    for (km_dim i = 0; i < n; i++) block[i] = (float)(was[i] + step * direction[i]);
    run(s, x->groups, 5, NULL, &sums);
    memcpy(block, was, (size_t)n * 4);
    km_stepper_free(s);
    free(was);
    return sums.total / sums.windows;
}

static void test_step(const char *losses)
{
    fixture x = make_fixture("*", losses);
    km_dim n = km_params_size(x.m->params);
    km_step_sums one, three, single, part[2];
    float *a = gradient_of(&x, 1, 0, 5, &one), *b = gradient_of(&x, 3, 0, 5, &three);
    ok(one.velocity > 0 && one.autocorrelation > 0 && one.tica > 0 && one.flex > 0,
       "every loss asked for is there, as %s has them", losses);
    ok(!memcmp(a, b, (size_t)n * 4) && same_sums(&one, &three) && one.windows == 10,
       "threads do not change a bit of them");
    km_stepper *s = km_stepper_new(x.m, x.c, NULL, NULL, 2);
    run(s, x.groups, 5, NULL, &single);
    ok(same_sums(&one, &single), "nor does leaving out the gradient change the losses");
    km_stepper_free(s);

    float *first = gradient_of(&x, 1, 0, 2, &part[0]), *rest = gradient_of(&x, 1, 2, 3, &part[1]);
    double off = 0, square = 0;
    for (km_dim i = 0; i < n; i++) {
        off += pow(a[i] - (4 * first[i] + 6 * rest[i]) / 10.0, 2);
        square += pow(a[i], 2);
    }
    ok(sqrt(off / square) < 1e-5, "a batch's gradient is the mean over windows of its parts': %.1e",
       sqrt(off / square));
    ok(fabs(part[0].total + part[1].total - one.total) < 1e-5 * one.total && one.structure > 0 && one.bond > 0 &&
           one.lddt > 0,
       "losses add up");

    float *direction = tiny_normals(n, 1, 32);
    double slope = 0, h = 2e-4;
    for (int i = 0; i < km_params_count(x.m->params); i++) {
        const km_tensor *t = km_params_at(x.m->params, i);
        if (!km_params_trained(x.m->params, i)) memset(direction + t->param_offset, 0, (size_t)km_numel(t) * 4);
    }
    for (km_dim i = 0; i < n; i++) slope += (double)a[i] * direction[i];
    double difference = (loss_at(&x, direction, h) - loss_at(&x, direction, -h)) / (2 * h);
    ok(fabs(difference - slope) < 1e-2 * fabs(slope), "the slope along a direction: %g, by differences %g", slope,
       difference);
    free(a), free(b), free(first), free(rest), free(direction);
    free_fixture(&x);
}

static void test_frozen_trunk(void)
{
    fixture whole = make_fixture("*", "kinematic"),
            part = make_fixture("score_model.* diffusion_conditioning.*", "kinematic");
    km_step_sums sums[2];
    float *a = gradient_of(&whole, 1, 0, 2, &sums[0]), *b = gradient_of(&part, 1, 0, 2, &sums[1]);
    bool none = true, same = true;
    for (int i = 0; i < km_params_count(part.m->params); i++) {
        const km_tensor *t = km_params_at(part.m->params, i);
        for (km_dim k = t->param_offset; k < t->param_offset + km_numel(t); k++) {
            if (km_params_trained(part.m->params, i)) same = same && a[k] == b[k];
            else none = none && b[k] == 0;
        }
    }
    ok(none && same, "a trunk that is not trained has no gradient and leaves the others' as they are");
    free(a), free(b);
    free_fixture(&whole), free_fixture(&part);
}

/* -- generated windows */

static void test_generated(void)
{
    fixture x = make_fixture("*", "kinematic");
    km_run r = {.config = x.c, .model = x.m, .data = x.d, .threads = 1};
    km_stepper *s = km_stepper_new(x.m, x.c, NULL, NULL, 1);
    km_likeness same, one, two;
    km_err err;
    bool held = true;
    for (int i = 0; i < 5; i++)
        memcpy(x.groups[i].noisy, x.groups[i].x,
               (size_t)(x.groups[i].B * x.groups[i].T * x.groups[i].system->features->A * 3) * sizeof(float));
    km_status status = km_likeness_of(x.groups, 5, 5, NULL, &same, &err);
    ok(status == KM_OK && same.windows == 10 && same.rmsd < 1e-3 && same.rmsf_r > 0.9999 && same.pairwise_r > 0.9999,
       "the truth is like itself: %g %g %g", same.rmsd, same.rmsf_r, same.pairwise_r);
    status = km_generate(&r, s, x.groups, 5, 7, &err);
    if (status == KM_OK) status = km_likeness_of(x.groups, 5, 5, NULL, &one, &err);
    for (int f = 0; f < x.groups[0].T; f++) {
        size_t frame = (size_t)x.groups[0].system->features->A * 3, at = (size_t)f * frame;
        bool kept = !memcmp(x.groups[0].noisy + at, x.groups[0].x + at, frame * sizeof(float));
        held = held && kept == !(x.groups[0].sigma[f] > 0);
    }
    ok(status == KM_OK && held && one.rmsd > 0.5 && one.rmsf_r < 0.99, "generated from their clean frames: %g %g %g",
       one.rmsd, one.rmsf_r, one.pairwise_r);
    r.threads = 3;
    status = km_generate(&r, s, x.groups, 5, 7, &err);
    if (status == KM_OK) status = km_likeness_of(x.groups, 5, 5, NULL, &two, &err);
    ok(status == KM_OK && one.rmsd == two.rmsd && one.rmsf_r == two.rmsf_r && one.pairwise_r == two.pairwise_r,
       "by any number of threads alike");
    km_stepper_free(s);
    free_fixture(&x);
}

/* -- the state file */

static km_adam *adam_of(const km_model *m, double ema, uint64_t seed)
{
    km_adam *a = km_adam_new(m->params, ema);
    float *x = tiny_normals(3 * a->n, 1, seed);
    memcpy(a->m, x, (size_t)a->n * 4), memcpy(a->v, x + a->n, (size_t)a->n * 4);
    if (a->ema) memcpy(a->ema, x + 2 * a->n, (size_t)a->n * 4);
    a->m[0] = -0.0f, a->m[1] = 1e-42f, a->v[0] = 3.4e38f; /* what a text would spoil */
    a->step = 41;
    free(x);
    return a;
}

static bool same_state(const km_model *m, const km_adam *a, const km_model *n, const km_adam *b)
{
    size_t bytes = (size_t)a->n * 4;
    return a->n == b->n && !memcmp(km_params_block(m->params), km_params_block(n->params), bytes) &&
           !memcmp(a->m, b->m, bytes) && !memcmp(a->v, b->v, bytes) && !memcmp(a->ema, b->ema, bytes) &&
           a->step == b->step;
}

static void damaged(const char *name, km_model *m, km_adam *a, const char *text)
{
    km_err err = {0};
    km_train_state s;
    ok(km_state_read(".", m->params, a, &s, &err) == KM_INPUT && strstr(err.msg, "state.h5") && strstr(err.msg, text),
       "%s: %s", name, err.msg);
}

/* Every name that the file holds, taken away in turn. */
static void test_absent(km_model *m, km_adam *a, const void *whole, size_t size)
{
    static const char *const sets[] = {"weights", "m", "v", "ema"}, *const values[] = {"step", "adam_step", "skipped",
                                                                                       "best"};
    km_err err = {0};
    for (int i = 0; i < 10; i++) {
        check_spill("state.h5", whole, size);
        const char *name = i < 4 ? sets[i] : i < 8 ? values[i - 4] : i == 8 ? "layout" : "config";
        hid_t file = H5Fopen("state.h5", H5F_ACC_RDWR, H5P_DEFAULT);
        herr_t gone = i >= 4 && i < 8 ? H5Adelete(file, name) : H5Ldelete(file, name, H5P_DEFAULT);
        H5Fclose(file);
        char *json;
        if (gone < 0) exit(1);
        if (i < 9) damaged(name, m, a, i < 8 ? "damaged" : "another model");
        else
            ok(km_state_config(".", &json, &err) == KM_INPUT && strstr(err.msg, "no configuration"), "config: %s",
               err.msg);
    }
}

static void test_state(void)
{
    km_model *m = tiny_model(1), *n = tiny_model(1), *other = tiny_model(2);
    km_params_train(m->params, "*"), km_params_train(n->params, "*"), km_params_train(other->params, "*");
    km_adam *a = adam_of(m, 0.99, 50), *b = adam_of(n, 0.99, 60), *c = adam_of(other, 0.99, 70);
    tiny_shake(n, "", 1, 80);
    km_train_state s = {.step = 123456789012, .best = INFINITY, .skipped = 7}, t = {0};
    km_err err = {0};
    char *json = NULL;
    ok(!km_state_exists("."), "no state yet");
    damaged("reading it", m, a, "not a readable state");
    ok(km_state_write(".", m->params, a, &s, "{\"a\": \"\xc3\xa4\"}", &err) == KM_OK && km_state_exists(".") &&
           access("state.h5.part", F_OK) != 0,
       "a state is written, and nothing beside it");
    ok(!same_state(m, a, n, b) && km_state_read(".", n->params, b, &t, &err) == KM_OK && same_state(m, a, n, b),
       "there and back, bit for bit");
    ok(t.step == s.step && t.best == INFINITY && t.skipped == 7, "the counts too");
    ok(km_state_config(".", &json, &err) == KM_OK && !strcmp(json, "{\"a\": \"\xc3\xa4\"}"),
       "the configuration as it was");
    free(json);
    damaged("another model", other, c, "another model");
    size_t size;
    char *whole = check_slurp("state.h5", &size);
    int refused = 0, cuts = 0;
    bool told = true;
    for (size_t i = 0; i < size; i += i < 2000 || i + 200 > size ? 1 : 997) {
        check_spill("state.h5", whole, i);
        err = (km_err){0};
        refused += km_state_read(".", n->params, b, &t, &err) == KM_INPUT, cuts++;
        told = told && strstr(err.msg, "state.h5");
    }
    ok(refused == cuts && told, "cut in %d places, %d times refused with the file's name: %s", cuts, refused, err.msg);
    test_absent(m, a, whole, size);
    check_spill("state.h5", "nonsense", 8);
    damaged("another file", m, a, "not a readable state");
    unlink("state.h5");
    ok(km_state_write("./none", m->params, a, &s, "", &err) == KM_SYSTEM && strstr(err.msg, "none/state.h5"),
       "nowhere to write: %s", err.msg);
    free(whole);
    km_adam_free(a), km_adam_free(b), km_adam_free(c);
    km_model_free(m), km_model_free(n), km_model_free(other);
}

/* -- runs */

/* Train the tiny model in a directory of this name with more settings; the weights as they are afterwards, from
 * km_alloc. */
static float *train(const char *name, const char *more, float spoil, km_status want)
{
    km_err err = {0};
    km_train_config *c = config_of(more);
    km_run r = {.config = c, .model = tiny_model(1), .data = open_data(c), .dir = name, .threads = 2};
    if (spoil != 0) km_params_at(r.model->params, 0)->data[0] = spoil;
    mkdir(name, 0777);
    km_status status = km_run_train(&r, &err);
    ok(status == want, "%s: %s: %s", name, more, status < 0 ? err.msg : "done");
    size_t bytes = (size_t)km_params_size(r.model->params) * 4;
    float *weights = memcpy(km_alloc(bytes), km_params_block(r.model->params), bytes);
    km_model_free(r.model);
    km_dataset_close(r.data);
    km_train_config_free(c);
    return weights;
}

static bool same_file(const char *a, const char *b)
{
    size_t n, m;
    void *x = check_slurp(a, &n), *y = check_slurp(b, &m);
    bool same = n == m && !memcmp(x, y, n);
    free(x), free(y);
    return same;
}

/* Lines of a log that hold the text. */
static int lines_with(const char *path, const char *text)
{
    char line[2048];
    int n = 0;
    FILE *f = fopen(path, "r");
    while (f && fgets(line, sizeof line, f)) n += strstr(line, text) != NULL;
    if (f) fclose(f);
    return n;
}

static void test_runs(void)
{
    free(train("whole", "\"max_steps\": \"4\"", 0, KM_OK));
    free(train("parts", "\"max_steps\": \"2\"", 0, KM_OK));
    ok(!same_file("whole/last.safetensors", "parts/last.safetensors"), "two steps more make a difference");
    FILE *log = fopen("parts/log.jsonl", "a");
    fputs("{\"step\": 3, \"loss\": 1}\n{\"step\": 4, \"lo",
          log); /* as a run leaves it that was killed after its last state */
    fclose(log);
    free(train("parts", "\"max_steps\": \"4\"", 0, KM_OK));
    ok(same_file("whole/last.safetensors", "parts/last.safetensors") &&
           same_file("whole/best.safetensors", "parts/best.safetensors"),
       "two steps and two more are four steps, to the last bit");
    ok(lines_with("parts/log.jsonl", "\"grad_norm\"") == 4 && lines_with("parts/log.jsonl", "validation_loss") == 2 &&
           lines_with("parts/log.jsonl", "\"loss\": 1}") == 0,
       "every step is in the log once");
    free(train("parts", "\"max_steps\": \"4\"", 0, KM_OK));
    ok(same_file("whole/last.safetensors", "parts/last.safetensors"), "a run that has ended stays as it is");
}

static void test_not_finite(void)
{
    float *before = train("still", "\"max_steps\": \"1\", \"lr\": \"0\"", 0, KM_OK), *after;
    after = train("nan", "\"max_steps\": \"3\", \"validation_windows\": \"0\"", NAN, KM_OK);
    km_model *m = tiny_model(1);
    km_params_train(m->params, "*");
    bool same = true;
    for (km_dim i = 0; i < km_params_size(m->params); i++) same = same && (isnan(after[i]) || after[i] == before[i]);
    ok(same, "steps whose loss is not finite change nothing");
    ok(lines_with("nan/log.jsonl", "\"skipped\": \"not finite\"") == 3 &&
           lines_with("nan/log.jsonl", "\"skipped\": 3,") == 1,
       "they are named in the log and counted");
    free(before), free(after);
    km_model_free(m);
}

/* Two steps of warm-up, then half a cosine down to a tenth: 1e-3 (0.1 + 0.9 (1 + cos(pi k / 4)) / 2). */
static void test_rate(void)
{
    static const double want[] = {5e-4, 1e-3, 1e-3, 8.68198e-4, 5.5e-4, 2.31802e-4};
    char line[2048];
    int n = 0, right = 0;
    free(train("rate",
               "\"max_steps\": \"6\", \"warmup\": \"2\", \"lr_final\": \"0.1\", \"batch\": \"1\", "
               "\"validation_windows\": \"0\"",
               0, KM_OK));
    FILE *f = fopen("rate/log.jsonl", "r");
    while (f && fgets(line, sizeof line, f) && n < 6) {
        const char *lr = strstr(line, "\"lr\": ");
        right += lr && fabs(strtod(lr + 6, NULL) / want[n] - 1) < 1e-5;
        n++;
    }
    if (f) fclose(f);
    ok(n == 6 && right == 6, "the learning rate rises over the warm-up and falls along a cosine: %d of %d", right, n);
}

/* Before any thread is made: a signal during the validation of the first step, in a child. */
static void test_due(void)
{
    static const char more[] = "\"max_steps\": \"3\", \"validate_every\": \"1\"";
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        if (!freopen("/dev/null", "w", stdout)) _exit(1);
        km_signals_init();
        raise(SIGTERM);
        free(train("due", more, 0, KM_INTERRUPTED));
        _exit(access("due/best.safetensors", F_OK) == 0);
    }
    int how;
    ok(waitpid(child, &how, 0) == child && how == 0 && lines_with("due/log.jsonl", "validation_loss") == 0,
       "a signal during a validation");
    free(train("due", more, 0, KM_OK));
    free(train("undue", more, 0, KM_OK));
    ok(same_file("due/last.safetensors", "undue/last.safetensors") &&
           same_file("due/best.safetensors", "undue/best.safetensors") &&
           lines_with("due/log.jsonl", "rmsf_r") == 3 && lines_with("undue/log.jsonl", "rmsf_r") == 3,
       "which is done again when the run goes on");
}

static void test_interrupted(void)
{
    km_train_state s;
    km_err err;
    km_signals_init();
    raise(SIGTERM);
    free(train("stopped", "\"max_steps\": \"9\"", 0, KM_INTERRUPTED));
    km_model *m = tiny_model(1);
    km_params_train(m->params, "*");
    km_adam *a = km_adam_new(m->params, 0.999);
    ok(km_state_read("stopped", m->params, a, &s, &err) == KM_OK && s.step == 1,
       "a signal ends a run after its step, with a checkpoint");
    km_adam_free(a);
    km_model_free(m);
}

int main(void)
{
    if (!mkdtemp(dir)) return 1;
    char *path = km_asprintf("%s/a.h5", dir), *clean = km_asprintf("rm -r %s", dir);
    peptide_write(path, 1, 40, 2000);
    if (chdir(dir) != 0) return 1;
    test_due();
    test_step("kinematic");
    test_step("biokinema");
    test_generated();
    test_frozen_trunk();
    test_state();
    test_runs();
    test_not_finite();
    test_rate();
    test_interrupted();
    if (system(clean) != 0) return 1;
    free(path), free(clean);
    return tap_end();
}
