/* SPDX-License-Identifier: MIT
 * km-eval: how a generated trajectory compares with dynamics. */
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/io.h"
#include "lib/base/opt.h"
#include "lib/base/mem.h"
#include "lib/base/rng.h"
#include "lib/traj/peptide.h"
#include "tools/load.h"

static struct {
    km_opt_list ref;
    const char *top, *panel;
    int64_t dt;
    int stride, trajectory;
    bool json, baselines;
} o = {.panel = "peptide", .stride = 1};

static const km_opt options[] = {
    {"ref", 'r', KM_OPT_LIST, &o.ref, "MD", "reference dynamics; a second one is a replica, compared with the first"},
    {"top", 0, KM_OPT_STRING, &o.top, "FILE", "topology of XTC and DCD files, PDB or mmCIF"},
    {"panel", 0, KM_OPT_CHOICE, &o.panel, "NAME", "which metrics: peptide", .choices = "peptide"},
    {"dt", 0, KM_OPT_TIME, &o.dt, "TIME", "thin every trajectory to frames this far apart"},
    {"stride", 0, KM_OPT_INT, &o.stride, "N", "keep every Nth frame of every trajectory", .min = 1, .max = 1e9},
    {"trajectory", 0, KM_OPT_INT, &o.trajectory, "N", "which trajectory of a stream (0)", .min = 0, .max = 1e9},
    {"baselines", 0, KM_OPT_FLAG, &o.baselines, NULL, "the do-nothing baselines too: start frame, and with noise of the reference's RMSF"},
    {"json", 0, KM_OPT_FLAG, &o.json, NULL, "print JSON"},
    {0},
};

static const km_program program = {"km-eval", "--ref MD [--ref REPLICA] [options] [TRAJ...]",
                                   "Compare trajectories with reference dynamics.", options, 0, -1};

/* One line of the table. */
typedef struct row {
    const char *name;
    int64_t frames;
    km_peptide_scores scores;
    km_validity validity;
} row;

static km_status load(const char *path, int threads, km_loaded *l, int64_t *dt, km_err *err)
{
    KM_TRY(km_load(path, o.top, o.trajectory, threads, l, err));
    km_status status = km_loaded_spacing(l, dt, err);
    if (status == KM_OK && o.dt && o.dt % *dt) status = km_fail(err, KM_USAGE, "--dt is no multiple of the spacing, %g ps", (double)*dt / 1000);
    if (status < 0) {
        km_loaded_clear(l);
        return km_fail_in(err, path);
    }
    int64_t stride = o.dt ? o.dt / *dt : o.stride;
    km_loaded_thin(l, 0, stride);
    *dt *= stride;
    return KM_OK;
}

static km_status same_atoms(const km_system *a, const km_system *b, const char *path, km_err *err)
{
    if (a->n_atoms != b->n_atoms)
        return km_fail(err, KM_INPUT, "%.150s: %d atoms, but the reference has %d", path, b->n_atoms, a->n_atoms);
    for (int i = 0; i < a->n_atoms; i++)
        if (strcmp(a->atoms[i].name, b->atoms[i].name) || a->atoms[i].residue != b->atoms[i].residue)
            return km_fail(err, KM_INPUT, "%.150s: atom %d is %s, in the reference %s", path, i + 1, b->atoms[i].name, a->atoms[i].name);
    return KM_OK;
}

static row measure(const char *name, const km_system *s, const km_frames *model, const km_frames *ref)
{
    row r = {.name = name, .frames = model->F};
    km_peptide_compare(s, model, ref, &r.scores);
    km_peptide_validity(s, model, &r.validity);
    return r;
}

/* The start frame repeated, with noise of each atom's fluctuation in the reference (0: without). */
static row baseline(const char *name, const km_system *s, const km_frames *ref, bool noisy)
{
    size_t frame = (size_t)s->n_atoms * 3;
    float *x = KM_NEWN(float, (size_t)ref->F * frame);
    double *rmsf = KM_NEWN(double, (size_t)s->n_atoms);
    if (noisy) km_rmsf(ref, s->n_atoms, rmsf);
    for (int64_t f = 0; f < ref->F; f++) {
        km_rng r = km_rng_of(1, KM_RNG_METRIC, 0, f, 0);
        for (int32_t a = 0; a < s->n_atoms; a++) {
            float n[3];
            km_rng_normal3(&r, (uint32_t)a, n);
            for (int k = 0; k < 3; k++)
                x[(size_t)f * frame + (size_t)(3 * a + k)] = ref->coords[3 * a + k] + (float)(rmsf[a] / sqrt(3)) * n[k];
        }
    }
    row out = measure(name, s, &(km_frames){x, ref->F, ref->dt}, ref);
    free(x), free(rmsf);
    return out;
}

static json_t *number(double v) { return isnan(v) ? json_null() : json_real(v); }

