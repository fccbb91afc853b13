/* SPDX-License-Identifier: MIT
 * Figures of lines. */
#include <math.h>
#include <stdlib.h>

#include "lib/base/mem.h"
#include "lib/traj/kinetics.h"
#include "tools/eval_draw.h"

enum { LEFT = 56, WIDE = KM_FIGURE_WIDTH - LEFT - 16, HIGH = 250 };

static km_curve curve_of(const km_eval_row *row, const char *x, const char *y)
{
    const km_eval_array *values = km_eval_kept(row, y), *at = x ? km_eval_kept(row, x) : NULL;
    return (km_curve){.name = row->name, .x = at ? at->values : NULL, .y = values->values, .n = values->nx};
}

int km_curves_of(const km_eval *e, const char *x, const char *y, const char *md_x, const char *md_y,
                 km_curve out[KM_MOST_CURVES])
{
    int n = 0;
    for (int i = 0; i < e->n && n < KM_MOST_CURVES; i++) {
        const km_eval_row *row = &e->rows[i];
        if (!km_eval_kept(row, y) || row->kind != KM_EVAL_MODEL) continue;
        if (n == 0) {
            out[n] = curve_of(row, md_x, md_y);
            out[n].name = "MD", out[n++].look = (km_look){.colour = KM_INK};
        }
        out[n] = curve_of(row, x, y);
        out[n++].look = km_eval_look(e, row);
    }
    return n;
}

static void span(const km_curve *curves, int n, double x[2], double y[2])
{
    x[0] = y[0] = INFINITY, x[1] = y[1] = -INFINITY;
    for (int c = 0; c < n; c++)
        for (int i = 0; i < curves[c].n; i++) {
            double at = curves[c].x ? curves[c].x[i] : i + 1;
            x[0] = fmin(x[0], at), x[1] = fmax(x[1], at);
            y[0] = fmin(y[0], curves[c].y[i]), y[1] = fmax(y[1], curves[c].y[i]);
        }
}

static double legend(const km_curve *curves, int n, FILE *opt_out)
{
    km_entry entries[KM_MOST_CURVES] = {{0}};
    for (int c = 0; c < n; c++) entries[c] = (km_entry){curves[c].name, curves[c].look};
    return km_svg_legend(opt_out, LEFT, 0, WIDE, entries, n);
}

static void draw_curve(const km_panel *p, const km_curve *c)
{
    double *x = KM_NEWN(double, (size_t)c->n + 1);
    for (int i = 0; i < c->n; i++) x[i] = c->x ? c->x[i] : i + 1;
    km_panel_line(p, x, c->y, c->n, c->look);
    free(x);
}

km_status km_curves_draw(const km_curve *curves, int n, const char *title, const char *x_label, const char *y_label,
                         double low, FILE *out, km_err *err)
{
    double top = legend(curves, n, NULL) + 10, x[2], y[2];
    span(curves, n, x, y);
    km_svg_begin(out, KM_FIGURE_WIDTH, top + HIGH + 42, title);
    legend(curves, n, out);
    km_panel p = {out, LEFT, top, WIDE, HIGH, {.label = x_label}, {.label = y_label}, 12, 7, NULL};
    if (x[0] < x[1]) p.x.from = x[0], p.x.to = x[1];
    else km_axis_fit(&p.x, x[0], x[1]);
    double foot = isnan(low) ? y[0] : fmin(low, y[0]);
    km_axis_fit(&p.y, foot, y[1] + 0.02 * (y[1] - foot)); /* no line is hidden under the frame */
    km_panel_frame(&p);
    for (int c = n - 1; c >= 0; c--) draw_curve(&p, &curves[c]);
    return km_svg_end(out, err);
}

km_status km_draw_rmsf(const km_eval *e, FILE *out, km_err *err)
{
    km_curve curves[KM_MOST_CURVES];
    int n = km_curves_of(e, NULL, "rmsf", NULL, "md_rmsf", curves);
    return km_curves_draw(curves, n, "RMSF of CA along the sequence", "residue, counted", "RMSF, Å", 0, out, err);
}

static const char *time_label(const km_eval *e, const char *timed, const char *counted)
{
    for (int i = 0; i < e->n; i++)
        if (e->rows[i].dt == 0) return counted;
    return timed;
}

km_status km_draw_drift(const km_eval *e, FILE *out, km_err *err)
{
    km_curve curves[KM_MOST_CURVES];
    int n = km_curves_of(e, "drift_x", "drift", "md_drift_x", "md_drift", curves);
    return km_curves_draw(curves, n, "RMSD from the start structure", time_label(e, "time, ns", "time, ns or frames"),
                          "RMSD, Å", 0, out, err);
}

km_status km_draw_lag(const km_eval *e, FILE *out, km_err *err)
{
    km_curve curves[KM_MOST_CURVES];
    int n = km_curves_of(e, "lag_x", "lag", "md_lag_x", "md_lag", curves);
    return km_curves_draw(curves, n, "RMSD against the lag", "lag, ns", "RMSD, Å", 0, out, err);
}

/* The first row of two is Val-CA. */
km_status km_draw_sound(const km_eval *e, FILE *out, km_err *err)
{
    km_curve curves[KM_MOST_CURVES];
    int n = km_curves_of(e, NULL, "sound", NULL, "md_sound", curves);
    return km_curves_draw(curves, n, "Sound frames over time", "stretch of the trajectory", "Val-CA, % of frames", 0,
                          out, err);
}

