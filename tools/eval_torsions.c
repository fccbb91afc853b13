/* SPDX-License-Identifier: MIT
 * The figures of torsions: Ramachandran maps, histograms, decorrelation. */
#include <math.h>
#include <stdlib.h>

#include "lib/base/mem.h"
#include "tools/eval_figures.h"

/* From a single frame of the longest trajectory to the fullest bin of all. */
static km_axis share_axis(const km_eval *e)
{
    double low = 100, high = 0;
    for (int i = 0; i < km_eval_trajectories(e); i++) {
        const km_profile *p = &e->rows[i].profile;
        low = fmin(low, 100 / (double)e->rows[i].frames);
        for (int32_t k = 0; k < p->n_pairs; k++)
            for (int b = 0; b < KM_PAIR_BINS * KM_PAIR_BINS; b++) high = fmax(high, 100 * p->pairs[k][b]);
    }
    km_axis a = {.log = true, .label = "frames per bin, %"};
    km_axis_fit(&a, low, high);
    return a;
}

/* Where the maps are: a column a residue, a line a trajectory, in bands of at most so many columns that they fit the
 * width; the other way round where the trajectories are more. */
typedef struct maps {
    const km_eval *e;
    FILE *out;
    km_axis colour;
    bool across;        /* a column a trajectory */
    int lines, columns; /* of a band */
    double size, each;  /* of a map; with the gap */
} maps;

static const double maps_left = 76, maps_head = 24, maps_foot = 24;

static void draw_map(const maps *m, int line, int column, int32_t pair, double top)
{
    char residue[40];
    double percent[KM_PAIR_BINS * KM_PAIR_BINS];
    const km_eval_row *row = km_eval_nth(m->e, m->across ? column : line);
    km_axis x = {-180, 180, .step = m->size < 150 ? 180 : 90, .bare = line < m->lines - 1}, y = x;
    y.bare = column > 0;
    if (!x.bare) x.label = "φ, °";
    if (!y.bare) y.label = "ψ, °";
    km_eval_residue(m->e->system, row->profile.pair_residues[pair], residue);
    const char *label = km_eval_label(row), *title = m->across ? label : residue;
    km_panel p = {.out = m->out, .width = m->size, .height = m->size, .x = x, .y = y, .x_ticks = 5, .y_ticks = 5};
    p.left = maps_left + column * m->each, p.top = top + maps_head + line * m->each;
    if (line == 0) p.title = title;
    for (int b = 0; b < KM_PAIR_BINS * KM_PAIR_BINS; b++) percent[b] = 100 * row->profile.pairs[pair][b];
    km_panel_density(&p, percent, KM_PAIR_BINS, KM_PAIR_BINS, &m->colour);
    km_panel_rule_x(&p, 0), km_panel_rule_y(&p, 0);
    km_panel_frame(&p);
    if (column == 0)
        km_svg_label(m->out, 14, p.top + m->size / 2, (km_face){KM_MIDDLE, 12, -90, 1, 20},
                     m->across ? residue : label);
}

km_status km_eval_draw_ramachandran(const km_eval *e, FILE *out, km_err *err)
{
    enum { MOST = 6 };
    int n = e->rows[0].profile.n_pairs, trajectories = km_eval_trajectories(e);
    maps m = {.e = e, .out = out, .colour = share_axis(e), .across = n < trajectories && trajectories <= MOST};
    m.columns = m.across ? trajectories : n < MOST ? n : MOST, m.lines = m.across ? n : trajectories;
    m.size = m.columns <= 4 ? 200 : 120, m.each = m.size + 34;
    double band = maps_head + m.lines * m.each + maps_foot;
    km_svg_begin(out, KM_FIGURE_WIDTH, m.across ? band : (n + MOST - 1) / MOST * band, "Ramachandran maps");
    for (int pair = 0; pair < n; pair++)
        for (int i = 0; i < trajectories; i++) {
            if (m.across) draw_map(&m, pair, i, pair, 0);
            else draw_map(&m, i, pair % MOST, pair, pair / MOST * band);
        }
    km_svg_colour_bar(out, maps_left + m.columns * m.each - 14, maps_head, m.size, &m.colour);
    return km_svg_end(out, err);
}

/* Models last, over the area of the reference. The axis goes from -180 or from 0 degrees. */
static void draw_steps(const km_eval *e, const km_panel *p, int32_t torsion)
{
    for (int i = km_eval_trajectories(e) - 1; i >= 0; i--) {
        const km_eval_row *r = km_eval_nth(e, i);
        double percent[KM_TORSION_BINS];
        int shift = p->x.from == 0 ? KM_TORSION_BINS / 2 : 0;
        for (int b = 0; b < KM_TORSION_BINS; b++)
            percent[b] = 100 * r->profile.torsions[torsion][(b + shift) % KM_TORSION_BINS];
        km_look look = km_eval_look(e, r);
        look.filled = r->kind == KM_EVAL_REFERENCE;
        km_panel_steps(p, p->x.from, p->x.to, percent, KM_TORSION_BINS, look);
    }
}

