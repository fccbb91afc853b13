/* SPDX-License-Identifier: MIT
 * The tables of km-eval as text and in HTML. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/plot/svg.h"
#include "tools/eval.h"

/* Between the rows of a table: the metrics that have a heading. */
#define EACH_COLUMN(m, p) (const km_metric *m = (p)->metrics; m->key; m++) if (m->heading)

static void print_head(const km_eval *e, bool several, FILE *out)
{
    const km_eval_row *row = e->rows;
    fprintf(out, "# panel %s%s%s: ", e->panel->name, several ? " of " : "", several ? e->target->name : "");
    if (e->n) fprintf(out, "%d atoms, ", row->atoms);
    if (e->n && row->dt) fprintf(out, "frames %g ps apart; ", (double)row->dt / 1000);
    fprintf(out, "%s\n", e->panel->head);
    for (int i = 0; i < e->n_notes; i++) fprintf(out, "# note: %s\n", e->notes[i]);
}

static void print_rows(const km_eval *e, FILE *out)
{
    fprintf(out, "%-14s %7s", "", "frames");
    for
        EACH_COLUMN(m, e->panel) fprintf(out, "%s %*s", m->first ? " |" : "", m->width, m->heading);
    for (const km_eval_row *r = e->rows; r < e->rows + e->n; r++) {
        fprintf(out, "\n%-14.14s %7lld", r->name, (long long)r->frames);
        for
            EACH_COLUMN(m, e->panel)
        fprintf(out, "%s %*.*f", m->first ? " |" : "", m->width, m->digits, r->values[m - e->panel->metrics]);
    }
    fputc('\n', out);
}

enum { SHOWN = 3 };

static const km_published *published(const char *panel, const char *key, const char *model)
{
    for (const km_published *p = km_published_values; p->panel; p++)
        if (!strcmp(p->panel, panel) && !strcmp(p->key, key) && !strcmp(p->model, model)) return p;
    return NULL;
}

static void print_published(const km_eval_panel *panel, const char *key, int digits, FILE *out)
{
    for (int i = 0; i < SHOWN && panel->shown[i]; i++) {
        const km_published *p = published(panel->name, key, panel->shown[i]);
        if (p) fprintf(out, " %17.*f%s", digits, p->value, p->kind == KM_PRIMARY ? " " : "*");
        else fprintf(out, " %17s ", "");
    }
    fputc('\n', out);
}

static void print_summary(const km_eval_results *r, int panel, FILE *out)
{
    const km_eval_panel *p = r->panels[panel];
    const km_eval *const *results = r->results + panel * r->n_targets;
    fprintf(out, "# over %d target%s%s%s%s\n%-22s %8s %8s %4s %4s %9s %9s", r->n_targets, r->n_targets > 1 ? "s" : "",
            p->published ? "; published values are " : "", p->published ? p->published : "",
            p->published ? ", * not as their authors print them" : "", "", "median", "mean", "n", "nan", "MD median",
            "MD mean");
    for (int i = 0; i < SHOWN && p->shown[i]; i++) fprintf(out, " %18s", p->shown[i]);
    fputc('\n', out);
    for
        EACH_COLUMN(m, p)
        {
            km_summary model = km_eval_summary(results, r->n_targets, KM_EVAL_MODEL, (int)(m - p->metrics));
            km_summary md = km_eval_summary(results, r->n_targets, KM_EVAL_REPLICA, (int)(m - p->metrics));
            fprintf(out, "%-22s %8.*f %8.*f %4d %4d %9.*f %9.*f", m->key, m->digits, model.median, m->digits,
                    model.mean, model.n, model.nan, m->digits, md.median, m->digits, md.mean);
            print_published(p, m->key, 2, out);
        }
    for (const km_eval_over *over = p->over; over && over->key; over++) {
        fprintf(out, "%-22s %8.3f %8s %4s %4s %9s %9s", over->key, over->value(results, r->n_targets), "", "", "", "",
                "");
        print_published(p, over->key, 2, out);
    }
}

void km_eval_print_text(const km_eval_results *r, FILE *out)
{
    for (int p = 0; p < r->n_panels; p++) {
        for (int t = 0; t < r->n_targets; t++) {
            const km_eval *e = r->results[p * r->n_targets + t];
            print_head(e, r->n_targets > 1, out);
            if (!e->left_out) print_rows(e, out);
        }
        if (r->n_targets > 1 || r->panels[p]->published) print_summary(r, p, out);
    }
}

static void print_cell(FILE *out, double v, const km_metric *m, bool first)
{
    fprintf(out, "<td%s>", first ? " class=\"first\"" : "");
    if (isnan(v)) fputs("–", out);
    else fprintf(out, "%.*f", m->digits, v);
    fputs("</td>", out);
}

static void print_headings(const km_eval_panel *p, const char *first, FILE *out)
{
    static const char *const better[] = {" ↓", " ↑", ""};
    fprintf(out, "<div class=\"wide\"><table class=\"of-%s\">\n<thead><tr><th>%s</th><th>frames</th>", p->name, first);
    for
        EACH_COLUMN(m, p)
    fprintf(out, "<th%s>%s%s</th>", m->first ? " class=\"first\"" : "", m->heading, better[m->best]);
    fputs("</tr></thead>\n<tbody>\n", out);
}

