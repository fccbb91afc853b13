/* SPDX-License-Identifier: MIT
 * The page of km-eval: what was compared, the table, the figures. It needs nothing but itself, and is well-formed as
 * XML too. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/mem.h"
#include "tools/eval_draw.h"

static const char style[] =
    ":root { color-scheme: light dark }\n"
    "body { max-width: 1120px; margin: 2em auto; padding: 0 1em }\n"
    "body { font: 15px/1.45 Helvetica, Arial, 'Liberation Sans', sans-serif }\n"
    "h1 { font-size: 1.5em }\n"
    "h2 { font-size: 1.2em; margin: 2em 0 0.5em; break-after: avoid }\n"
    ".wide { overflow-x: auto; margin: 1em 0 }\n"
    "table { border-collapse: collapse; font-size: 13px; font-variant-numeric: tabular-nums }\n"
    "th, td { padding: 0.2em 0.33em; text-align: right; white-space: nowrap }\n"
    "thead th { border-bottom: 1px solid }\n"
    "tbody th, .words th, .words td { text-align: left }\n"
    ".first { border-left: 1px solid #888 }\n"
    "dl { columns: 2; font-size: 13px; margin: 0 }\n"
    "dl div, figure { break-inside: avoid }\n"
    "dt { float: left; width: 5em; font-weight: bold }\n"
    "dd { margin-left: 5.5em }\n"
    "figure { margin: 0 }\n"
    "figcaption { max-width: 60em }\n"
    "svg { max-width: 100%; height: auto }\n"
    ".views { display: flex; gap: 1em }\n"
    ".views div { flex: 1; text-align: center }\n"
    ".views p { margin: 0.3em }\n"
    "canvas { width: 100%; height: 360px; border: 1px solid #888; touch-action: none; cursor: grab }\n"
    ".player input { width: 60%; vertical-align: middle }\n"
    "details { border-top: 1px solid #888; padding: 0.5em 0 }\n"
    "summary { font-size: 1.2em; font-weight: bold; cursor: pointer }\n"
    "@media (max-width: 640px) { dl { columns: 1 } .views { flex-direction: column } canvas { height: 280px } }\n"
    "@media print { button, .player input { display: none } body { margin: 0 } .wide { overflow: visible }\n"
    "  details + details { break-before: page }\n"
    "  dl { font-size: 10px } table { font-size: 9px } th, td { padding: 0.15em 0.3em }\n"
    "  .views { flex-direction: row } }\n";

/* Figures of further targets are left out of a page of so many bytes. */
enum { MOST_BYTES = 24 << 20 };

static void print_sequence(const km_system *s, FILE *out)
{
    enum { MOST = 40 };
    for (int i = 0; i < s->n_residues && i < MOST; i++) {
        if (i) fputc('-', out);
        km_xml_text(out, s->residues[i].name, 0);
    }
    if (s->n_residues > MOST) fputs("-…", out);
}

/* Target number t in the first panel that is not left out, which tells what it is and of which files. */
static const km_eval *target_of(const km_eval_results *r, int t)
{
    const km_eval *const *e = r->results + t;
    while ((*e)->left_out) e += r->n_targets;
    return *e;
}

/* The models' names, or what there is without any; of several targets how many. */
static void print_title(const km_eval_results *r, FILE *out)
{
    const km_eval *e = target_of(r, 0);
    int n = 0;
    if (r->n_targets > 1) n = fprintf(out, "%d targets", r->n_targets);
    else
        for (; n < e->n && e->rows[n].kind == KM_EVAL_MODEL; n++) {
            if (n) fputs(", ", out);
            km_xml_text(out, e->rows[n].name, 60);
        }
    fputs(n ? " against molecular dynamics" : "Molecular dynamics", out);
}

static void print_files(const km_eval *e, FILE *out)
{
    static const char *const kinds[] = {"model", "MD replica", "MD, the reference"};
    fputs(
        "<div class=\"wide\"><table class=\"words\">\n<thead><tr><th></th><th>file</th><th>frames</th><th>spacing</th>"
        "<th>length</th><th>made by</th></tr></thead>\n<tbody>\n",
        out);
    for (const km_eval_row *r = e->rows; r < e->rows + e->n; r++) {
        if (!r->path) continue;
        fprintf(out, "<tr><th>%s</th><td>", kinds[r->kind]);
        km_xml_text(out, r->path, 80);
        fprintf(out, "</td><td>%lld</td>", (long long)r->frames);
        if (r->dt)
            fprintf(out, "<td>%g ps</td><td>%g ns</td><td>", (double)r->dt / 1000,
                    km_ns_of_fs(r->dt * (r->frames - 1)));
        else fputs("<td>–</td><td>–</td><td>", out);
        km_xml_text(out, r->made ? r->made : "", 80);
        fputs("</td></tr>\n", out);
    }
    fputs("</tbody>\n</table></div>\n", out);
}

static void print_head(const km_eval_results *r, FILE *out)
{
    fputs("<!DOCTYPE html>\n<html xmlns=\"http://www.w3.org/1999/xhtml\" lang=\"en\">\n<head>\n"
          "<meta charset=\"utf-8\"/>\n<meta name=\"viewport\" content=\"width=device-width\"/>\n<title>",
          out);
    print_title(r, out);
    fprintf(out, "</title>\n<style>\n%s", style);
    km_svg_dark_rules(out);
    fputs("</style>\n</head>\n<body>\n<h1>", out);
    print_title(r, out);
    fputs("</h1>\n", out);
}

