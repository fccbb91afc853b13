/* SPDX-License-Identifier: MIT
 * Figures of maps: one panel a side, on one scale. */
#include <math.h>
#include <stdlib.h>

#include "lib/base/mem.h"
#include "lib/traj/dssp.h"
#include "tools/eval_draw.h"

enum { LEFT = 66, MOST = 3, GAP = 34 };

/* The reference and at most three models. */
typedef struct sides {
    const km_eval_array *maps[MOST + 1];
    const char *names[MOST + 1];
    int n;
    double size;
} sides;

static sides sides_of(const km_eval *e, const char *key, const char *md_key)
{
    sides s = {.size = 0};
    for (int i = 0; i < e->n && s.n <= MOST; i++) {
        const km_eval_row *row = &e->rows[i];
        if (row->kind != KM_EVAL_MODEL || !km_eval_kept(row, key)) continue;
        if (s.n == 0) s.maps[s.n] = km_eval_kept(row, md_key), s.names[s.n++] = "MD";
        s.maps[s.n] = km_eval_kept(row, key), s.names[s.n++] = row->name;
    }
    s.size = (KM_FIGURE_WIDTH - LEFT - 112 - GAP * (s.n - 1)) / (double)(s.n < 3 ? 3 : s.n);
    return s;
}

static km_panel panel_of(const sides *s, int i, FILE *out)
{
    return (km_panel){.out = out,
                      .left = LEFT + i * (s->size + GAP),
                      .top = 24,
                      .width = s->size,
                      .height = s->size,
                      .title = s->names[i],
                      .x_ticks = 6,
                      .y_ticks = 6};
}

static void finish(const sides *s, const km_axis *colour, FILE *out)
{
    km_svg_colour_bar(out, LEFT + s->n * (s->size + GAP) - GAP + 20, 24, s->size, colour);
}

/* -- surfaces: populations of bins beside the fullest one's */

static void draw_surface(const km_eval *e, const sides *s, int i, const char *range_key, const char *const labels[2],
                         const km_axis *colour, FILE *out)
{
    const km_eval_array *map = s->maps[i], *range = NULL;
    const km_eval_row *row = e->rows;
    for (int nth = 0; row < e->rows + e->n; row++) /* the row this panel's map is of; the reference's is the first's */
        if (km_eval_kept(row, range_key) && nth++ == (i ? i - 1 : 0)) break;
    range = km_eval_kept(row, range_key);
    int n = map->nx * map->ny;
    double most = 0, *v = KM_NEWN(double, (size_t)n);
    for (int b = 0; b < n; b++) most = fmax(most, map->values[b]);
    for (int b = 0; b < n; b++) v[b] = map->values[b] / most;
    km_panel p = panel_of(s, i, out);
    p.x = (km_axis){range->values[0], range->values[1], .label = labels[0]};
    p.y = (km_axis){range->values[2], range->values[3], .label = i ? NULL : labels[1], .bare = i > 0};
    if (range->values[1] == 180) p.x.step = p.y.step = 90;
    km_panel_density(&p, v, map->nx, map->ny, colour);
    km_panel_frame(&p);
    free(v);
}

static km_status draw_surfaces(const km_eval *e, const char *key, const char *title, const char *const labels[2],
                               FILE *out, km_err *err)
{
    char md_key[24], range_key[24];
    snprintf(md_key, sizeof md_key, "%s_md", key), snprintf(range_key, sizeof range_key, "%s_range", key);
    sides s = sides_of(e, key, md_key);
    const km_axis colour = {exp(-7), 1, .log = true, .label = "population beside the fullest bin's"};
    km_svg_begin(out, KM_FIGURE_WIDTH, s.size + 68, title);
    for (int i = 0; i < s.n; i++) draw_surface(e, &s, i, range_key, labels, &colour, out);
    finish(&s, &colour, out);
    return km_svg_end(out, err);
}

km_status km_draw_pca(const km_eval *e, FILE *out, km_err *err)
{
    static const char *const labels[2] = {"PC 1, Å", "PC 2, Å"};
    return draw_surfaces(e, "pca", "Free-energy surface on the reference's principal components", labels, out, err);
}

