/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/oracle/oracle.h"

static const km_st_tensor *find(const oracle_case *o, const char *name)
{
    const km_st_tensor *t = km_safetensors_find(o->file, name);
    return t && t->nd >= 1 && t->nd <= KM_MAX_DIMS ? t : NULL;
}

static km_dim count_of(const km_st_tensor *t)
{
    km_dim n = 1;
    for (int i = 0; i < t->nd; i++) n *= t->shape[i];
    return n;
}

float *oracle_floats(oracle_case *o, const char *name)
{
    const km_st_tensor *t = find(o, name);
    if (!t) return NULL;
    float *x = km_arena_get(o->cx->arena, (size_t)count_of(t) * sizeof *x);
    km_st_to_f32(t, x);
    return x;
}

km_tensor *oracle_tensor(oracle_case *o, const char *name)
{
    const km_st_tensor *t = find(o, name);
    km_dim shape[KM_MAX_DIMS];
    for (int i = 0; t && i < t->nd; i++) shape[i] = t->shape[i];
    return t ? km_tensor_of(o->cx, oracle_floats(o, name), t->nd, shape) : NULL;
}

int32_t *oracle_ints(oracle_case *o, const char *name)
{
    const float *x = oracle_floats(o, name);
    if (!x) return NULL;
    km_dim n = count_of(find(o, name));
    int32_t *y = km_arena_get(o->cx->arena, (size_t)n * sizeof *y);
    for (km_dim i = 0; i < n; i++) y[i] = (int32_t)lrintf(x[i]);
    return y;
}

km_dim oracle_size(const oracle_case *o, const char *name, int dim)
{
    const km_st_tensor *t = km_safetensors_find(o->file, name);
    return t && dim < t->nd ? t->shape[dim] : 0;
}

double oracle_number(const oracle_case *o, const char *key, double otherwise)
{
    const json_t *v = json_object_get(o->config, key);
    return json_is_number(v) ? json_number_value(v) : otherwise;
}

bool oracle_flag(const oracle_case *o, const char *key) { return json_is_true(json_object_get(o->config, key)); }

const char *oracle_word(const oracle_case *o, const char *key)
{
    const char *word = json_string_value(json_object_get(o->config, key));
    return word ? word : "";
}

void oracle_fail(oracle_case *o, const char *why)
{
    printf("%s  -  %s  FAIL\n", o->path, why);
    o->failed++;
}

const float *oracle_gradient(oracle_case *o, const km_tensor *x)
{
    km_tensor grad = *x;
    grad.data = km_grad(o->cx, x), grad.half = false;
    return km_read(o->cx, &grad);
}

/* The mask of NAME, and how many elements each of its entries stands for. */
static const float *mask_of(oracle_case *o, const char *name, km_dim count, km_dim *ret_each)
{
    char key[512];
    snprintf(key, sizeof key, "mask/%s", name);
    const float *mask = oracle_floats(o, key);
    *ret_each = mask ? count / count_of(find(o, key)) : 1;
    return mask;
}

void oracle_compare(oracle_case *o, const char *name, const float *got, km_dim count)
{
    km_mark mark = km_scope_begin(o->cx);
    km_dim each;
    const float *mask = mask_of(o, name, count, &each);
    oracle_compare_masked(o, name, got, count, mask, mask ? count / each : 0);
    km_arena_rewind(o->cx->arena, mark);
}

