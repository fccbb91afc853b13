/* SPDX-License-Identifier: MIT
 * km-eval: how generated trajectories compare with dynamics. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/mem.h"
#include "tools/eval.h"

static struct {
    km_opt_list ref, fail_if;
    const char *top, *panel, *pairs, *html, *svg, *msm, *dg, *local;
    bool json;
    km_eval_options how;
} o = {.panel = "peptide", .msm = "root", .how = {.stride = 1, .trajectory = -1, .states = 10, .within = 3}};

static const km_opt options[] = {
    {"ref", 'r', KM_OPT_LIST, &o.ref, "MD", "reference dynamics, a replica each; or a directory of them"},
    {"top", 0, KM_OPT_STRING, &o.top, "FILE", "topology of XTC, TRR and DCD files, PDB or mmCIF"},
    {"panel", 0, KM_OPT_STRING, &o.panel, "NAMES", "which metrics, with commas (peptide); all of them: all"},
    {"pairs", 0, KM_OPT_STRING, &o.pairs, "FILE", "a table of targets: name, trajectory, references, topology"},
    {"dt", 0, KM_OPT_TIME, &o.how.dt, "TIME", "thin every trajectory to frames this far apart"},
    {"stride", 0, KM_OPT_INT, &o.how.stride, "N", "keep every Nth frame of every trajectory", .min = 1, .max = 1e9},
    {"time", 0, KM_OPT_TIME_RANGE, &o.how.range, "A:B", "keep frames from time A to time B"},
    {"trajectory", 0, KM_OPT_INT, &o.how.trajectory, "N", "which trajectory of a stream alone", .min = 0, .max = 1e9},
    {"states", 0, KM_OPT_INT, &o.how.states, "K", "states of the panel kinetics (10)", .min = 2, .max = 1000},
    {"lag", 0, KM_OPT_TIME, &o.how.lag, "TIME",
     "lag of Markov chains: panel kinetics (the model's spacing), peptide (100 ps)"},
    {"msm", 0, KM_OPT_STRING, &o.msm, "count|root",
     "the reference's transitions: likeliest at the lag, or the tenth root at ten lags (root)"},
    {"within", 0, KM_OPT_DOUBLE, &o.how.within, "A", "RMSD at which a conformation is visited, panel bioemu (3)",
     .min = 0, .max = 1e3},
    {"ligand", 0, KM_OPT_STRING, &o.how.ligand, "CHAIN",
     "this chain, of whatever it is, is the ligand and all else the protein (panels ligand and unbinding)"},
    {"paths", 0, KM_OPT_FLAG, &o.how.paths, NULL,
     "each trajectory is a transition path, from the state it begins in to that it ends in (panel peptide)"},
    {"dg", 0, KM_OPT_STRING, &o.dg, "FILE", "a table of targets and their measured free energies of folding, kcal/mol"},
    {"local", 0, KM_OPT_STRING, &o.local, "FILE",
     "a table of targets and the residues whose conformations are compared, panel bioemu"},
    {"baselines", 0, KM_OPT_FLAG, &o.how.baselines, NULL,
     "the do-nothing baselines too: start frame, and with noise of the reference's RMSF"},
    {"no-ceiling", 0, KM_OPT_FLAG, &o.how.no_ceiling, NULL, "leave out dynamics against themselves"},
    {"fail-if", 0, KM_OPT_LIST, &o.fail_if, "EXPR", "exit 1 where it holds: KEY<NUMBER, > <= >= as well"},
    {"json", 0, KM_OPT_FLAG, &o.json, NULL, "print JSON"},
    {"html", 0, KM_OPT_STRING, &o.html, "FILE", "write a page with the table and figures too"},
    {"svg", 0, KM_OPT_STRING, &o.svg, "DIR", "write each figure into a file of its own in DIR"},
    {0},
};

static const km_program program = {"km-eval",
                                   "--ref MD [--ref REPLICA] [options] [TRAJ...]",
                                   "Compare trajectories with reference dynamics.",
                                   options,
                                   0,
                                   -1};

/* -- what is asked for */

enum { MOST_PANELS = 16 };
typedef struct chosen {
    const km_eval_panel *panels[MOST_PANELS];
    bool named[MOST_PANELS]; /* by its name, not as one of all */
    int n;
    bool portrait; /* a page is asked for of more than the panel of peptides */
    km_eval_targets targets;
} chosen;

