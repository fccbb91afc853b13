/* SPDX-License-Identifier: MIT
 * The figures of shape: fluctuations, bond lengths and angles, sound frames. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "tools/eval_figures.h"

enum { LEFT = 56, WIDE = KM_FIGURE_WIDTH - LEFT - 10 };

/* Below the panel: atoms, where there is room for their names, and residues, as many as there is room for. */
static void name_atoms(const km_system *s, const km_panel *p)
{
    double each = p->width / s->n_atoms, foot = p->top + p->height, free_from = 0;
    bool names = each >= 11;
    for (int32_t r = 0; r < s->n_residues; r++) {
        const km_residue *res = &s->residues[r];
        char label[40];
        for (int32_t a = res->first_atom; a < res->first_atom + res->n_atoms && names; a++)
            km_svg_label(p->out, km_panel_x(p, a) + 4, foot + 6, (km_face){.anchor = KM_END, .size = 11, .turn = -90},
                         s->atoms[a].name);
        if (r) km_panel_rule_x(p, res->first_atom - 0.5);
        km_eval_residue(s, r, label);
        double half = 3.5 * (double)strlen(label), middle = km_panel_x(p, res->first_atom + (res->n_atoms - 1) / 2.0);
        if (middle - half < free_from) continue;
        km_svg_label(p->out, middle, foot + (names ? 52 : 18), (km_face){.anchor = KM_MIDDLE, .size = 12}, label);
        free_from = middle + half + 6;
    }
}

km_status km_eval_draw_rmsf(const km_eval *e, FILE *out, km_err *err)
{
    const km_system *s = e->system;
    int n = km_eval_trajectories(e);
    double high = 0, *x = KM_NEWN(double, (size_t)s->n_atoms);
    for (int32_t a = 0; a < s->n_atoms; a++) {
        x[a] = a;
        for (int i = 0; i < n; i++) high = fmax(high, e->rows[i].profile.rmsf[a]);
    }
    double top = km_eval_legend(e, n, NULL, LEFT, 0) + 10;
    km_svg_begin(out, KM_FIGURE_WIDTH, top + 300, "Root-mean-square fluctuation of the atoms");
    km_eval_legend(e, n, out, LEFT, 0);
    km_panel p = {out, LEFT, top, WIDE, 240, {-0.5, s->n_atoms - 0.5, .bare = true}, {.label = "RMSF, Å"}, 0, 7, NULL};
    km_axis_fit(&p.y, 0, high);
    km_panel_frame(&p);
    name_atoms(s, &p);
    for (int i = n - 1; i >= 0; i--) {
        const km_eval_row *row = km_eval_nth(e, i);
        km_look look = km_eval_look(e, row);
        look.dots = row->kind != KM_EVAL_REPLICA && s->n_atoms <= 200;
        for (int32_t r = 0; r < s->n_residues; r++) {
            int32_t first = s->residues[r].first_atom;
            km_panel_line(&p, x + first, row->profile.rmsf + first, s->residues[r].n_atoms, look);
        }
    }
    free(x);
    return km_svg_end(out, err);
}

/* A kind of deviation: where its histogram is, what it spans, how it is called. */
typedef struct deviation {
    size_t at;
    int bins;
    double range, least; /* the axis is never narrower than +-least */
    const char *title, *x, *y;
} deviation;

static const double *bins_of(const km_eval_row *row, const deviation *d)
{
    return (const double *)((const char *)&row->profile + d->at);
}

/* How far out the axis goes: beyond it are at most 2 % of any trajectory. */
static double reach(const km_eval *e, const deviation *d)
{
    int most = (int)(d->least / d->range * d->bins / 2);
    for (int i = 0; i < km_eval_trajectories(e); i++) {
        const double *bins = bins_of(&e->rows[i], d);
        double outside = 0;
        int out = d->bins / 2;
        for (; out > most; out--) {
            outside += bins[d->bins / 2 - out] + bins[d->bins / 2 + out - 1];
            if (outside > 0.02) break;
        }
        most = out;
    }
    return most * 2 * d->range / d->bins;
}