static void print_values(const km_eval *e, const km_eval_row *r, const char *name, FILE *out)
{
    fputs("<tr><th>", out);
    km_xml_text(out, name, 24);
    fprintf(out, "</th><td>%lld</td>", (long long)r->frames);
    for
        EACH_COLUMN(m, e->panel) print_cell(out, r->values[m - e->panel->metrics], m, m->first);
    fputs("</tr>\n", out);
}

static void print_meanings(const km_eval_panel *p, FILE *out)
{
    fputs("<dl>\n", out);
    for
        EACH_COLUMN(m, p) fprintf(out, "<div><dt>%s</dt><dd>%s</dd></div>\n", m->heading, m->meaning);
    fputs("</dl>\n", out);
}

void km_eval_print_html_targets(const km_eval_results *r, int panel, FILE *out)
{
    const km_eval_panel *p = r->panels[panel];
    fprintf(out, "<h2>%s, target by target</h2>\n", p->title);
    print_headings(p, "target", out);
    for (int t = 0; t < r->n_targets; t++) {
        const km_eval *e = r->results[panel * r->n_targets + t];
        for (const km_eval_row *row = e->rows; row < e->rows + e->n; row++) {
            if (row->kind != KM_EVAL_MODEL) continue;
            char *both = e->target->models.count > 1 ? km_asprintf("%s: %s", e->target->name, row->name) : NULL;
            print_values(e, row, both ? both : e->target->name, out);
            free(both);
        }
    }
    fputs("</tbody>\n</table></div>\n", out);
    print_meanings(p, out);
}

void km_eval_print_html(const km_eval *e, bool meanings, FILE *out)
{
    if (!e->left_out) {
        print_headings(e->panel, "", out);
        for (const km_eval_row *r = e->rows; r < e->rows + e->n; r++) print_values(e, r, r->name, out);
        fputs("</tbody>\n</table></div>\n", out);
        if (meanings) print_meanings(e->panel, out);
    }
    for (int i = 0; i < e->n_notes; i++) {
        fputs("<p>", out);
        km_xml_text(out, e->notes[i], 0);
        fputs("</p>\n", out);
    }
}

static void print_cells_published(const km_eval_panel *p, const char *key, FILE *out)
{
    for (int i = 0; i < SHOWN && p->shown[i]; i++) {
        const km_published *value = published(p->name, key, p->shown[i]);
        if (value) fprintf(out, "<td>%.2f%s</td>", value->value, value->kind == KM_PRIMARY ? "" : "*");
        else fputs("<td></td>", out);
    }
}

static void print_row_over(const km_eval_results *r, int panel, const km_metric *m, FILE *out)
{
    const km_eval_panel *p = r->panels[panel];
    int at = (int)(m - p->metrics);
    const km_eval *const *results = r->results + panel * r->n_targets;
    km_summary model = km_eval_summary(results, r->n_targets, KM_EVAL_MODEL, at);
    km_summary md = km_eval_summary(results, r->n_targets, KM_EVAL_REPLICA, at);
    const double values[4] = {model.median, model.mean, md.median, md.mean};
    fprintf(out, "<tr><th>%s</th>", m->key);
    for (int i = 0; i < 4; i++) print_cell(out, values[i], m, false);
    fprintf(out, "<td>%d</td><td>%d</td>", model.n, model.nan);
    print_cells_published(p, m->key, out);
    fputs("</tr>\n", out);
}

/* A number over targets stands in the place of the median. */
static void print_number_over(const km_eval_results *r, int panel, const km_eval_over *over, FILE *out)
{
    const km_eval_panel *p = r->panels[panel];
    double v = over->value(r->results + panel * r->n_targets, r->n_targets);
    fprintf(out, "<tr><th>%s</th>", over->key);
    if (isnan(v)) fputs("<td>–</td>", out);
    else fprintf(out, "<td>%.3f</td>", v);
    fputs("<td></td><td></td><td></td><td></td><td></td>", out);
    print_cells_published(p, over->key, out);
    fputs("</tr>\n", out);
}

void km_eval_print_html_over(const km_eval_results *r, FILE *out)
{
    for (int panel = 0; panel < r->n_panels; panel++) {
        const km_eval_panel *p = r->panels[panel];
        fprintf(out,
                "<h2>%s over %d target%s</h2>\n<div class=\"wide\"><table>\n<thead><tr><th></th><th>median</th>"
                "<th>mean</th><th>MD "
                "median</th><th>MD mean</th><th>n</th><th>nan</th>",
                p->title, r->n_targets, r->n_targets > 1 ? "s" : "");
        for (int i = 0; i < SHOWN && p->shown[i]; i++) fprintf(out, "<th>%s</th>", p->shown[i]);
        fputs("</tr></thead>\n<tbody>\n", out);
        for
            EACH_COLUMN(m, p) print_row_over(r, panel, m, out);
        for (const km_eval_over *over = p->over; over && over->key; over++) print_number_over(r, panel, over, out);
        fputs("</tbody>\n</table></div>\n", out);
        if (p->published)
            fprintf(out, "<p>Published values: %s; * not as their authors print them.</p>\n", p->published);
    }
}
