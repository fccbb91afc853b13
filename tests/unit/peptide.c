/* SPDX-License-Identifier: MIT */
#include "tests/unit/peptide.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "formats/h5md.h"
#include "formats/traj.h"
#include "lib/base/mem.h"
#include "lib/chem/tokens.h"
#include "lib/traj/fluctuation.h"

static km_tokenized tokenize(const char *path, km_structure **raw)
{
    km_tokenized t;
    km_err err = {0};
    km_token_options options = {0};
    if (km_structure_read(path, 1, raw, &err) < 0 || km_chem_tokenize(*raw, &options, &t, &err) < 0) {
        printf("# %s\n", err.msg);
        exit(1);
    }
    return t;
}

km_system *peptide_system(const char *path, int32_t **opt_source, float **opt_coords)
{
    km_structure *raw;
    km_tokenized t = tokenize(path, &raw);
    if (opt_coords) {
        *opt_coords = km_alloc((size_t)t.system->n_atoms * 3 * sizeof(float));
        km_chem_gather(&t, raw->coords, *opt_coords);
    }
    km_structure_free(raw);
    if (opt_source) *opt_source = t.source;
    else free(t.source);
    return t.system;
}

peptide_frames peptide_dynamics(const km_system *s, const int32_t *source, int64_t first, int64_t stride, int64_t n)
{
    km_traj *file;
    km_err err = {0};
    if (km_traj_open("pipelines/mini/examples/LGE.xtc", &file, &err) < 0) exit(1);
    int64_t raw_atoms = km_traj_atoms(file), A = s->n_atoms;
    float *raw = KM_NEWN(float, (size_t)(n * raw_atoms * 3)), *x = KM_NEWN(float, (size_t)(n * A * 3));
    if (km_traj_read_many(file, first, stride, n, 1, raw, NULL, &err) < 0) exit(1);
    for (int64_t i = 0; i < n * A; i++) memcpy(x + 3 * i, raw + 3 * (i / A * raw_atoms + source[i % A]), 3 * sizeof *x);
    free(raw);
    km_traj_close(file);
    return (peptide_frames){x, n, 1000 * stride};
}

void peptide_rmsf(const peptide_frames *t, int32_t A, double *out)
{
    km_fluctuation u = km_fluctuation_of(A);
    for (int64_t f = 0; f < t->F; f++) km_fluctuation_add(&u, t->coords + f * A * 3);
    km_fluctuation_rms(&u, out);
    km_fluctuation_clear(&u);
}

km_validity peptide_validity(const km_system *s, const peptide_frames *t)
{
    km_checks c = km_checks_of(s, t->F);
    for (int64_t f = 0; f < t->F; f++) km_checks_add(&c, t->coords + f * s->n_atoms * 3);
    km_validity v = km_checks_validity(&c);
    km_checks_clear(&c);
    return v;
}

enum { FRAMES_TOLD = 1000 }; /* of a trajectory */

int peptide_frame_told(const float *x)
{
    double d = sqrt(pow(x[3] - x[0], 2) + pow(x[4] - x[1], 2) + pow(x[5] - x[2], 2));
    return (int)lround((d - 1) * 500);
}

void peptide_frame(const km_system *s, const float *start, int trajectory, int frame, float *x)
{
    double c = cos(0.37 * frame), d = sin(0.37 * frame), length = 1 + 0.002 * (FRAMES_TOLD * trajectory + frame),
           was = 0, p[3];
    for (int k = 0; k < 3; k++) was += pow(start[k] - start[3 + k], 2);
    for (int a = 0; a < s->n_atoms; a++) {
        for (int k = 0; k < 3; k++) p[k] = a > 1 ? start[3 * a + k] + 0.2 * sin(frame + 3 * a + k) : start[3 * a + k];
        for (int k = 0; a == 0 && k < 3; k++) p[k] = start[3 + k] + (start[k] - start[3 + k]) * length / sqrt(was);
        x[3 * a] = (float)(c * p[0] - d * p[1] + 0.5 * frame);
        x[3 * a + 1] = (float)(d * p[0] + c * p[1] - 7);
        x[3 * a + 2] = (float)p[2];
    }
}

void peptide_write(const char *path, int trajectories, int frames, int64_t dt)
{
    km_structure *raw;
    km_h5md_writer *w;
    km_err err = {0};
    km_tokenized t = tokenize("pipelines/mini/examples/LGE.pdb", &raw);
    size_t bytes = (size_t)t.system->n_atoms * 3 * sizeof(float);
    float *start = km_alloc(bytes), *x = km_alloc(bytes);
    km_chem_gather(&t, raw->coords, start);
    km_status status = km_h5md_create(path, t.system, "made up", "", &w, &err);
    for (int i = 0; i < trajectories * frames && status == KM_OK; i++) {
        peptide_frame(t.system, start, i / frames, i % frames, x);
        status = km_h5md_write(w, i / frames, x, 5000 + i % frames * dt, &err);
    }
    if (status == KM_OK) status = km_h5md_commit(w, &err);
    if (status < 0) {
        printf("# %s\n", err.msg);
        exit(1);
    }
    free(start), free(x);
    km_structure_free(raw);
    km_tokenized_clear(&t);
}
