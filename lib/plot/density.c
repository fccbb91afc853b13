/* SPDX-License-Identifier: MIT
 * Densities as colour maps: one path a level, one rectangle a run of bins of that level. */
#include <math.h>

#include "lib/plot/panel.h"

int km_density_level(const km_axis *colour, double v)
{
    if (!isfinite(v) || v <= 0) return -1;
    int level = (int)(km_axis_share(colour, v) * KM_LEVELS);
    return level < KM_LEVELS ? level : KM_LEVELS - 1;
}

static void draw_level(const km_panel *p, const double *values, int nx, int ny, const km_axis *colour, int level)
{
    double w = p->width / nx, h = p->height / ny;
    bool open = false;
    for (int j = 0; j < ny; j++)
        for (int i = 0, end; i < nx; i = end) {
            for (end = i; end < nx && km_density_level(colour, values[j * nx + end]) == level;) end++;
            if (end == i) {
                end++;
                continue;
            }
            if (!open)
                fprintf(p->out, "<path class=\"km-level-%d\" fill=\"%s\" shape-rendering=\"crispEdges\" d=\"", level,
                        km_level_name(level));
            open = true;
            fprintf(p->out, "M%.2f %.2fh%.2fv%.2fh%.2fz", p->left + i * w, p->top + (ny - 1 - j) * h, (end - i) * w, h,
                    -(end - i) * w);
        }
    if (open) fputs("\"/>\n", p->out);
}

void km_panel_density(const km_panel *p, const double *values, int nx, int ny, const km_axis *colour)
{
    for (int level = 0; level < KM_LEVELS; level++) draw_level(p, values, nx, ny, colour, level);
}

void km_svg_colour_bar(FILE *out, double left, double top, double height, const km_axis *colour)
{
    double h = height / KM_LEVELS;
    km_tick ticks[KM_TICKS];
    for (int i = 0; i < KM_LEVELS; i++)
        fprintf(out,
                "<rect class=\"km-level-%d\" x=\"%.1f\" y=\"%.2f\" width=\"12\" height=\"%.2f\" fill=\"%s\" "
                "shape-rendering=\"crispEdges\"/>\n",
                i, left, top + (KM_LEVELS - 1 - i) * h, h, km_level_name(i));
    int n = km_axis_ticks(colour, 7, ticks);
    for (int i = 0; i < n; i++) {
        double y = top + height * (1 - km_axis_share(colour, ticks[i].value));
        fprintf(out, "<path d=\"M%.1f %.1fh4\" stroke=\"currentColor\"/>\n", left + 12, y);
        km_svg_label(out, left + 19, y + 4, (km_face){.size = 11}, ticks[i].text);
    }
    if (colour->label)
        km_svg_label(out, left + 62, top + height / 2, (km_face){.anchor = KM_MIDDLE, .size = 12, .turn = -90},
                     colour->label);
}
