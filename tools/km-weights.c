/* SPDX-License-Identifier: MIT
 * km-weights: what a file of weights holds, and other forms of it.
 * Contents: 1. which tensors  2. list and count  3. compare  4. convert */
#include <fnmatch.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/opt.h"
#include "lib/model/checkpoint.h"
#include "lib/model/model.h"

static struct {
    bool json;
    km_opt_list only;
    const char *dtype, *to, *toward, *output;
    double by, beta;
    bool beta_set;
} o = {.by = 0.5};

static const km_opt table[] = {
    {"json", 0, KM_OPT_FLAG, &o.json, NULL, "print JSON"},
    {"only", 0, KM_OPT_LIST, &o.only, "PATTERN",
     "tensors whose names fit (* any run of characters); may be given again"},
    {"dtype", 0, KM_OPT_CHOICE, &o.dtype, "TYPE", "convert: numbers with a fraction become f32, f16 or bf16",
     .choices = "f32|f16|bf16"},
    {"to", 0, KM_OPT_CHOICE, &o.to, "FORMAT", "convert: instead of what the name of the output says",
     .choices = "safetensors|pytorch"},
    {"toward", 0, KM_OPT_STRING, &o.toward, "FILE2", "convert: move numbers with a fraction toward those of FILE2"},
    {"by", 0, KM_OPT_DOUBLE, &o.by, "SHARE", "convert: of the way (0.5); below 0: away from FILE2", .min = -10,
     .max = 10},
    {"beta", 0, KM_OPT_DOUBLE, &o.beta, "X", "convert: the exponent of time, of weights that do not say it",
     .min = 0.01, .max = 4, .set = &o.beta_set},
    {"output", 'o', KM_OPT_STRING, &o.output, "FILE", "convert: write FILE"},
    {0}};
static const km_program program = {"km-weights", "list|convert|compare|count [options] FILE [FILE]",
                                   "List, convert, compare or count the tensors of weights.", table, 2, 3};

/* -- 1. which tensors */

static km_status open_weights(const char *name, km_checkpoint **ret, km_err *err)
{
    char *path;
    KM_TRY(km_model_find(name, &path, err));
    km_status status = km_checkpoint_open(path, ret, err);
    free(path);
    return status;
}

static bool chosen(const char *name)
{
    for (int i = 0; i < o.only.count; i++)
        if (fnmatch(o.only.items[i], name, FNM_NOESCAPE) == 0) return true;
    return o.only.count == 0;
}

static int64_t elements(const km_st_tensor *t) { return (int64_t)(t->bytes / km_dtype_size(t->dtype)); }

/* A second name for a parameter that is there under its first? */
static bool is_twin(const km_checkpoint *c, const char *name)
{
    char *other = strstr(name, ".output_projection.0.") ? km_params_alias(name) : NULL;
    bool twin = other && km_checkpoint_find(c, other);
    free(other);
    return twin;
}

/* -- 2. list and count */

static json_t *shape_json(const km_st_tensor *t)
{
    json_t *shape = json_array();
    for (int d = 0; d < t->nd; d++) json_array_append_new(shape, json_integer(t->shape[d]));
    return shape;
}

/* Metadata; what is JSON itself is shown so. */
static json_t *meta_json(const km_checkpoint *c)
{
    json_t *meta = json_object();
    for (int i = 0; i < c->n_meta; i++) {
        json_t *inner = *c->meta[i].value == '{' ? json_loads(c->meta[i].value, 0, NULL) : NULL;
        json_object_set_new(meta, c->meta[i].key, inner ? inner : json_string(c->meta[i].value));
    }
    return meta;
}

static void print_json(json_t *top)
{
    json_dumpf(top, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(12));
    putchar('\n');
    json_decref(top);
}

static void print_meta(const km_checkpoint *c)
{
    for (int i = 0; i < c->n_meta; i++) printf("%s: %s\n", c->meta[i].key, c->meta[i].value);
    if (c->problem.code) printf("no configuration: %s\n", c->problem.msg);
}

static km_status list(const km_checkpoint *c)
{
    json_t *tensors = json_array();
    if (!o.json) print_meta(c);
    for (int i = 0; i < c->n; i++) {
        const km_st_tensor *t = &c->tensors[i];
        if (!chosen(t->name)) continue;
        json_t *shape = shape_json(t);
        if (o.json) {
            json_array_append_new(tensors, json_pack("{s:s, s:s, s:O}", "name", t->name, "dtype",
                                                     km_dtype_name(t->dtype), "shape", shape));
        } else {
            char *text = json_dumps(shape, JSON_COMPACT);
            printf("%s %s %s\n", t->name, km_dtype_name(t->dtype), text);
            free(text);
        }
        json_decref(shape);
    }
    if (o.json)
        print_json(json_pack("{s:s, s:o, s:o}", "format", c->torch ? "pytorch" : "safetensors", "metadata",
                             meta_json(c), "tensors", tensors));
    else json_decref(tensors);
    return KM_OK;
}

