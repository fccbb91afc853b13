/* SPDX-License-Identifier: MIT
 * What panels give, one by one and over targets. */
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/traj/stats.h"
#include "tools/eval.h"

void km_eval_note(km_eval *e, const char *fmt, ...)
{
    char text[400];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    for (int i = 0; i < e->n_notes; i++)
        if (!strcmp(e->notes[i], text)) return;
    e->notes = km_realloc(e->notes, (size_t)(e->n_notes + 1) * sizeof *e->notes);
    e->notes[e->n_notes++] = km_strdup(text);
}

km_eval_row *km_eval_add_row(km_eval *e, const char *name, km_eval_kind kind)
{
    int n = km_eval_metrics(e->panel);
    e->rows = km_realloc(e->rows, (size_t)(e->n + 1) * sizeof *e->rows);
    km_eval_row *row = &e->rows[e->n++];
    *row = (km_eval_row){.name = name, .kind = kind, .values = KM_NEWN(double, (size_t)n)};
    for (int i = 0; i < n; i++) row->values[i] = NAN;
    return row;
}

static void clear_rows(km_eval *e)
{
    for (int i = 0; i < e->n; i++) {
        km_eval_row *r = &e->rows[i];
        free(r->made), free(r->values), free(r->atom_pairs[0]), free(r->atom_pairs[1]);
        for (int k = 0; k < r->n_kept; k++) free(r->kept[k].values);
        free(r->kept);
        km_profile_clear(&r->profile);
    }
    free(e->rows);
    km_system_free(e->system);
    e->rows = NULL, e->n = 0, e->system = NULL;
}

void km_eval_clear(km_eval *e)
{
    clear_rows(e);
    for (int i = 0; i < e->n_notes; i++) free(e->notes[i]);
    free(e->notes);
    *e = (km_eval){0};
}

void km_eval_leave_out(km_eval *e, const char *why)
{
    clear_rows(e);
    km_eval_note(e, "left out: %s", why);
    e->left_out = true;
}

const km_eval_row *km_eval_reference(const km_eval *e)
{
    const km_eval_row *r = e->rows;
    while (r->kind != KM_EVAL_REFERENCE) r++;
    return r;
}

int km_eval_metrics(const km_eval_panel *p)
{
    int n = 0;
    while (p->metrics[n].key) n++;
    return n;
}

void km_eval_take(const km_eval_panel *p, km_eval_row *row, const void *filled)
{
    for (int i = 0; p->metrics[i].key; i++)
        memcpy(&row->values[i], (const char *)filled + p->metrics[i].at, sizeof(double));
}

double km_eval_value(const km_eval *e, const km_eval_row *row, const char *key)
{
    for (int i = 0; e->panel->metrics[i].key; i++)
        if (!strcmp(e->panel->metrics[i].key, key)) return row->values[i];
    return NAN;
}

/* The mean of a target's rows of this kind; NaN where there is none or one of them is. */
static double of_target(const km_eval *e, km_eval_kind kind, int metric)
{
    double sum = 0;
    int n = 0;
    for (int i = 0; i < e->n; i++)
        if (e->rows[i].kind == kind) sum += e->rows[i].values[metric], n++;
    return n ? sum / n : NAN;
}

km_summary km_eval_summary(const km_eval *const *results, int n, km_eval_kind kind, int metric)
{
    km_summary s = {0};
    double *values = KM_NEWN(double, (size_t)n);
    for (int i = 0; i < n; i++) {
        double v = of_target(results[i], kind, metric);
        if (isnan(v)) s.nan++;
        else values[s.n++] = v;
    }
    s.median = km_median(values, s.n), s.mean = km_mean(values, s.n);
    free(values);
    return s;
}

/* -- --fail-if */

typedef struct condition {
    const km_eval_panel *panel;
    int which, metric, over; /* the panel's place; one of these two, the other -1 */
    char relation[3];
    double bound;
} condition;

static bool find(const char *key, size_t length, const km_eval_panel *p, condition *c)
{
    c->metric = c->over = -1;
    for (int i = 0; p->metrics[i].key; i++)
        if (strlen(p->metrics[i].key) == length && !strncmp(p->metrics[i].key, key, length)) c->metric = i;
    for (int i = 0; p->over && p->over[i].key; i++)
        if (strlen(p->over[i].key) == length && !strncmp(p->over[i].key, key, length)) c->over = i;
    c->panel = p;
    return c->metric >= 0 || c->over >= 0;
}

static km_status parse(const char *text, const km_eval_panel *const *panels, int n, condition *ret, km_err *err)
{
    size_t length = strcspn(text, "<>");
    bool equal = text[length] && text[length + 1] == '=';
    char *end = NULL;
    if (text[length]) ret->bound = strtod(text + length + 1 + equal, &end);
    if (!end || *end || end == text + length + 1 + equal || !isfinite(ret->bound))
        return km_fail(err, KM_USAGE, "--fail-if '%.100s' is not KEY<NUMBER, KEY>NUMBER, KEY<=NUMBER or KEY>=NUMBER",
                       text);
    snprintf(ret->relation, sizeof ret->relation, "%c%s", text[length], equal ? "=" : "");
    for (ret->which = 0; ret->which < n; ret->which++)
        if (find(text, length, panels[ret->which], ret)) return KM_OK;
    return km_fail(err, KM_USAGE, "--fail-if: no panel that is asked for has a '%.*s'",
                   (int)(length < 60 ? length : 60), text);
}

static bool holds(double v, const condition *c)
{
    bool less = c->relation[0] == '<';
    if (v == c->bound) return c->relation[1] == '=';
    return less ? v < c->bound : v > c->bound;
}

km_status km_eval_check(const km_opt_list *conditions, const km_eval_panel *const *panels, int n_panels,
                        const km_eval *const *opt_results, int n_targets, km_err *err)
{
    for (int i = 0; i < conditions->count; i++) {
        condition c;
        KM_TRY(parse(conditions->items[i], panels, n_panels, &c, err));
        if (!opt_results) continue;
        const km_eval *const *results = opt_results + c.which * n_targets;
        double v = c.over >= 0 ? c.panel->over[c.over].value(results, n_targets)
                               : km_eval_summary(results, n_targets, KM_EVAL_MODEL, c.metric).median;
        if (isnan(v)) return km_fail(err, KM_NEGATIVE, "%s cannot be computed", conditions->items[i]);
        if (holds(v, &c)) return km_fail(err, KM_NEGATIVE, "%s: it is %g", conditions->items[i], v);
    }
    return KM_OK;
}