/* -- kinetics */

/* The slowest three of each side against the lag, logarithmic. */
km_status km_draw_scales(const km_eval *e, FILE *out, km_err *err)
{
    enum { SHOWN = 3 };
    km_curve curves[KM_MOST_CURVES];
    int n = km_curves_of(e, "scale_lags", "scales", "scale_lags", "md_scales", curves);
    double low = INFINITY, high = 0, top = legend(curves, n, NULL) + 10;
    const km_eval_array *lags = NULL;
    for (int i = 0; i < e->n && !lags; i++) lags = km_eval_kept(&e->rows[i], "scale_lags");
    for (int c = 0; c < n; c++)
        for (int i = 0; i < lags->nx; i++)
            for (int k = 0; k < SHOWN; k++) {
                double v = curves[c].y[i * KM_KINETICS_SCALES + k];
                if (v > 0) low = fmin(low, v), high = fmax(high, v);
            }
    km_svg_begin(out, KM_FIGURE_WIDTH, top + HIGH + 42, "Implied time scales");
    legend(curves, n, out);
    km_panel p = {out, LEFT, top, WIDE, HIGH, {.label = "lag, ns"}, {.log = true, .label = "time scale, ns"},
                  12,  7,    NULL};
    km_axis_fit(&p.x, 0, lags->nx ? lags->values[lags->nx - 1] : NAN), km_axis_fit(&p.y, low, high);
    km_panel_frame(&p);
    for (int c = n - 1; c >= 0; c--)
        for (int k = 0; k < SHOWN; k++) {
            double *y = KM_NEWN(double, (size_t)curves[c].n *(size_t)lags->nx + 1);
            for (int i = 0; i < lags->nx; i++) y[i] = curves[c].y[i * KM_KINETICS_SCALES + k];
            km_look look = curves[c].look;
            look.dots = true;
            km_panel_line(&p, curves[c].x, y, curves[c].x ? lags->nx : 0, look);
            free(y);
        }
    return km_svg_end(out, err);
}

km_status km_draw_memory(const km_eval *e, FILE *out, km_err *err)
{
    km_curve curves[KM_MOST_CURVES];
    int n = km_curves_of(e, NULL, "acf", NULL, "md_acf", curves);
    return km_curves_draw(curves, n, "Autocorrelation of the slowest component", "lag, frames of the model and one",
                          "autocorrelation", 0, out, err);
}

/* Passage times of the model over those of the dynamics. */
km_status km_draw_passages(const km_eval *e, FILE *out, km_err *err)
{
    km_curve curves[KM_MOST_CURVES];
    int n = km_curves_of(e, "md_mfpt", "mfpt", "md_mfpt", "md_mfpt", curves);
    double low = INFINITY, high = 0;
    for (int c = 1; c < n; c++)
        for (int i = 0; i < curves[c].n * curves[c].n; i++) {
            if (!(curves[c].x[i] > 0 && curves[c].y[i] > 0)) continue;
            low = fmin(low, fmin(curves[c].x[i], curves[c].y[i]));
            high = fmax(high, fmax(curves[c].x[i], curves[c].y[i]));
        }
    double top = legend(curves + 1, n - 1, NULL) + 10, side = 320;
    km_svg_begin(out, KM_FIGURE_WIDTH, top + side + 42, "Mean first passage times");
    legend(curves + 1, n - 1, out);
    km_panel p = {out, LEFT, top, side, side, {.log = true, .label = "MD, ns"}, {.log = true, .label = "model, ns"},
                  6,   6,    NULL};
    km_axis_fit(&p.x, low, high), km_axis_fit(&p.y, low, high);
    km_panel_frame(&p);
    const double ends[2] = {p.x.from, p.x.to};
    km_panel_line(&p, ends, ends, 2, (km_look){.colour = KM_GREY, .dashed = true});
    for (int c = 1; c < n; c++)
        km_panel_points(&p, curves[c].x, curves[c].y, curves[c].n * curves[c].n, curves[c].look);
    return km_svg_end(out, err);
}

/* -- ligands */

km_status km_draw_touching(const km_eval *e, FILE *out, km_err *err)
{
    km_curve curves[KM_MOST_CURVES];
    int n = km_curves_of(e, NULL, "touching", NULL, "md_touching", curves);
    return km_curves_draw(curves, n, "Residues that touch the ligand", "residue, counted", "share of frames", 0, out,
                          err);
}

km_status km_draw_ways(const km_eval *e, FILE *out, km_err *err)
{
    km_curve curves[KM_MOST_CURVES], shown[2];
    double bounds[19];
    if (km_curves_of(e, NULL, "precision", NULL, "recall", curves) < 2) return KM_OK;
    for (int i = 0; i < 19; i++) bounds[i] = 1 + i * 0.5;
    shown[0] = curves[1], shown[1] = curves[0];
    shown[0].name = "precision", shown[1].name = "recall";
    shown[0].x = shown[1].x = bounds, shown[1].look = (km_look){.colour = KM_VERMILION};
    return km_curves_draw(shown, 2, "Precision and recall of frames", "within, Å", "share of frames", 0, out, err);
}
