/* SPDX-License-Identifier: MIT */
#include "lib/plot/panel.h"

#include <math.h>

static const double tick_size = 11, label_size = 12;

double km_panel_x(const km_panel *p, double v) { return p->left + p->width * km_axis_share(&p->x, v); }
double km_panel_y(const km_panel *p, double v) { return p->top + p->height * (1 - km_axis_share(&p->y, v)); }

static void x_axis(const km_panel *p)
{
    km_tick ticks[KM_TICKS];
    double foot = p->top + p->height;
    int n = p->x_ticks ? km_axis_ticks(&p->x, p->x_ticks, ticks) : 0;
    for (int i = 0; i < n; i++) {
        double x = km_panel_x(p, ticks[i].value);
        fprintf(p->out, "<path d=\"M%.1f %.1fv4\" stroke=\"currentColor\"/>\n", x, foot);
        if (!p->x.bare)
            km_svg_label(p->out, x, foot + 16, (km_face){.anchor = KM_MIDDLE, .size = tick_size}, ticks[i].text);
    }
    if (p->x.label)
        km_svg_label(p->out, p->left + p->width / 2, foot + (p->x.bare ? 18 : 32),
                     (km_face){.anchor = KM_MIDDLE, .size = label_size}, p->x.label);
}

static void y_axis(const km_panel *p)
{
    km_tick ticks[KM_TICKS];
    int n = p->y_ticks ? km_axis_ticks(&p->y, p->y_ticks, ticks) : 0;
    for (int i = 0; i < n; i++) {
        double y = km_panel_y(p, ticks[i].value);
        fprintf(p->out, "<path d=\"M%.1f %.1fh-4\" stroke=\"currentColor\"/>\n", p->left, y);
        if (!p->y.bare)
            km_svg_label(p->out, p->left - 7, y + 4, (km_face){.anchor = KM_END, .size = tick_size}, ticks[i].text);
    }
    if (p->y.label)
        km_svg_label(p->out, p->left - (p->y.bare ? 10 : 42), p->top + p->height / 2,
                     (km_face){.anchor = KM_MIDDLE, .size = label_size, .turn = -90}, p->y.label);
}

void km_panel_frame(const km_panel *p)
{
    fprintf(p->out,
            "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" fill=\"none\" stroke=\"currentColor\"/>\n",
            p->left, p->top, p->width, p->height);
    x_axis(p);
    y_axis(p);
    if (p->title)
        km_svg_label(p->out, p->left + p->width / 2, p->top - 7,
                     (km_face){.anchor = KM_MIDDLE, .size = label_size, .bold = 1}, p->title);
}

static void end_path(const km_panel *p, km_look look)
{
    fprintf(p->out, "\" fill=\"none\" stroke=\"%s\" stroke-width=\"1.6\" stroke-linejoin=\"round\"%s/>\n",
            km_colour_name(look.colour), look.dashed ? " stroke-dasharray=\"5 3\"" : "");
}

void km_panel_line(const km_panel *p, const double *x, const double *y, int n, km_look look)
{
    bool on = false;
    fputs("<path d=\"M0 0", p->out); /* so that a path without points is a path */
    for (int i = 0; i < n; i++) {
        double px = km_panel_x(p, x[i]), py = km_panel_y(p, y[i]);
        bool drawn = !isnan(px) && !isnan(py);
        if (drawn) fprintf(p->out, "%c%.1f %.1f", on ? 'L' : 'M', px, py);
        on = drawn;
    }
    end_path(p, look);
    if (look.dots) km_panel_points(p, x, y, n, look);
}

void km_panel_points(const km_panel *p, const double *x, const double *y, int n, km_look look)
{
    fprintf(p->out, "<g fill=\"%s\">\n", km_colour_name(look.colour));
    for (int i = 0; i < n; i++) {
        double px = km_panel_x(p, x[i]), py = km_panel_y(p, y[i]);
        if (!isnan(px) && !isnan(py)) fprintf(p->out, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"2.5\"/>\n", px, py);
    }
    fputs("</g>\n", p->out);
}

/* The outline of a histogram from the foot and back to it. */
static void outline(const km_panel *p, double from, double to, const double *values, int n)
{
    double wide = (to - from) / n, foot = p->top + p->height;
    fprintf(p->out, "M%.1f %.1f", km_panel_x(p, from), foot);
    for (int i = 0; i < n; i++) {
        double middle = from + (i + 0.5) * wide;
        if (middle < p->x.from || middle > p->x.to || !isfinite(values[i])) continue;
        fprintf(p->out, "L%.1f %.1fH%.1f", km_panel_x(p, from + i * wide), km_panel_y(p, values[i]),
                km_panel_x(p, from + (i + 1) * wide));
    }
    fprintf(p->out, "V%.1f", foot);
}

void km_panel_steps(const km_panel *p, double from, double to, const double *values, int n, km_look look)
{
    if (look.filled) {
        fputs("<path d=\"", p->out);
        outline(p, from, to, values, n);
        fprintf(p->out, "Z\" fill=\"%s\" fill-opacity=\"0.3\"/>\n", km_colour_name(look.colour));
    }
    fputs("<path d=\"", p->out);
    outline(p, from, to, values, n);
    end_path(p, look);
}

void km_panel_bar(const km_panel *p, double from, double to, double y, km_look look)
{
    double left = km_panel_x(p, from), top = km_panel_y(p, y);
    if (isnan(top)) return;
    const char *colour = km_colour_name(look.colour);
    fprintf(p->out,
            "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" fill=\"%s\" fill-opacity=\"%g\" "
            "stroke=\"%s\"%s/>\n",
            left, top, km_panel_x(p, to) - left, p->top + p->height - top, colour, look.filled ? 0.3 : 1.0, colour,
            look.dashed ? " stroke-dasharray=\"5 3\"" : "");
}

static void rule(const km_panel *p, double x, double y, char way, double length)
{
    fprintf(p->out,
            "<path d=\"M%.1f %.1f%c%.1f\" stroke=\"currentColor\" stroke-opacity=\"0.5\" stroke-dasharray=\"1 3\"/>\n",
            x, y, way, length);
}

void km_panel_rule_x(const km_panel *p, double x) { rule(p, km_panel_x(p, x), p->top, 'v', p->height); }
void km_panel_rule_y(const km_panel *p, double y) { rule(p, p->left, km_panel_y(p, y), 'h', p->width); }