static double highest(const km_eval *e, int32_t torsion)
{
    double high = 0;
    for (int i = 0; i < km_eval_trajectories(e); i++)
        for (int b = 0; b < KM_TORSION_BINS; b++) high = fmax(high, 100 * e->rows[i].profile.torsions[torsion][b]);
    return high;
}

km_status km_eval_draw_torsions(const km_eval *e, FILE *out, km_err *err)
{
    enum { LEFT = 76, HIGH = 84, DOWN = 138 };
    static const char *const names[KM_TORSION_KINDS] = {"φ", "ψ", "ω", "χ1", "χ2", "χ3", "χ4", "χ5"};
    km_torsion *t;
    int32_t n = km_chem_torsions(e->system, &t), lines = 0, columns = 0;
    bool used[KM_TORSION_KINDS] = {false};
    for (int32_t i = 0; i < n; i++) {
        used[t[i].kind] = true;
        lines += i == 0 || t[i].residue != t[i - 1].residue;
    }
    for (int k = 0; k < KM_TORSION_KINDS; k++) columns += used[k];
    double across = fmin((KM_FIGURE_WIDTH - LEFT) / columns, 250);
    double top = km_eval_legend(e, km_eval_trajectories(e), NULL, LEFT, 0);
    km_svg_begin(out, KM_FIGURE_WIDTH, top + 12 + lines * DOWN, "Histograms of the torsions");
    km_eval_legend(e, km_eval_trajectories(e), out, LEFT, 1u << KM_EVAL_REFERENCE);
    int line = -1;
    for (int32_t i = 0; i < n; i++) {
        char residue[40];
        bool first = i == 0 || t[i].residue != t[i - 1].residue;
        int column = 0;
        for (int k = 0; k < t[i].kind; k++) column += used[k];
        line += first;
        double from = t[i].kind == KM_OMEGA ? 0 : -180; /* the middle is where omega is */
        km_panel p = {.out = out, .left = LEFT + column * across, .top = top + 32 + line * DOWN, .width = across - 44};
        p.height = HIGH, p.title = names[t[i].kind], p.x_ticks = 5, p.y_ticks = 4;
        p.x = (km_axis){from, from + 360, .step = columns < 6 ? 90 : 180}, p.y = (km_axis){0, 1.08 * highest(e, i)};
        draw_steps(e, &p, i);
        km_panel_frame(&p);
        if (!first) continue;
        km_eval_residue(e->system, t[i].residue, residue);
        km_svg_label(out, 12, p.top + HIGH / 2.0, (km_face){KM_MIDDLE, 12, -90, 1, 0}, residue);
        km_svg_label(out, 28, p.top + HIGH / 2.0, (km_face){KM_MIDDLE, 11, -90, 0, 0}, "frames per 5°, %");
    }
    free(t);
    return km_svg_end(out, err);
}

km_status km_eval_draw_decorrelation(const km_eval *e, FILE *out, km_err *err)
{
    enum { LEFT = 56, WIDE = 450, HIGH = 240 };
    int n = km_eval_trajectories(e);
    double shortest = INFINITY, longest = 0, low = 0;
    bool chi = false;
    for (int i = 0; i < n; i++) {
        const km_profile *p = &e->rows[i].profile;
        chi |= p->n_lags && !isnan(p->side[0]);
        if (p->n_lags) shortest = fmin(shortest, p->lags[0]), longest = fmax(longest, p->lags[p->n_lags - 1]);
        for (int l = 0; l < p->n_lags; l++)
            low = fmin(low, fmin(p->backbone[l], p->side[l])); /* fmin passes NaN over */
    }
    double top = km_eval_legend(e, n, NULL, LEFT, 0) + 26;
    km_svg_begin(out, KM_FIGURE_WIDTH, top + HIGH + 40, "Decorrelation of the torsions");
    km_eval_legend(e, n, out, LEFT, 0);
    for (int side = 0; side < 2; side++) {
        if (side && !chi) break; /* glycines alone */
        km_panel p = {.out = out, .left = LEFT + side * (WIDE + 64), .top = top, .width = WIDE, .height = HIGH};
        p.title = side ? "side chains: mean over χ" : "backbone: mean over φ and ψ";
        p.x = (km_axis){.log = true, .label = "lag, ps"}, p.y = (km_axis){.label = "decorrelation"};
        p.x_ticks = 10, p.y_ticks = 9;
        if (shortest < longest) p.x.from = shortest, p.x.to = longest;
        else km_axis_fit(&p.x, shortest, longest);
        km_axis_fit(&p.y, low, 1);
        km_panel_frame(&p);
        km_panel_rule_y(&p, 0);
        for (int i = n - 1; i >= 0; i--) {
            const km_profile *q = &km_eval_nth(e, i)->profile;
            km_look look = km_eval_look(e, km_eval_nth(e, i));
            look.dots = q->n_lags == 1;
            km_panel_line(&p, q->lags, side ? q->side : q->backbone, q->n_lags, look);
        }
    }
    return km_svg_end(out, err);
}