static km_status choose_panels(chosen *c, km_err *err)
{
    char *names = km_strdup(o.panel), *rest = names, *name;
    km_status status = KM_OK;
    while (status == KM_OK && (name = strtok_r(rest, ",", &rest))) {
        int found = 0;
        for (const km_eval_panel *p = km_eval_panels; p->name; p++) {
            if (strcmp(name, "all") && strcmp(name, p->name)) continue;
            found++;
            if (c->n == MOST_PANELS) continue;
            c->named[c->n] = !strcmp(name, p->name);
            c->panels[c->n++] = p;
        }
        if (!found) status = km_fail(err, KM_USAGE, "--panel: there is no panel '%.60s'", name);
    }
    free(names);
    for (int p = 0; p < c->n; p++) c->portrait |= o.html && strcmp(c->panels[p]->name, "peptide");
    if (status == KM_OK && c->n == 0) status = km_fail(err, KM_USAGE, "--panel: no panel is named");
    return status;
}

static bool is_directory(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static km_opt_list copy_list(const char *const *items, int n)
{
    km_opt_list l = {KM_NEWN(const char *, (size_t)n + 1), n};
    for (int i = 0; i < n; i++) l.items[i] = items[i];
    return l;
}

static km_status choose_targets(const km_cli *cli, km_eval_targets *t, km_err *err)
{
    if (o.pairs && (o.ref.count || cli->n_operands))
        return km_fail(err, KM_USAGE, "--pairs names everything: neither --ref nor a trajectory goes with it");
    if (o.pairs) return km_eval_read_pairs(o.pairs, t, err);
    if (o.ref.count == 0) return km_fail(err, KM_USAGE, "--ref is needed; see 'km-eval -h'");
    if (is_directory(o.ref.items[0])) {
        if (o.ref.count != 1 || cli->n_operands != 1 || !is_directory(cli->operands[0]))
            return km_fail(err, KM_USAGE, "with a directory as --ref one directory of trajectories is needed");
        return km_eval_pair_directories(cli->operands[0], o.ref.items[0], t, err);
    }
    t->items = KM_NEW(km_eval_target);
    *t->items = (km_eval_target){.models = copy_list(cli->operands, cli->n_operands),
                                 .refs = copy_list(o.ref.items, o.ref.count),
                                 .top = o.top,
                                 .dg = NAN};
    t->owned = KM_NEW(char *);
    t->items->name = t->owned[0] = km_strdup(km_eval_base_name(o.ref.items[0]));
    t->n = t->n_owned = 1;
    return KM_OK;
}

static km_status choose(const km_cli *cli, chosen *c, km_err *err)
{
    if (strcmp(o.msm, "root") && strcmp(o.msm, "count"))
        return km_fail(err, KM_USAGE, "--msm: '%.40s' is neither count nor root", o.msm);
    o.how.root = !strcmp(o.msm, "root");
    KM_TRY(choose_panels(c, err));
    KM_TRY(km_eval_check(&o.fail_if, c->panels, c->n, NULL, 0, err));
    if (o.html && !strcmp(o.html, "-")) return km_fail(err, KM_USAGE, "--html - would run into the table: name a file");
    if (o.svg && strcmp(c->panels[0]->name, "peptide"))
        return km_fail(err, KM_USAGE, "--svg: the figures are of the panel peptide, named first");
    KM_TRY(choose_targets(cli, &c->targets, err));
    if (o.dg) KM_TRY(km_eval_read_energies(o.dg, &c->targets, err));
    return o.local ? km_eval_read_regions(o.local, &c->targets, err) : KM_OK;
}

/* -- doing it */

/* Results: [panels, targets], and the targets' portraits at the end. */
static size_t count(const chosen *c) { return (size_t)(c->n + c->portrait) * (size_t)c->targets.n; }

static bool has_numbers(const km_eval *e)
{
    for (int i = 0; i < e->n; i++)
        for (int m = 0; e->panel->metrics[m].key; m++)
            if (!isnan(e->rows[i].values[m])) return true;
    return false;
}

/* Every panel of a target. One of all that cannot judge it is left out, unless none is left that computes something:
 * then the first failure is told. */
static km_status measure_target(const chosen *c, const km_eval_target *target, int t, km_eval *results, km_err *err)
{
    km_status first = KM_OK;
    bool any = false;
    for (int p = 0; p < c->n; p++) {
        km_err mine = {0};
        km_eval *e = &results[p * c->targets.n + t];
        *e = (km_eval){.panel = c->panels[p], .target = target};
        km_status status = e->panel->measure(&o.how, e, &mine);
        if (first == KM_OK && status < 0) first = status, *err = mine;
        if (status < 0 && (c->named[p] || status != KM_INPUT)) return *err = mine, status;
        if (status < 0) km_eval_leave_out(e, mine.msg);
        any |= has_numbers(e);
    }
    if (first < 0 && !any) return first;
    *err = (km_err){0};
    if (!c->portrait) return KM_OK;
    km_eval *e = &results[c->n * c->targets.n + t];
    *e = (km_eval){.panel = &km_eval_portrait, .target = target};
    return e->panel->measure(&o.how, e, err);
}

/* Targets side by side. The first failure is the one that is told. */
static km_status measure_all(const chosen *c, km_eval *results, km_err *err)
{
    int n = c->targets.n, threads = o.how.threads;
    km_status status = KM_OK;
    if (n > 1) o.how.threads = 1;
#pragma omp parallel for schedule(dynamic) num_threads(threads < n ? threads : n)
    for (int t = 0; t < n; t++) {
        km_err mine = {0};
        km_status got = measure_target(c, &c->targets.items[t], t, results, &mine);
        if (got == KM_OK) continue;
#pragma omp critical(first_failure)
        if (status == KM_OK) status = got, *err = mine;
    }
    return status;
}

static km_status show(const chosen *c, const km_eval *results, km_output *opt_page, km_err *err)
{
    size_t n = count(c);
    const km_eval **list = KM_NEWN(const km_eval *, n);
    for (size_t i = 0; i < n; i++) list[i] = &results[i];
    km_eval_results r = {c->panels, c->n, c->targets.n, list,
                         c->portrait ? list + (ptrdiff_t)c->n * c->targets.n : NULL};
    (o.json ? km_eval_print_json : km_eval_print_text)(&r, stdout);
    km_status status = KM_OK;
    if (o.svg && results->left_out)
        status = km_fail(err, KM_INPUT, "--svg: the panel peptide is left out, see its note");
    else if (o.svg) status = km_eval_write_figures(list[0], o.svg, err);
    if (status == KM_OK && opt_page) status = km_eval_print_page(&r, opt_page->file, err);
    free(list);
    return status;
}

static km_status check(const chosen *c, const km_eval *results, km_err *err)
{
    size_t n = count(c);
    const km_eval **list = KM_NEWN(const km_eval *, n);
    for (size_t i = 0; i < n; i++) list[i] = &results[i];
    km_status status = km_eval_check(&o.fail_if, c->panels, c->n, list, c->targets.n, err);
    free(list);
    return status;
}

/* The page is opened before the work and appears when whole, whatever --fail-if says. */
static km_status run(const chosen *c, km_err *err)
{
    km_output page;
    size_t n = count(c);
    if (o.html) KM_TRY(km_output_open(&page, o.html, false, err));
    km_eval *results = KM_NEWN(km_eval, n);
    km_status status = measure_all(c, results, err);
    if (status == KM_OK) status = show(c, results, o.html ? &page : NULL, err);
    if (status == KM_OK && o.html) status = km_output_commit(&page, err);
    else if (o.html) km_output_abandon(&page, false);
    if (status == KM_OK) status = check(c, results, err);
    for (size_t i = 0; i < n; i++) km_eval_clear(&results[i]);
    free(results);
    return status;
}

int main(int argc, char **argv)
{
    km_cli cli;
    km_err err = {0};
    chosen c = {0};
    km_cli_start(&cli, &program, argc, argv);
    o.how.threads = cli.threads, o.how.profile = o.html || o.svg;
    km_status status = choose(&cli, &c, &err);
    if (status == KM_OK) status = run(&c, &err);
    km_eval_targets_clear(&c.targets);
    return km_cli_end(&cli, status, &err);
}
