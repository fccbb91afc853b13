/* SPDX-License-Identifier: MIT
 * The results as JSON; km-eval(1) describes it. */
#include <jansson.h>
#include <math.h>
#include <string.h>

#include "tools/eval.h"

static json_t *number(double v) { return isnan(v) ? json_null() : json_real(v); }

static json_t *text(const char *s) { return s ? json_stringn_nocheck(s, strlen(s)) : json_null(); }

static json_t *metrics_of(const km_eval_panel *p)
{
    static const char *const better[] = {"low", "high", NULL};
    json_t *all = json_object();
    for (const km_metric *m = p->metrics; m->key; m++)
        json_object_set_new(all, m->key,
                            json_pack("{s:o, s:o, s:o}", "meaning", text(m->meaning), "unit", text(m->unit), "better",
                                      text(better[m->best])));
    for (const km_eval_over *o = p->over; o && o->key; o++)
        json_object_set_new(all, o->key, json_pack("{s:o, s:n, s:n}", "meaning", text(o->meaning), "unit", "better"));
    return all;
}

static json_t *row_of(const km_eval *e, const km_eval_row *r)
{
    static const char *const kinds[] = {"model", "replica", "reference", "baseline"};
    json_t *row = json_pack("{s:o, s:s, s:o, s:I, s:i, s:o}", "name", text(r->name), "kind", kinds[r->kind], "file",
                            text(r->path), "frames", (json_int_t)r->frames, "atoms", r->atoms, "dt_ps",
                            r->dt ? json_real((double)r->dt / 1000) : json_null());
    for (const km_metric *m = e->panel->metrics; m->key; m++)
        json_object_set_new(row, m->key, number(r->values[m - e->panel->metrics]));
    return row;
}

static json_t *target_of(const km_eval *e)
{
    json_t *rows = json_array(), *notes = json_array();
    for (int i = 0; i < e->n; i++) json_array_append_new(rows, row_of(e, &e->rows[i]));
    for (int i = 0; i < e->n_notes; i++) json_array_append_new(notes, text(e->notes[i]));
    return json_pack("{s:o, s:I, s:o, s:o}", "target", text(e->target->name), "reference_frames",
                     (json_int_t)e->ref_frames, "notes", notes, "rows", rows);
}

static json_t *published_of(const char *panel, const char *key)
{
    json_t *all = json_array();
    for (const km_published *p = km_published_values; p->panel; p++)
        if (!strcmp(p->panel, panel) && !strcmp(p->key, key))
            json_array_append_new(all, json_pack("{s:s, s:f, s:s, s:s}", "model", p->model, "value", p->value, "source",
                                                 p->source, "kind", km_published_kinds[p->kind]));
    return all;
}

static json_t *over_of(const km_eval_results *r, int panel)
{
    const km_eval_panel *p = r->panels[panel];
    const km_eval *const *results = r->results + panel * r->n_targets;
    json_t *all = json_object();
    for (const km_metric *m = p->metrics; m->key; m++) {
        int at = (int)(m - p->metrics);
        km_summary model = km_eval_summary(results, r->n_targets, KM_EVAL_MODEL, at);
        km_summary md = km_eval_summary(results, r->n_targets, KM_EVAL_REPLICA, at);
        json_object_set_new(all, m->key,
                            json_pack("{s:i, s:i, s:o, s:o, s:o, s:o, s:o}", "n", model.n, "nan", model.nan, "median",
                                      number(model.median), "mean", number(model.mean), "md_median", number(md.median),
                                      "md_mean", number(md.mean), "published", published_of(p->name, m->key)));
    }
    for (const km_eval_over *o = p->over; o && o->key; o++)
        json_object_set_new(all, o->key,
                            json_pack("{s:o, s:o}", "value", number(o->value(results, r->n_targets)), "published",
                                      published_of(p->name, o->key)));
    return all;
}

void km_eval_print_json(const km_eval_results *r, FILE *out)
{
    json_t *panels = json_array();
    for (int p = 0; p < r->n_panels; p++) {
        json_t *targets = json_array();
        for (int t = 0; t < r->n_targets; t++)
            json_array_append_new(targets, target_of(r->results[p * r->n_targets + t]));
        json_array_append_new(panels, json_pack("{s:s, s:o, s:o, s:o}", "panel", r->panels[p]->name, "metrics",
                                                metrics_of(r->panels[p]), "targets", targets, "over", over_of(r, p)));
    }
    json_t *all = json_pack("{s:i, s:o}", "schema", 1, "panels", panels);
    json_dumpf(all, out, JSON_INDENT(1) | JSON_REAL_PRECISION(10));
    fputc('\n', out);
    json_decref(all);
}