void oracle_compare_masked(oracle_case *o, const char *name, const float *got, km_dim count, const float *mask,
                           km_dim n_mask)
{
    km_mark start = km_scope_begin(o->cx);
    const float *want = oracle_floats(o, name);
    if (!want) return;
    km_dim wanted = count_of(find(o, name));
    o->seen[km_safetensors_find(o->file, name) - km_safetensors_at(o->file, 0)] = true;
    if (wanted != count) {
        printf("%s  %s  %lld numbers, not %lld  FAIL\n", o->path, name, (long long)count, (long long)wanted);
        o->failed++;
        return;
    }
    km_dim each = mask && n_mask ? count / n_mask : 1, used = 0;
    double worst = 0, squares = 0;
    for (km_dim i = 0; i < count; i++) {
        if (mask && mask[i / each] == 0) continue;
        double off = fabs((double)got[i] - want[i]);
        worst = off > worst || isnan(off) ? off : worst;
        if (isnan(worst)) break;
        squares += (double)want[i] * want[i];
        used++;
    }
    bool grad = strncmp(name, "grad/", 5) == 0;
    double floor = grad ? o->grad_floor : 1e-6, limit = grad ? o->grad_rtol : o->rtol;
    double relative = used ? worst / fmax(sqrt(squares / (double)used), floor) : 0;
    bool good = !isnan(worst) && relative <= limit;
    printf("%s  %s  %.3g  %.3g  %s\n", o->path, name, worst, relative, good ? "ok" : "FAIL");
    o->failed += !good;
    km_arena_rewind(o->cx->arena, start);
}

void oracle_compare_tensor(oracle_case *o, const char *name, const km_tensor *got, const float *opt_mask,
                           km_dim n_mask)
{
    const float *x = km_read(o->cx, got);
    if (opt_mask) oracle_compare_masked(o, name, x, km_numel(got), opt_mask, n_mask);
    else oracle_compare(o, name, x, km_numel(got));
}

static const float *floats_or_zero(oracle_case *o, const char *name, km_dim count)
{
    const float *x = oracle_floats(o, name);
    return x ? x : km_arena_zero(o->cx->arena, (size_t)count * sizeof(float));
}

static const int32_t *ints_or_zero(oracle_case *o, const char *name, km_dim count)
{
    const int32_t *x = oracle_ints(o, name);
    return x ? x : km_arena_zero(o->cx->arena, (size_t)count * sizeof(int32_t));
}

km_features *oracle_features(oracle_case *o)
{
    km_features *f = km_arena_zero(o->cx->arena, sizeof *f);
    f->A = oracle_size(o, "in/ref_pos", 0);
    static const char *const per_token[] = {"in/s", "in/res_type", "in/token_mask"};
    for (int i = 0; i < 3 && f->N == 0; i++) f->N = oracle_size(o, per_token[i], 0);
    f->token_mask = floats_or_zero(o, "in/token_mask", f->N);
    f->atom_mask = f->there = floats_or_zero(o, "in/atom_mask", f->A);
    int32_t *token = oracle_ints(o, "in/atom_to_token");
    for (km_dim a = 0; token && a < f->A; a++) token[a] = f->atom_mask[a] != 0 ? token[a] : -1;
    f->atom_token = token;
    f->ref_pos = floats_or_zero(o, "in/ref_pos", 3 * f->A);
    f->ref_charge = floats_or_zero(o, "in/ref_charge", f->A);
    f->ref_element = ints_or_zero(o, "in/ref_element", f->A);
    f->ref_name = ints_or_zero(o, "in/ref_atom_name", 4 * f->A);
    f->ref_space_uid = ints_or_zero(o, "in/ref_space_uid", f->A);
    f->asym_id = ints_or_zero(o, "in/asym_id", f->N);
    f->entity_id = ints_or_zero(o, "in/entity_id", f->N);
    f->sym_id = ints_or_zero(o, "in/sym_id", f->N);
    f->residue_index = ints_or_zero(o, "in/residue_index", f->N);
    f->token_index = ints_or_zero(o, "in/token_index", f->N);
    f->cyclic_period = ints_or_zero(o, "in/cyclic_period", f->N);
    f->res_type = ints_or_zero(o, "in/res_type", f->N);
    f->mol_type = ints_or_zero(o, "in/mol_type", f->N);
    f->modified = ints_or_zero(o, "in/modified", f->N);
    f->method = ints_or_zero(o, "in/method_feature", f->N);
    f->profile = floats_or_zero(o, "in/profile", 33 * f->N);
    f->deletion_mean = floats_or_zero(o, "in/deletion_mean", f->N);
    f->token_bonds = oracle_floats(o, "in/token_bonds");
    f->type_bonds = oracle_ints(o, "in/type_bonds");
    f->contact_conditioning = oracle_ints(o, "in/contact_conditioning");
    f->contact_threshold = oracle_floats(o, "in/contact_threshold");
    f->S = oracle_size(o, "in/msa", 0);
    f->msa = oracle_ints(o, "in/msa");
    f->has_deletion = oracle_floats(o, "in/has_deletion");
    f->deletion_value = oracle_floats(o, "in/deletion_value");
    f->msa_paired = oracle_floats(o, "in/msa_paired");
    f->msa_mask = oracle_floats(o, "in/msa_mask");
    f->n_templates = oracle_size(o, "in/template_restype", 0);
    f->template_restype = oracle_ints(o, "in/template_restype");
    f->visibility_ids = oracle_ints(o, "in/visibility_ids");
    f->template_frame_rot = oracle_floats(o, "in/template_frame_rot");
    f->template_frame_t = oracle_floats(o, "in/template_frame_t");
    f->template_cb = oracle_floats(o, "in/template_cb");
    f->template_ca = oracle_floats(o, "in/template_ca");
    f->template_mask_cb = oracle_floats(o, "in/template_mask_cb");
    f->template_mask_frame = oracle_floats(o, "in/template_mask_frame");
    f->template_mask = oracle_floats(o, "in/template_mask");
    return f;
}