/* Parameters by the first part of their names, each once. */
static km_status count(const km_checkpoint *c)
{
    json_t *modules = json_object();
    int64_t total = 0, tensors = 0;
    for (int i = 0; i < c->n; i++) {
        const km_st_tensor *t = &c->tensors[i];
        if (!chosen(t->name) || is_twin(c, t->name)) continue;
        char *module = km_asprintf("%.*s", (int)strcspn(t->name, "./"), t->name);
        int64_t before = json_integer_value(json_object_get(modules, module));
        json_object_set_new(modules, module, json_integer(before + elements(t)));
        total += elements(t);
        tensors++;
        free(module);
    }
    if (o.json) {
        print_json(json_pack("{s:I, s:I, s:o}", "parameters", (json_int_t)total, "n_tensors", (json_int_t)tensors,
                             "modules", modules));
        return KM_OK;
    }
    const char *key;
    json_t *v;
    json_object_foreach(modules, key, v) printf("%14lld  %s\n", (long long)json_integer_value(v), key);
    printf("%14lld  in %lld tensors\n", (long long)total, (long long)tensors);
    json_decref(modules);
    return KM_OK;
}

/* -- 3. compare */

typedef struct comparison {
    json_t *differences;
    int64_t same;
    void *scratch[2];
} comparison;

static void differ(comparison *d, const char *name, const char *how, double most)
{
    json_t *row = json_pack("{s:s, s:s}", "name", name, "how", how);
    if (most >= 0) json_object_set_new(row, "largest", isfinite(most) ? json_real(most) : json_string("not finite"));
    json_array_append_new(d->differences, row);
    if (o.json) return;
    printf("%s: %s", name, how);
    if (most >= 0) printf(", by at most %g", most);
    putchar('\n');
}

static double largest_difference(const km_checkpoint *a, int i, const km_checkpoint *b, int j)
{
    float *x = km_checkpoint_f32(a, i), *y = km_checkpoint_f32(b, j);
    double most = 0;
    for (int64_t k = 0; k < elements(&a->tensors[i]); k++) {
        double d = fabs((double)x[k] - y[k]);
        if (!(d <= most) && memcmp(&x[k], &y[k], sizeof *x) != 0) most = isnan(d) ? INFINITY : d;
    }
    free(x), free(y);
    return most;
}

static bool same_shape(const km_st_tensor *x, const km_st_tensor *y)
{
    return x->nd == y->nd && memcmp(x->shape, y->shape, (size_t)x->nd * sizeof *x->shape) == 0;
}

static void compare_pair(comparison *d, const km_checkpoint *a, int i, const km_checkpoint *b, int j)
{
    const km_st_tensor *x = &a->tensors[i], *y = &b->tensors[j];
    if (!same_shape(x, y)) {
        differ(d, x->name, "another shape", -1);
        return;
    }
    const void *p = km_checkpoint_data(a, i, &d->scratch[0]), *q = km_checkpoint_data(b, j, &d->scratch[1]);
    if (x->dtype == y->dtype && (x->bytes == 0 || memcmp(p, q, x->bytes) == 0)) {
        d->same++;
        return;
    }
    differ(d, x->name, x->dtype == y->dtype ? "other numbers" : "another type", largest_difference(a, i, b, j));
}

static km_status compare(const km_checkpoint *a, const km_checkpoint *b, km_err *err)
{
    comparison d = {.differences = json_array()};
    for (int i = 0, j = 0; i < a->n || j < b->n;) {
        int order = i == a->n ? 1 : j == b->n ? -1 : strcmp(a->tensors[i].name, b->tensors[j].name);
        const char *name = order <= 0 ? a->tensors[i].name : b->tensors[j].name;
        bool matters = chosen(name) && (order == 0 || !is_twin(order < 0 ? a : b, name));
        if (matters && order) differ(&d, name, order < 0 ? "only in the first" : "only in the second", -1);
        else if (matters) compare_pair(&d, a, i, b, j);
        i += order <= 0;
        j += order >= 0;
    }
    size_t n = json_array_size(d.differences);
    if (o.json) print_json(json_pack("{s:I, s:O}", "same", (json_int_t)d.same, "differences", d.differences));
    else printf("%lld tensors are the same, %zu differ\n", (long long)d.same, n);
    json_decref(d.differences);
    free(d.scratch[0]), free(d.scratch[1]);
    return n ? km_fail(err, KM_NEGATIVE, "%zu tensors differ", n) : KM_OK;
}

