/* SPDX-License-Identifier: MIT
 * The model that ships sees time: on dynamics that it was not trained on, its loss rises when the time stamps of a
 * window are put in another order. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "formats/traj.h"
#include "lib/base/mem.h"
#include "lib/base/rng.h"
#include "lib/chem/tokens.h"
#include "lib/train/step.h"
#include "tests/unit/tap.h"

#define EXAMPLE "pipelines/mini/examples/LGE"
enum { GROUPS = 24, WINDOWS = 4 };

static void must(km_status status, const km_err *err)
{
    if (status < 0) printf("Bail out! %s\n", err->msg), exit(1);
}

/* The example's dynamics as training has it. */
static void write_h5(const char *path)
{
    km_structure *raw = NULL;
    km_tokenized t = {0};
    km_traj *traj = NULL;
    km_h5md_writer *w = NULL;
    km_err err = {0};
    km_token_options options = {0};
    must(km_structure_read(EXAMPLE ".pdb", 1, &raw, &err), &err);
    must(km_chem_tokenize(raw, &options, &t, &err), &err);
    must(km_traj_open(EXAMPLE ".xtc", &traj, &err), &err);
    must(km_h5md_create(path, t.system, "mini", "", &w, &err), &err);
    float *all = km_alloc((size_t)km_traj_atoms(traj) * 3 * sizeof *all);
    float *x = km_alloc((size_t)t.system->n_atoms * 3 * sizeof *x);
    for (int64_t f = 0; f < km_traj_frames(traj); f++) {
        int64_t time;
        must(km_traj_read(traj, f, all, &time, NULL, &err), &err);
        km_chem_gather(&t, all, x);
        must(km_h5md_write(w, 0, x, time, &err), &err);
    }
    must(km_h5md_commit(w, &err), &err);
    free(all), free(x);
    km_traj_close(traj);
    km_tokenized_clear(&t);
    km_structure_free(raw);
}

/* Each window's time stamps in another order (Fisher and Yates). */
static void shuffle(km_group *g, int number)
{
    for (int b = 0; b < g->B; b++) {
        float *t = g->times + b * g->T;
        km_rng r = km_rng_of(7, KM_RNG_TEST, (uint32_t)number, b, 0);
        for (int i = g->T - 1; i > 0; i--) {
            double u[4];
            km_rng_uniform4(&r, (uint32_t)i, u);
            int j = (int)(u[0] * (i + 1));
            float was = t[i];
            t[i] = t[j], t[j] = was;
        }
    }
}

int main(void)
{
    char path[] = "/tmp/km-mini-time-XXXXXX.h5";
    const char *paths[] = {path};
    const int systems[] = {0};
    const char *keys[] = {"noise.mean=0", "noise.std=0.5",
                          "frames.min=8"}; /* levels at which the other frames tell most */
    km_train_config *c = NULL;
    km_dataset *d = NULL;
    km_model *m = NULL;
    km_err err = {0};
    km_group groups[GROUPS];
    km_step_sums straight, shuffled;
    int fd = mkstemps(path, 3);
    if (fd < 0) return 1;
    close(fd);
    write_h5(path);
    must(km_train_config_read("pipelines/mini/mini.yaml", keys, 3, &c, &err), &err);
    must(km_dataset_open(paths, 1, NULL, c, &d, &err), &err);
    must(km_model_open("pipelines/mini/mini.safetensors", NULL, &m, &err), &err);
    for (int g = 0; g < GROUPS; g++)
        must(km_group_draw(d, systems, 1, c, &m->config, 3, g, WINDOWS, &groups[g], &err), &err);
    km_stepper *s = km_stepper_new(m, c, NULL, NULL, 1);
    must(km_stepper_run(s, groups, GROUPS, NULL, &straight, &err), &err);
    for (int g = 0; g < GROUPS; g++) shuffle(&groups[g], g);
    must(km_stepper_run(s, groups, GROUPS, NULL, &shuffled, &err), &err);
    double before = straight.structure / straight.windows, after = shuffled.structure / shuffled.windows;
    ok(before > 0 && after > 1.02 * before, "the loss rises from %.4f to %.4f", before, after);
    km_stepper_free(s);
    for (int g = 0; g < GROUPS; g++) km_group_clear(&groups[g]);
    km_dataset_close(d);
    km_model_free(m);
    km_train_config_free(c);
    unlink(path);
    return tap_end();
}
