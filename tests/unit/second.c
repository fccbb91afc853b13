/* SPDX-License-Identifier: MIT */
#include "tests/unit/second.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "formats/traj.h"
#include "lib/base/mem.h"
#include "tests/unit/tap.h"

double second_opinion(const char *key)
{
    char line[256], word[128];
    double value;
    FILE *f = fopen("tests/data/eval/second.txt", "r");
    while (f && fgets(line, sizeof line, f))
        if (sscanf(line, "%127s %lf", word, &value) == 2 && !strcmp(word, key)) {
            fclose(f);
            return value;
        }
    printf("# no second opinion on %s\n", key);
    exit(1);
}

void second_check(const char *key, double got, double allowed)
{
    double want = second_opinion(key);
    ok(fabs(got - want) <= allowed || (isnan(got) && isnan(want)), "%s: %.8g, others have %.8g", key, got, want);
}

static void need(km_status status, const km_err *err)
{
    if (status == KM_OK) return;
    printf("# %s\n", err->msg);
    exit(1);
}

float *second_frames(const char *name, int64_t *ret_frames)
{
    km_err err = {0};
    km_traj *t;
    char *path = km_asprintf("tests/data/eval/%s.xtc", name);
    need(km_traj_open(path, &t, &err), &err);
    *ret_frames = km_traj_frames(t);
    float *x = KM_NEWN(float, (size_t)*ret_frames *(size_t)km_traj_atoms(t) * 3);
    need(km_traj_read_many(t, 0, 1, *ret_frames, 1, x, NULL, &err), &err);
    km_traj_close(t);
    free(path);
    return x;
}

km_structure *second_start(void)
{
    km_err err = {0};
    km_structure *s;
    need(km_structure_read("tests/data/eval/start.pdb", 1, &s, &err), &err);
    return s;
}

float *second_ca(const char *name, int64_t *ret_frames, int32_t *ret_n)
{
    float *all = second_frames(name, ret_frames), *next = all;
    km_structure *s = second_start();
    int32_t A = s->system->n_atoms, n = 0;
    for (int32_t a = 0; a < A; a++) n += !strcmp(s->system->atoms[a].name, "CA");
    for (int64_t f = 0; f < *ret_frames; f++)
        for (int32_t a = 0; a < A; a++)
            if (!strcmp(s->system->atoms[a].name, "CA")) {
                memmove(next, all + 3 * (f * A + a), 3 * sizeof *next);
                next += 3;
            }
    km_structure_free(s);
    *ret_n = n;
    return all;
}