/* -- 4. convert */

typedef struct conversion {
    const km_checkpoint *c, *toward; /* toward NULL: numbers stay */
    km_st_tensor *tensors; /* data: the tensor of c that it comes from */
    int n;
    km_st_meta *meta;
    int n_meta;
    void *scratch, *converted;
} conversion;

static bool has_fraction(km_dtype t) { return t == KM_F32 || t == KM_F64 || t == KM_F16 || t == KM_BF16; }

static km_dtype wanted(km_dtype t)
{
    if (!o.dtype || !has_fraction(t)) return t;
    return strcmp(o.dtype, "f32") == 0 ? KM_F32 : strcmp(o.dtype, "f16") == 0 ? KM_F16 : KM_BF16;
}

static void move(const conversion *v, const km_st_tensor *from, float *x)
{
    const km_st_tensor *to = km_checkpoint_find(v->toward, from->name);
    float *y = km_checkpoint_f32(v->toward, (int)(to - v->toward->tensors));
    for (int64_t k = 0; k < elements(from); k++) x[k] = (float)(x[k] + o.by * ((double)y[k] - x[k]));
    free(y);
}

static const void *fetch(void *arg, const km_st_tensor *t)
{
    conversion *v = arg;
    const km_st_tensor *from = t->data;
    int i = (int)(from - v->c->tensors);
    const bool moves = v->toward && has_fraction(from->dtype);
    if (t->dtype == from->dtype && !moves) return km_checkpoint_data(v->c, i, &v->scratch);
    float *x = km_checkpoint_f32(v->c, i);
    if (moves) move(v, from, x);
    v->converted = km_realloc(v->converted, t->bytes);
    km_st_from_f32(x, (size_t)elements(from), t->dtype, v->converted);
    free(x);
    return v->converted;
}

/* name is taken over. */
static void add(conversion *v, char *name, const km_st_tensor *from)
{
    km_st_tensor *t = &v->tensors[v->n++];
    *t = *from;
    t->name = name;
    t->data = from;
    t->dtype = wanted(from->dtype);
    t->bytes = (size_t)elements(from) * km_dtype_size(t->dtype);
}

static void choose(conversion *v, bool torch)
{
    v->tensors = KM_NEWN(km_st_tensor, 2 * (size_t)v->c->n + 1);
    for (int i = 0; i < v->c->n; i++) {
        const km_st_tensor *t = &v->c->tensors[i];
        if (!chosen(t->name)) continue;
        add(v, torch ? km_checkpoint_export_name(v->c, t->name) : km_strdup(t->name), t);
        /* PyTorch's modules want both names of a layer that they hold twice */
        char *twin = torch && strstr(t->name, ".output_projection_linear.") ? km_params_alias(t->name) : NULL;
        if (twin && !km_checkpoint_find(v->c, twin)) add(v, km_checkpoint_export_name(v->c, twin), t);
        free(twin);
    }
}

/* Is every number written as it is? */
static bool keeps_numbers(const conversion *v)
{
    for (int i = 0; i < v->n; i++)
        if (v->tensors[i].dtype != ((const km_st_tensor *)v->tensors[i].data)->dtype) return false;
    return !v->toward;
}

/* Digests belong to the whole file with its own numbers. True: there is a model, and they are still to be made. */
static bool choose_meta(conversion *v)
{
    const km_checkpoint *c = v->c;
    bool whole = o.only.count == 0, stay = whole && keeps_numbers(v);
    v->meta = KM_NEWN(km_st_meta, c->n_meta + 3);
    for (int i = 0; i < c->n_meta; i++)
        if (stay || !strstr(c->meta[i].key, "digest")) v->meta[v->n_meta++] = c->meta[i];
    return whole && km_checkpoint_meta(c, "config") && !(stay && km_checkpoint_meta(c, "digest"));
}

/* Those of the model in this file. False: it is none. */
static bool add_digests(conversion *v, const km_cli *cli, const char *path, km_model **ret_model)
{
    km_err err = {0};
    if (km_model_open(path, NULL, ret_model, &err) < 0) {
        km_cli_say(cli, "no digests: %s", err.msg);
        return false;
    }
    v->meta[v->n_meta++] = (km_st_meta){"digest", (*ret_model)->digest};
    v->meta[v->n_meta++] = (km_st_meta){"trunk_digest", (*ret_model)->trunk_digest};
    return true;
}