km_status km_draw_tica(const km_eval *e, FILE *out, km_err *err)
{
    static const char *const labels[2] = {"TIC 1", "TIC 2"};
    return draw_surfaces(e, "tica", "Free-energy surface on the reference's slowest components", labels, out, err);
}

km_status km_draw_rama(const km_eval *e, FILE *out, km_err *err)
{
    static const char *const labels[2] = {"φ, °", "ψ, °"};
    return draw_surfaces(e, "rama", "Ramachandran", labels, out, err);
}

/* -- matrices */

static km_status draw_matrices(const km_eval *e, const char *key, const char *md_key, const char *title,
                               const char *label, km_axis colour, FILE *out, km_err *err)
{
    sides s = sides_of(e, key, md_key);
    if (isnan(colour.to)) {
        double high = 0;
        for (int i = 0; i < s.n; i++)
            for (int b = 0; b < s.maps[i]->nx * s.maps[i]->ny; b++) high = fmax(high, s.maps[i]->values[b]);
        km_axis_fit(&colour, 0, high);
    }
    km_svg_begin(out, KM_FIGURE_WIDTH, s.size + 68, title);
    for (int i = 0; i < s.n; i++) {
        km_panel p = panel_of(&s, i, out);
        p.x = (km_axis){0, s.maps[i]->nx, .label = label}, p.y = (km_axis){0, s.maps[i]->ny, .bare = i > 0};
        km_panel_density(&p, s.maps[i]->values, s.maps[i]->nx, s.maps[i]->ny, &colour);
        km_panel_frame(&p);
    }
    finish(&s, &colour, out);
    return km_svg_end(out, err);
}

km_status km_draw_pairs(const km_eval *e, FILE *out, km_err *err)
{
    const km_axis colour = {.from = 0, .to = NAN, .label = "RMSD, Å"};
    return draw_matrices(e, "pairs", "md_pairs", "Pairwise RMSD", "frames, evenly spread", colour, out, err);
}

km_status km_draw_contacts(const km_eval *e, FILE *out, km_err *err)
{
    const km_axis colour = {.from = 0, .to = 1, .label = "share of frames"};
    return draw_matrices(e, "contacts", "md_contacts", "Contacts of CA", "residues", colour, out, err);
}

/* -- secondary structure over time */

static void draw_classes(const km_panel *p, const km_eval_array *map, int class, int colour)
{
    double w = p->width / map->nx, h = p->height / map->ny;
    fprintf(p->out, "<path fill=\"%s\" d=\"M0 0", km_colour_name(colour));
    for (int r = 0; r < map->ny; r++)
        for (int i = 0, end; i < map->nx; i = end) {
            for (end = i; end < map->nx && (int)map->values[r * map->nx + end] == class;) end++;
            if (end > i)
                fprintf(p->out, "M%.1f %.1fh%.1fv%.1fh-%.1fz", p->left + i * w, p->top + p->height - (r + 1) * h,
                        (end - i) * w, h, (end - i) * w);
            else end++;
        }
    fputs("\"/>\n", p->out);
}

km_status km_draw_structure(const km_eval *e, FILE *out, km_err *err)
{
    static const km_entry entries[2] = {{"helix", {.colour = KM_VERMILION, .filled = true}},
                                        {"strand", {.colour = KM_BLUE, .filled = true}}};
    sides s = sides_of(e, "structure", "md_structure");
    double wide = (KM_FIGURE_WIDTH - LEFT - 16 - GAP * (s.n - 1)) / (double)s.n, top = 46;
    km_svg_begin(out, KM_FIGURE_WIDTH, top + 260 + 42, "Secondary structure over time");
    km_svg_legend(out, LEFT, 0, 400, entries, 2);
    for (int i = 0; i < s.n; i++) {
        km_panel p = {out,
                      LEFT + i * (wide + GAP),
                      top,
                      wide,
                      260,
                      {0, s.maps[i]->nx, .label = "frames, evenly spread"},
                      {0, s.maps[i]->ny, .label = i ? NULL : "residue, counted", .bare = i > 0},
                      8,
                      8,
                      s.names[i]};
        draw_classes(&p, s.maps[i], KM_HELIX, KM_VERMILION), draw_classes(&p, s.maps[i], KM_STRAND, KM_BLUE);
        km_panel_frame(&p);
    }
    return km_svg_end(out, err);
}
