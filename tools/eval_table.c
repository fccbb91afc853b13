/* SPDX-License-Identifier: MIT
 * The table of km-eval: as text, as JSON and in HTML. */
#include <jansson.h>
#include <math.h>
#include <stddef.h>

#include "lib/plot/svg.h"
#include "tools/eval.h"

#define SCORE(name) offsetof(km_eval_row, scores.name)
#define CHECK(name) offsetof(km_eval_row, validity.name)
const km_eval_column km_eval_columns[] = {
    {"jsd_backbone", "jsd_bb", 6, 3, SCORE(jsd_backbone), KM_BEST_LOW,
     .meaning = "Jensen-Shannon distance of phi and psi, mean over torsions"},
    {"jsd_side", "jsd_sc", 6, 3, SCORE(jsd_side), KM_BEST_LOW, .meaning = "the same of the side chains' torsions"},
    {"jsd_phi_psi", "phi-psi", 7, 3, SCORE(jsd_phi_psi), KM_BEST_LOW,
     .meaning = "the same of (phi, psi) pairs, mean over residues"},
    {"jsd_all", NULL, 0, 0, SCORE(jsd_all), KM_BEST_LOW},
    {"decorrelation_backbone", "dec_bb", 6, 3, SCORE(decorrelation_backbone), KM_BEST_LOW,
     .meaning = "gap between the decorrelation of phi and psi, mean over lags and torsions"},
    {"decorrelation_side", "dec_sc", 6, 3, SCORE(decorrelation_side), KM_BEST_LOW,
     .meaning = "the same of the side chains' torsions"},
    {"rmsf_r", "rmsf_r", 6, 3, SCORE(rmsf_r), KM_BEST_HIGH, .meaning = "correlation of the atoms' fluctuations"},
    {"rmsf", NULL, 0, 0, SCORE(rmsf), KM_BEST_LOW},
    {"rmsf_ref", NULL, 0, 0, SCORE(rmsf_ref), KM_BEST_LOW},
    {"bond_rms_ok", "bonds", 6, 3, CHECK(bond_rms_ok), KM_BEST_HIGH, true, true,
     "frames whose bond lengths are within 0.1 Å (rms) of the dictionary"},
    {"bond_all_ok", "worst", 6, 3, CHECK(bond_all_ok), KM_BEST_HIGH, true,
     .meaning = "frames with every bond within 0.25 Å of it"},
    {"no_clash", "clash", 6, 3, CHECK(no_clash), KM_BEST_HIGH, true,
     .meaning = "frames without atoms closer than 2.2 Å that are more than 3 bonds apart"},
    {"chirality_ok", "L", 6, 3, CHECK(chirality_ok), KM_BEST_HIGH, true, .meaning = "frames in which every CA is L"},
    {"all_ok", "all", 6, 3, CHECK(all_ok), KM_BEST_HIGH, true, .meaning = "frames that pass all of these"},
    {"bond_rms", "bond_A", 6, 3, CHECK(bond_rms), KM_BEST_LOW, .first = true,
     .meaning = "rms deviation of bond lengths over all frames, Å"},
    {"angle_rms", "angle", 6, 2, CHECK(angle_rms), KM_BEST_LOW, .meaning = "the same of bond angles, degrees"},
    {0},
};

double km_eval_value(const km_eval_row *row, const km_eval_column *c)
{
    return *(const double *)((const char *)row + c->at);
}

const km_eval_row *km_eval_reference(const km_eval *e)
{
    const km_eval_row *r = e->rows;
    while (r->kind != KM_EVAL_REFERENCE) r++;
    return r;
}

static double spacing_ps(const km_eval *e) { return (double)km_eval_reference(e)->dt / 1000; }

void km_eval_print_json(const km_eval *e, FILE *out)
{
    json_t *rows = json_array();
    for (int i = 0; i < e->n; i++) {
        json_t *row = json_pack("{s:s, s:I}", "name", e->rows[i].name, "frames", (json_int_t)e->rows[i].frames);
        for (const km_eval_column *c = km_eval_columns; c->key; c++) {
            double v = km_eval_value(&e->rows[i], c);
            json_object_set_new(row, c->key, isnan(v) ? json_null() : json_real(v));
        }
        json_array_append_new(rows, row);
    }
    json_t *all = json_pack("{s:s, s:i, s:f, s:o}", "panel", "peptide", "atoms", e->system->n_atoms, "dt_ps",
                            spacing_ps(e), "rows", rows);
    json_dumpf(all, out, JSON_INDENT(1) | JSON_REAL_PRECISION(6));
    fputc('\n', out);
    json_decref(all);
}

void km_eval_print_text(const km_eval *e, FILE *out)
{
    fprintf(out,
            "# panel peptide: %d atoms, frames %g ps apart; Jensen-Shannon distances (100 bins, 50 x 50 for phi-psi) "
            "and decorrelation gaps: 0 is best;\n"
            "# shares of frames: bonds (rms < 0.1 A), worst bond (< 0.25 A), clash-free, L, all of these\n",
            e->system->n_atoms, spacing_ps(e));
    fprintf(out, "%-14s %7s", "", "frames");
    for (const km_eval_column *c = km_eval_columns; c->key; c++)
        if (c->heading) fprintf(out, "%s %*s", c->first ? " |" : "", c->width, c->heading);
    for (int i = 0; i < e->n; i++) {
        fprintf(out, "\n%-14.14s %7lld", e->rows[i].name, (long long)e->rows[i].frames);
        for (const km_eval_column *c = km_eval_columns; c->key; c++)
            if (c->heading)
                fprintf(out, "%s %*.*f", c->first ? " |" : "", c->width, c->digits, km_eval_value(&e->rows[i], c));
    }
    fputc('\n', out);
}

static void print_cell(FILE *out, const km_eval_row *row, const km_eval_column *c)
{
    double v = km_eval_value(row, c);
    fprintf(out, "<td%s>", c->first ? " class=\"first\"" : "");
    if (isnan(v)) fputs("–", out);
    else fprintf(out, "%.*f", c->digits, v);
    fputs("</td>", out);
}

void km_eval_print_html(const km_eval *e, FILE *out)
{
    fputs("<table id=\"table\">\n<thead><tr><th></th><th>frames</th>", out);
    for (const km_eval_column *c = km_eval_columns; c->key; c++)
        if (c->heading)
            fprintf(out, "<th%s>%s %s</th>", c->first ? " class=\"first\"" : "", c->heading,
                    c->best == KM_BEST_LOW ? "↓" : "↑");
    fputs("</tr></thead>\n<tbody>\n", out);
    for (int i = 0; i < e->n; i++) {
        fputs("<tr><th>", out);
        km_xml_text(out, e->rows[i].name, 24);
        fprintf(out, "</th><td>%lld</td>", (long long)e->rows[i].frames);
        for (const km_eval_column *c = km_eval_columns; c->key; c++)
            if (c->heading) print_cell(out, &e->rows[i], c);
        fputs("</tr>\n", out);
    }
    fputs("</tbody>\n</table>\n<dl>\n", out);
    for (const km_eval_column *c = km_eval_columns; c->key; c++)
        if (c->heading) fprintf(out, "<div><dt>%s</dt><dd>%s</dd></div>\n", c->heading, c->meaning);
    fputs("</dl>\n", out);
}
