/* SPDX-License-Identifier: MIT */
#include "lib/model/import.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/model/import_impl.h"

const km_family *km_import_family(const km_st_tensor *tensors, int n)
{
    const km_family *f;
    for (int k = 0; (f = km_family_at(k)); k++)
        for (int i = 0; f->opt_names && i < n; i++)
            if (km_import_begins(tensors[i].name, f->opt_names->known_by)) return f;
    return NULL;
}

static size_t numel(const km_st_tensor *t) { return t->bytes / km_dtype_size(t->dtype); }

/* t's tensor becomes f32 in memory of its own, with room for `more` elements behind it. */
static float *own(km_imported *t, km_st_tensor *x, size_t more)
{
    size_t n = numel(x);
    float *y = km_alloc((n + more + 1) * sizeof *y);
    km_st_to_f32(x, y);
    t->owned = km_realloc(t->owned, (size_t)(t->n_owned + 1) * sizeof *t->owned);
    t->owned[t->n_owned++] = y;
    x->data = y, x->dtype = KM_F32, x->bytes = n * sizeof *y;
    return y;
}

/* upper's rows, then lower's */
static km_status stack(km_imported *t, km_st_tensor *upper, const km_st_tensor *lower, km_err *err)
{
    bool fits = upper->nd == lower->nd && upper->nd > 0;
    for (int d = 1; fits && d < upper->nd; d++) fits = upper->shape[d] == lower->shape[d];
    if (!fits) return km_fail(err, KM_INPUT, "parameter '%s' has two parts of different shapes", upper->name);
    float *y = own(t, upper, numel(lower));
    km_st_to_f32(lower, y + numel(upper));
    upper->shape[0] += lower->shape[0];
    upper->bytes += numel(lower) * sizeof *y;
    return KM_OK;
}

static void change(km_imported *t, km_st_tensor *x, km_import_how how)
{
    if (how == KM_IMPORT_COLUMN && x->nd == 1) x->shape[x->nd++] = 1;
    if (how != KM_IMPORT_NEGATIVE && how != KM_IMPORT_LOG) return;
    float *y = own(t, x, 0);
    for (size_t i = 0; i < numel(x); i++) y[i] = how == KM_IMPORT_NEGATIVE ? -y[i] : y[i] < 0 ? logf(-y[i]) : -INFINITY;
}

/* One that was given so far under that name, or -1. */
static int half_of(const km_imported *t, const km_import_how *how, const char *name, km_import_how half)
{
    for (int i = 0; i < t->n; i++)
        if (how[i] == half && strcmp(t->tensors[i].name, name) == 0) return i;
    return -1;
}

static void drop(km_imported *t, km_import_how *how, int i)
{
    free((char *)t->tensors[i].name), free(t->names[i]);
    t->n--;
    t->tensors[i] = t->tensors[t->n], t->names[i] = t->names[t->n], how[i] = how[t->n];
}

static km_status join_halves(km_imported *t, km_import_how *how, km_err *err)
{
    for (int i = 0; i < t->n; i++) {
        if (how[i] != KM_IMPORT_FIRST) continue;
        int other = half_of(t, how, t->tensors[i].name, KM_IMPORT_SECOND);
        if (other < 0) return km_fail(err, KM_INPUT, "parameter '%s' is without its other half", t->names[i]);
        KM_TRY(stack(t, &t->tensors[i], &t->tensors[other], err));
        how[i] = KM_IMPORT_SAME;
        how[other] = KM_IMPORT_NEGATIVE; /* taken */
        t->tensors[other].nd = -1;
    }
    for (int i = t->n - 1; i >= 0; i--) {
        if (how[i] == KM_IMPORT_SECOND)
            return km_fail(err, KM_INPUT, "parameter '%s' is without its other half", t->names[i]);
        if (t->tensors[i].nd < 0) drop(t, how, i);
    }
    return KM_OK;
}

static km_status take(const km_import_names *names, const km_st_tensor *tensors, int n, km_imported *t,
                      km_import_how *how, km_err *err)
{
    const char *first = NULL;
    int surplus = 0;
    for (int i = 0; i < n; i++) {
        if (km_import_left(names, tensors[i].name)) continue;
        char *name = km_import_rewrite(names, tensors[i].name, &how[t->n]);
        if (!name) {
            if (!surplus++) first = tensors[i].name;
            continue;
        }
        t->tensors[t->n] = tensors[i];
        t->tensors[t->n].name = name;
        t->names[t->n] = km_strdup(tensors[i].name);
        change(t, &t->tensors[t->n], how[t->n]);
        t->n++;
    }
    if (surplus > 1)
        return km_fail(err, KM_INPUT, "parameter '%.180s' and %d more have no place in this model", first, surplus - 1);
    if (surplus) return km_fail(err, KM_INPUT, "parameter '%.180s' has no place in this model", first);
    return join_halves(t, how, err);
}

km_status km_import(const km_import_names *names, const km_st_tensor *tensors, int n, km_imported *ret, km_err *err)
{
    *ret = (km_imported){.tensors = KM_NEWN(km_st_tensor, (size_t)n + 1), .names = KM_NEWN(char *, (size_t)n + 1)};
    km_import_how *how = KM_NEWN(km_import_how, (size_t)n + 1);
    km_status status = take(names, tensors, n, ret, how, err);
    free(how);
    if (status < 0) km_imported_clear(ret);
    return status;
}

void km_imported_clear(km_imported *t)
{
    for (int i = 0; i < t->n; i++) free((char *)t->tensors[i].name), free(t->names[i]);
    for (int i = 0; i < t->n_owned; i++) free(t->owned[i]);
    free(t->tensors), free(t->names), free(t->owned);
    *t = (km_imported){0};
}
