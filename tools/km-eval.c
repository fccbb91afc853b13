/* SPDX-License-Identifier: MIT
 * km-eval: how a generated trajectory compares with dynamics. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/io.h"
#include "lib/base/opt.h"
#include "lib/base/mem.h"
#include "lib/base/rng.h"
#include "tools/eval.h"
#include "tools/load.h"

static struct {
    km_opt_list ref;
    const char *top, *panel, *html, *svg;
    int64_t dt;
    int stride, trajectory;
    bool json, baselines;
} o = {.panel = "peptide", .stride = 1};

static const km_opt options[] = {
    {"ref", 'r', KM_OPT_LIST, &o.ref, "MD", "reference dynamics; a second one is a replica, compared with the first"},
    {"top", 0, KM_OPT_STRING, &o.top, "FILE", "topology of XTC, TRR and DCD files, PDB or mmCIF"},
    {"panel", 0, KM_OPT_CHOICE, &o.panel, "NAME", "which metrics: peptide", .choices = "peptide"},
    {"dt", 0, KM_OPT_TIME, &o.dt, "TIME", "thin every trajectory to frames this far apart"},
    {"stride", 0, KM_OPT_INT, &o.stride, "N", "keep every Nth frame of every trajectory", .min = 1, .max = 1e9},
    {"trajectory", 0, KM_OPT_INT, &o.trajectory, "N", "which trajectory of a stream (0)", .min = 0, .max = 1e9},
    {"baselines", 0, KM_OPT_FLAG, &o.baselines, NULL,
     "the do-nothing baselines too: start frame, and with noise of the reference's RMSF"},
    {"json", 0, KM_OPT_FLAG, &o.json, NULL, "print JSON"},
    {"html", 0, KM_OPT_STRING, &o.html, "FILE", "write a page with the table and figures too"},
    {"svg", 0, KM_OPT_STRING, &o.svg, "DIR", "write each figure into a file of its own in DIR"},
    {0},
};

static const km_program program = {"km-eval", "--ref MD [--ref REPLICA] [options] [TRAJ...]",
                                   "Compare trajectories with reference dynamics.", options, 0, -1};

static km_status load(const char *path, int threads, km_loaded *l, int64_t *dt, km_err *err)
{
    KM_TRY(km_load(path, o.top, o.trajectory, threads, l, err));
    km_status status = km_loaded_spacing(l, dt, err);
    if (status == KM_OK && o.dt && o.dt % *dt)
        status = km_fail(err, KM_USAGE, "--dt is no multiple of the spacing, %g ps", (double)*dt / 1000);
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
            return km_fail(err, KM_INPUT, "%.150s: atom %d is %s, in the reference %s", path, i + 1, b->atoms[i].name,
                           a->atoms[i].name);
    return KM_OK;
}

static km_eval_row measure(const char *name, km_eval_kind kind, const km_system *s, const km_frames *model,
                           const km_frames *ref)
{
    km_eval_row r = {.name = name, .kind = kind, .frames = model->F, .dt = model->dt};
    km_peptide_compare(s, model, ref, &r.scores);
    km_peptide_validity(s, model, &r.validity);
    if (o.html || o.svg) km_profile_make(s, model, &r.profile);
    return r;
}

/* The start frame repeated, with noise of each atom's fluctuation in the reference (0: without). */
static km_eval_row baseline(const char *name, const km_system *s, const km_frames *ref, bool noisy)
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
    km_eval_row out = measure(name, KM_EVAL_BASELINE, s, &(km_frames){x, ref->F, ref->dt}, ref);
    free(x), free(rmsf);
    return out;
}

static const char *base_name(const char *path) { return strrchr(path, '/') ? strrchr(path, '/') + 1 : path; }

/* The last program with weights, the weights and the seed, as the stream tells them. NULL or the caller's. */
static char *made_by(const km_system *s)
{
    for (int i = s->n_provenance - 1; i >= 0; i--) {
        const km_provenance *p = &s->provenance[i];
        if (*p->weights_name)
            return km_asprintf("%s, weights %s, seed %llu", p->program, base_name(p->weights_name),
                               (unsigned long long)p->seed);
    }
    return NULL;
}