static void print_json(const row *rows, int n, const km_system *s, int64_t dt)
{
    json_t *all = json_array();
    for (int i = 0; i < n; i++) {
        const km_peptide_scores *p = &rows[i].scores;
        const km_validity *v = &rows[i].validity;
        json_array_append_new(all, json_pack("{s:s, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:f, s:f, s:f, s:f, s:f, s:f, s:f}",
            "name", rows[i].name, "frames", (json_int_t)rows[i].frames, "jsd_backbone", number(p->jsd_backbone), "jsd_side", number(p->jsd_side),
            "jsd_phi_psi", number(p->jsd_phi_psi), "jsd_all", number(p->jsd_all), "decorrelation_backbone", number(p->decorrelation_backbone),
            "decorrelation_side", number(p->decorrelation_side), "rmsf_r", number(p->rmsf_r), "rmsf", number(p->rmsf), "rmsf_ref", number(p->rmsf_ref),
            "bond_rms_ok", v->bond_rms_ok, "bond_all_ok", v->bond_all_ok, "no_clash", v->no_clash, "chirality_ok", v->chirality_ok,
            "all_ok", v->all_ok, "bond_rms", v->bond_rms, "angle_rms", v->angle_rms));
    }
    json_t *out = json_pack("{s:s, s:i, s:f, s:o}", "panel", "peptide", "atoms", s->n_atoms, "dt_ps", (double)dt / 1000, "rows", all);
    json_dumpf(out, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(6));
    putchar('\n');
    json_decref(out);
}

static void print_table(const row *rows, int n, const km_system *s, int64_t dt)
{
    printf("# panel peptide: %d atoms, frames %g ps apart; Jensen-Shannon distances (100 bins, 50 x 50 for phi-psi) and decorrelation gaps: 0 is "
           "best;\n# shares of frames: bonds (rms < 0.1 A), worst bond (< 0.25 A), clash-free, L, all of these\n",
           s->n_atoms, (double)dt / 1000);
    printf("%-14s %7s %6s %6s %7s %6s %6s %6s | %6s %6s %6s %6s %6s | %6s %6s\n", "", "frames", "jsd_bb", "jsd_sc", "phi-psi", "dec_bb",
           "dec_sc", "rmsf_r", "bonds", "worst", "clash", "L", "all", "bond_A", "angle");
    for (int i = 0; i < n; i++) {
        const km_peptide_scores *p = &rows[i].scores;
        const km_validity *v = &rows[i].validity;
        printf("%-14.14s %7lld %6.3f %6.3f %7.3f %6.3f %6.3f %6.3f | %6.3f %6.3f %6.3f %6.3f %6.3f | %6.3f %6.2f\n", rows[i].name,
               (long long)rows[i].frames, p->jsd_backbone, p->jsd_side, p->jsd_phi_psi, p->decorrelation_backbone, p->decorrelation_side, p->rmsf_r,
               v->bond_rms_ok, v->bond_all_ok, v->no_clash, v->chirality_ok, v->all_ok, v->bond_rms, v->angle_rms);
    }
}

static km_status add_file(const char *path, const char *name, const km_loaded *ref, int64_t ref_dt, int threads, row *rows, int *n, km_err *err)
{
    km_loaded l;
    int64_t dt;
    KM_TRY(load(path, threads, &l, &dt, err));
    km_status status = same_atoms(ref->system, l.system, path, err);
    if (status == KM_OK)
        rows[(*n)++] = measure(name, ref->system, &(km_frames){l.coords, l.F, dt}, &(km_frames){ref->coords, ref->F, ref_dt});
    km_loaded_clear(&l);
    return status;
}

static const char *base_name(const char *path) { return strrchr(path, '/') ? strrchr(path, '/') + 1 : path; }

static km_status run(const km_cli *cli, km_err *err)
{
    km_loaded ref;
    int64_t dt;
    int n = 0;
    KM_TRY(load(o.ref.items[0], cli->threads, &ref, &dt, err));
    row *rows = KM_NEWN(row, (size_t)(cli->n_operands + o.ref.count + 3));
    km_status status = KM_OK;
    for (int i = 0; i < cli->n_operands && status == KM_OK; i++)
        status = add_file(cli->operands[i], base_name(cli->operands[i]), &ref, dt, cli->threads, rows, &n, err);
    for (int i = 1; i < o.ref.count && status == KM_OK; i++)
        status = add_file(o.ref.items[i], "MD replica", &ref, dt, cli->threads, rows, &n, err);
    if (status == KM_OK) {
        km_frames frames = {ref.coords, ref.F, dt};
        rows[n++] = measure("MD itself", ref.system, &frames, &frames);
        if (o.baselines) rows[n++] = baseline("start frame", ref.system, &frames, false);
        if (o.baselines) rows[n++] = baseline("with noise", ref.system, &frames, true);
        if (o.json) print_json(rows, n, ref.system, dt);
        else print_table(rows, n, ref.system, dt);
    }
    free(rows);
    km_loaded_clear(&ref);
    return status;
}

int main(int argc, char **argv)
{
    km_cli cli;
    km_err err = {0};
    km_cli_start(&cli, &program, argc, argv);
    if (o.ref.count == 0) return km_cli_fail(&cli, &(km_err){KM_USAGE, "--ref is needed; see 'km-eval -h'"});
    km_status status = run(&cli, &err);
    return km_cli_end(&cli, status, &err);
}