/* What a target is, and which files stand for it. */
static void print_target(const km_eval *e, FILE *out)
{
    fputs("<p>", out);
    print_sequence(e->system, out);
    fprintf(out, ": %d residues, %d heavy atoms.</p>\n", e->system->n_residues, e->system->n_atoms);
    print_files(e, out);
}

static const char advice[] =
    "<p>What is slower than the reference is long it has not sampled, and what is only a few times faster it has "
    "sampled badly: two runs of its length differ from each other as well. A replica, where one is given, shows by "
    "how much; no model can be asked to come closer.</p>\n";

/* Of target number nth (its ids end with it, but for the first's). */
static km_status print_figure(const km_eval *e, const km_eval_figure *f, int nth, FILE *out, km_err *err)
{
    if (f->key && !km_eval_figure_applies(f, e)) return KM_OK;
    fprintf(out, "<h2>%s</h2>\n", f->title);
    if (!km_eval_figure_applies(f, e)) {
        fprintf(out, "<p id=\"%s\">%s</p>\n", f->id, f->missing);
        return KM_OK;
    }
    char suffix[16] = "";
    if (nth) snprintf(suffix, sizeof suffix, "-%d", nth + 1);
    fprintf(out, "<figure id=\"%s%s\">\n", f->id, suffix);
    KM_TRY(f->draw(e, out, err));
    fprintf(out, "<figcaption>%s</figcaption>\n</figure>\n", f->caption);
    return KM_OK;
}

static void print_table(const km_eval *e, bool meanings, FILE *out)
{
    fprintf(out, "<h2>%s</h2>\n", e->panel->title);
    km_eval_print_html(e, meanings, out);
}

static km_status print_figures(const km_eval *e, int nth, FILE *out, km_err *err)
{
    if (e->left_out) return KM_OK;
    for (const km_eval_figure *f = km_eval_figures_of(e->panel); f->id; f++) KM_TRY(print_figure(e, f, nth, out, err));
    return KM_OK;
}

static km_status print_all_figures(const km_eval_results *r, int t, FILE *out, km_err *err)
{
    if (r->portraits) KM_TRY(print_figures(r->portraits[t], t, out, err));
    for (int p = 0; p < r->n_panels; p++) KM_TRY(print_figures(r->results[p * r->n_targets + t], t, out, err));
    return KM_OK;
}

static km_status print_only_target(const km_eval_results *r, FILE *out, km_err *err)
{
    const km_eval *first = target_of(r, 0);
    bool peptides = !strcmp(first->panel->name, "peptide");
    print_target(first, out);
    fputs(advice, out);
    for (int i = 0; i < r->n_panels; i++) print_table(r->results[i], true, out);
    if (!peptides) km_eval_print_html_over(r, out);
    if (peptides && km_eval_trajectories(first) < first->n)
        fputs("<p>Start frame: the reference's first frame repeated; with noise: that frame with random noise of each "
              "atom's fluctuation. What does not beat both has learned nothing.</p>\n",
              out);
    return print_all_figures(r, 0, out, err);
}

/* A section that unfolds: everything of target number t, the figures while there is room. */
static km_status print_section(const km_eval_results *r, int t, int *left_out, FILE *out, km_err *err)
{
    fprintf(out, "<details%s>\n<summary>", t ? "" : " open=\"open\"");
    km_xml_text(out, r->results[t]->target->name, 80);
    fputs("</summary>\n", out);
    print_target(target_of(r, t), out);
    for (int p = 0; p < r->n_panels; p++) print_table(r->results[p * r->n_targets + t], false, out);
    if (ftello(out) < MOST_BYTES) KM_TRY(print_all_figures(r, t, out, err));
    else {
        fputs("<p>The figures are left out, as the page has become large; ask for this target alone.</p>\n", out);
        ++*left_out;
    }
    fputs("</details>\n", out);
    return KM_OK;
}

/* Medians and a row a target first, then a section a target. */
static km_status print_targets(const km_eval_results *r, FILE *out, km_err *err)
{
    int left_out = 0;
    fputs(advice, out);
    km_eval_print_html_over(r, out);
    for (int p = 0; p < r->n_panels; p++) km_eval_print_html_targets(r, p, out);
    for (int t = 0; t < r->n_targets; t++) KM_TRY(print_section(r, t, &left_out, out, err));
    if (left_out) fprintf(out, "<p>Without figures: the last %d targets.</p>\n", left_out);
    return KM_OK;
}

km_status km_eval_print_page(const km_eval_results *r, FILE *out, km_err *err)
{
    print_head(r, out);
    KM_TRY((r->n_targets > 1 ? print_targets : print_only_target)(r, out, err));
    if (r->portraits) km_eval_print_player(out);
    fputs("</body>\n</html>\n", out);
    return KM_OK;
}

static km_status write_figure(const km_eval *e, const km_eval_figure *f, const char *path, km_err *err)
{
    km_output out;
    KM_TRY(km_output_open(&out, path, false, err));
    km_status status = f->draw(e, out.file, err);
    if (status == KM_OK) return km_output_commit(&out, err);
    km_output_abandon(&out, false);
    return status;
}

km_status km_eval_write_figures(const km_eval *e, const char *dir, km_err *err)
{
    km_status status = KM_OK;
    if (mkdir(dir, 0777) != 0 && errno != EEXIST)
        return km_fail(err, KM_SYSTEM, "cannot make '%.150s': %s", dir, strerror(errno));
    for (const km_eval_figure *f = km_eval_figures; f->id && status == KM_OK; f++) {
        if (!km_eval_figure_applies(f, e)) continue;
        char *path = km_asprintf("%s/%s.svg", dir, f->id);
        status = write_figure(e, f, path, err);
        free(path);
    }
    return status;
}