static void draw_deviation(const km_eval *e, const deviation *d, double left, double top, FILE *out)
{
    double far = reach(e, d), high = 0, *percent = KM_NEWN(double, (size_t)d->bins);
    for (int i = 0; i < km_eval_trajectories(e); i++)
        for (int b = 0; b < d->bins; b++) high = fmax(high, 100 * bins_of(&e->rows[i], d)[b]);
    km_panel p = {out, left, top, 450, 240, {-far, far, .label = d->x}, {.label = d->y}, 12, 7, d->title};
    km_axis_fit(&p.y, 0, high);
    km_panel_rule_x(&p, 0);
    for (int i = km_eval_trajectories(e) - 1; i >= 0; i--) {
        const km_eval_row *r = km_eval_nth(e, i);
        for (int b = 0; b < d->bins; b++) percent[b] = 100 * bins_of(r, d)[b];
        km_look look = km_eval_look(e, r);
        look.filled = r->kind == KM_EVAL_REFERENCE;
        km_panel_steps(&p, -d->range, d->range, percent, d->bins, look);
    }
    km_panel_frame(&p);
    free(percent);
}

km_status km_eval_draw_geometry(const km_eval *e, FILE *out, km_err *err)
{
    static const deviation kinds[] = {
        {offsetof(km_profile, bonds), KM_BOND_BINS, KM_BOND_RANGE, 0.1, "bond lengths", "length − ideal, Å",
         "bonds per 0.01 Å, %"},
        {offsetof(km_profile, angles), KM_ANGLE_BINS, KM_ANGLE_RANGE, 10, "bond angles", "angle − ideal, °",
         "angles per 0.5°, %"},
    };
    double top = km_eval_legend(e, km_eval_trajectories(e), NULL, LEFT, 0) + 26;
    km_svg_begin(out, KM_FIGURE_WIDTH, top + 280, "Deviation of bond lengths and angles from ideal values");
    km_eval_legend(e, km_eval_trajectories(e), out, LEFT, 1u << KM_EVAL_REFERENCE);
    for (int k = 0; k < 2; k++) draw_deviation(e, &kinds[k], LEFT + k * 514, top, out);
    return km_svg_end(out, err);
}

km_status km_eval_draw_validity(const km_eval *e, FILE *out, km_err *err)
{
    int groups = 0, group = 0;
    for (const km_metric *c = e->panel->metrics; c->key; c++) groups += c->share;
    double top = km_eval_legend(e, e->n, NULL, LEFT, 0) + 10;
    km_svg_begin(out, KM_FIGURE_WIDTH, top + 230, "Shares of sound frames");
    km_eval_legend(e, e->n, out, LEFT, ~0u);
    km_panel p = {out, LEFT, top, WIDE, 200, {0, groups}, {0, 110, .label = "frames, %", .step = 20}, 0, 7, NULL};
    km_panel_frame(&p);
    for (const km_metric *c = e->panel->metrics; c->key; c++) {
        if (!c->share) continue;
        for (int i = 0; i < e->n; i++) {
            const km_eval_row *row = km_eval_nth(e, i);
            double wide = 0.8 / e->n, from = group + 0.1 + i * wide, percent = 100 * row->values[c - e->panel->metrics];
            km_look look = km_eval_look(e, row);
            char text[16];
            look.filled = true;
            km_panel_bar(&p, from, from + 0.9 * wide, percent, look);
            snprintf(text, sizeof text, "%.0f", percent);
            if (wide * p.width / groups >= 20)
                km_svg_label(out, km_panel_x(&p, from + 0.45 * wide), km_panel_y(&p, percent) - 3,
                             (km_face){.anchor = KM_MIDDLE, .size = 10}, text);
        }
        km_svg_label(out, km_panel_x(&p, group + 0.5), top + 218, (km_face){.anchor = KM_MIDDLE, .size = 12},
                     c->heading);
        group++;
    }
    return km_svg_end(out, err);
}