static void add_row(km_eval *e, km_eval_row row, const char *path, const km_system *s)
{
    row.path = path, row.made = made_by(s);
    e->rows[e->n++] = row;
}

static km_status add_file(km_eval *e, const char *path, km_eval_kind kind, const km_frames *ref, int threads,
                          km_err *err)
{
    km_loaded l;
    int64_t dt;
    KM_TRY(load(path, threads, &l, &dt, err));
    km_status status = same_atoms(e->system, l.system, path, err);
    if (status == KM_OK) {
        const char *name = kind == KM_EVAL_MODEL ? base_name(path) : "MD replica";
        add_row(e, measure(name, kind, e->system, &(km_frames){l.coords, l.F, dt}, ref), path, l.system);
    }
    km_loaded_clear(&l);
    return status;
}

static km_status evaluate(const km_cli *cli, const km_loaded *ref, int64_t dt, km_eval *e, km_err *err)
{
    const km_frames frames = {ref->coords, ref->F, dt};
    for (int i = 0; i < cli->n_operands; i++)
        KM_TRY(add_file(e, cli->operands[i], KM_EVAL_MODEL, &frames, cli->threads, err));
    for (int i = 1; i < o.ref.count; i++)
        KM_TRY(add_file(e, o.ref.items[i], KM_EVAL_REPLICA, &frames, cli->threads, err));
    add_row(e, measure("MD itself", KM_EVAL_REFERENCE, ref->system, &frames, &frames), o.ref.items[0], ref->system);
    if (o.baselines) e->rows[e->n++] = baseline("start frame", ref->system, &frames, false);
    if (o.baselines) e->rows[e->n++] = baseline("with noise", ref->system, &frames, true);
    return KM_OK;
}

static void clear(km_eval *e)
{
    for (int i = 0; i < e->n; i++) {
        free(e->rows[i].made);
        km_profile_clear(&e->rows[i].profile);
    }
    free(e->rows);
}

static km_status run(const km_cli *cli, km_output *opt_page, km_err *err)
{
    km_loaded ref;
    int64_t dt;
    KM_TRY(load(o.ref.items[0], cli->threads, &ref, &dt, err));
    km_eval e = {ref.system, KM_NEWN(km_eval_row, (size_t)(cli->n_operands + o.ref.count + 3)), 0};
    km_status status = evaluate(cli, &ref, dt, &e, err);
    if (status == KM_OK) (o.json ? km_eval_print_json : km_eval_print_text)(&e, stdout);
    if (status == KM_OK && o.svg) status = km_eval_write_figures(&e, o.svg, err);
    if (status == KM_OK && opt_page) status = km_eval_print_page(&e, opt_page->file, err);
    clear(&e);
    km_loaded_clear(&ref);
    return status;
}

/* The page is opened before the work and appears when whole. */
static km_status run_with_page(const km_cli *cli, km_err *err)
{
    km_output page;
    if (!o.html) return run(cli, NULL, err);
    KM_TRY(km_output_open(&page, o.html, false, err));
    km_status status = run(cli, &page, err);
    if (status == KM_OK) return km_output_commit(&page, err);
    km_output_abandon(&page, false);
    return status;
}

int main(int argc, char **argv)
{
    km_cli cli;
    km_err err = {0};
    km_cli_start(&cli, &program, argc, argv);
    if (o.ref.count == 0) return km_cli_fail(&cli, &(km_err){KM_USAGE, "--ref is needed; see 'km-eval -h'"});
    if (o.html && !strcmp(o.html, "-"))
        return km_cli_fail(&cli, &(km_err){KM_USAGE, "--html - would run into the table: name a file"});
    km_status status = run_with_page(&cli, &err);
    return km_cli_end(&cli, status, &err);
}