/* Does the other file have all that moves? */
static km_status check_toward(const conversion *v, km_err *err)
{
    for (int i = 0; i < v->n; i++) {
        const km_st_tensor *t = v->tensors[i].data, *to = km_checkpoint_find(v->toward, t->name);
        if (has_fraction(t->dtype) && (!to || !same_shape(t, to) || !has_fraction(to->dtype)))
            return km_fail(err, KM_INPUT, "%s: no tensor %s of this shape", o.toward, t->name);
    }
    return KM_OK;
}

static bool to_torch(void)
{
    static const char *const ends[] = {".ckpt", ".pt", ".pth", ".bin", NULL};
    size_t n = strlen(o.output);
    if (o.to) return strcmp(o.to, "pytorch") == 0;
    for (const char *const *e = ends; *e; e++)
        if (n > strlen(*e) && strcmp(o.output + n - strlen(*e), *e) == 0) return true;
    return false;
}

static km_status write_out(conversion *v, bool torch, km_err *err)
{
    if (torch) return km_torch_write(o.output, v->tensors, v->n, KM_CHECKPOINT_META, v->meta, v->n_meta, fetch, v, err);
    return km_safetensors_write_with(o.output, v->tensors, v->n, v->meta, v->n_meta, fetch, v, err);
}

/* Digests of other numbers than the file's are known once these are written. */
static km_status convert(const km_cli *cli, const char *path, const km_checkpoint *c, const km_checkpoint *opt_toward,
                         km_err *err)
{
    conversion v = {.c = c, .toward = opt_toward};
    km_model *model = NULL;
    bool torch = to_torch();
    choose(&v, torch);
    bool asked = choose_meta(&v), same = keeps_numbers(&v);
    km_status status = opt_toward ? check_toward(&v, err) : KM_OK;
    if (status == KM_OK && asked && same) add_digests(&v, cli, path, &model);
    if (status == KM_OK) status = write_out(&v, torch, err);
    if (status == KM_OK && asked && !same && add_digests(&v, cli, o.output, &model)) status = write_out(&v, torch, err);
    km_model_free(model);
    for (int i = 0; i < v.n; i++) free((char *)v.tensors[i].name);
    free(v.tensors), free(v.meta), free(v.scratch), free(v.converted);
    return status;
}

/* What is asked for, before a file is opened. */
static km_status check_arguments(const km_cli *cli, km_err *err)
{
    const char *verb = cli->operands[0];
    bool two = strcmp(verb, "compare") == 0, makes = strcmp(verb, "convert") == 0;
    if (!two && !makes && strcmp(verb, "list") != 0 && strcmp(verb, "count") != 0)
        return km_fail(err, KM_USAGE, "'%.40s': list, convert, compare or count", verb);
    if (cli->n_operands != 2 + two) return km_fail(err, KM_USAGE, "%s takes %s", verb, two ? "two files" : "one file");
    if (makes && !o.output) return km_fail(err, KM_USAGE, "convert needs -o FILE");
    if (!makes && (o.output || o.dtype || o.to || o.toward || o.beta_set))
        return km_fail(err, KM_USAGE, "--output, --dtype, --to, --toward and --beta belong to convert");
    return KM_OK;
}

static km_status run(const km_cli *cli, km_err *err)
{
    km_checkpoint *c = NULL, *other = NULL;
    const char *verb = cli->operands[0];
    KM_TRY(check_arguments(cli, err));
    km_status status = open_weights(cli->operands[1], &c, err);
    const char *second = cli->n_operands == 3 ? cli->operands[2] : o.toward;
    if (status == KM_OK && o.beta_set) status = km_checkpoint_set_beta(c, o.beta, err);
    if (status == KM_OK && second) status = open_weights(second, &other, err);
    if (status == KM_OK)
        status = strcmp(verb, "list") == 0      ? list(c)
                 : strcmp(verb, "count") == 0   ? count(c)
                 : strcmp(verb, "compare") == 0 ? compare(c, other, err)
                                                : convert(cli, cli->operands[1], c, other, err);
    km_checkpoint_close(other);
    km_checkpoint_close(c);
    return status;
}

int main(int argc, char **argv)
{
    km_cli cli;
    km_err err = {0};
    km_cli_start(&cli, &program, argc, argv);
    return km_cli_end(&cli, run(&cli, &err), &err);
}