bool oracle_config(oracle_case *o, km_config *c)
{
    if (km_config_parse_hyper(o->config_text, c, &o->err) == KM_OK) return true;
    oracle_fail(o, o->err.msg);
    return false;
}

/* param/NAME, where NAME may be another in Boltz-2's checkpoints than here */
static const km_st_tensor *find_param(const oracle_case *o, const char *name)
{
    static const char *const other[][2] = {{"rel_pos_encoder.", "rel_pos."},
                                           {"score_model.", "structure_module.score_model."},
                                           {"", ""}};
    for (int i = 0; i < 3; i++) {
        size_t n = strlen(other[i][0]);
        char key[512];
        if (strncmp(name, other[i][0], n)) continue;
        snprintf(key, sizeof key, "param/%s%s", other[i][1], name + n);
        const km_st_tensor *t = km_safetensors_find(o->file, key);
        if (t) return t;
    }
    return NULL;
}

/* A layer's ...output_projection.0 is its ...output_projection_linear once more, where that is there. */
static bool is_alias(const oracle_case *o, const char *name)
{
    static const char part[] = ".output_projection.0.";
    const char *at = strstr(name, part);
    char key[512];
    if (!at) return false;
    snprintf(key, sizeof key, "%.*s.output_projection_linear.%s", (int)(at - name), name, at + sizeof part - 1);
    return km_safetensors_find(o->file, key) != NULL;
}

bool oracle_fill_params(oracle_case *o, km_params *p)
{
    int given = 0, n = km_params_count(p), failed = o->failed;
    for (int i = 0; i < km_safetensors_count(o->file); i++)
        given += !strncmp(km_safetensors_at(o->file, i)->name, "param/", 6) &&
                 !is_alias(o, km_safetensors_at(o->file, i)->name);
    if (given > n) oracle_fail(o, "there are parameters that nobody asked for");
    for (int i = 0; i < n; i++) {
        const km_st_tensor *t = find_param(o, km_params_name(p, i));
        km_tensor *to = km_params_at(p, i);
        km_dim count = t ? 1 : 0;
        for (int d = 0; t && d < t->nd; d++) count *= t->shape[d];
        if (count == km_numel(to)) km_st_to_f32(t, to->data);
        else oracle_fail(o, km_params_name(p, i));
    }
    return o->failed == failed;
}
