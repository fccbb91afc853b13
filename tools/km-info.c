/* SPDX-License-Identifier: MIT
 * km-info: what a stream, weights, a data set or a trajectory holds. Facts are gathered as one JSON value, which is
 * printed as it is or as lines of text. */
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "formats/traj.h"
#include "lib/base/io.h"
#include "lib/base/mem.h"
#include "lib/base/opt.h"
#include "lib/chem/residues.h"
#include "lib/chem/skeleton.h"
#include "lib/model/checkpoint.h"
#include "tools/source.h"

static struct {
    bool json, verify;
} o;

static const km_opt table[] = {{"json", 0, KM_OPT_FLAG, &o.json, NULL, "print JSON"},
                               {"verify", 0, KM_OPT_FLAG, &o.verify, NULL, "read everything and check every checksum"},
                               {0}};
static const km_program program = {"km-info",
                                   "[--json] [--verify] [FILE]",
                                   "Say what a stream, weights, a data set or a trajectory file holds.",
                                   table,
                                   0,
                                   1};

static void put(json_t *to, const char *key, json_t *value)
{
    json_object_set_new(to, key, value ? value : json_string("?"));
}
static void put_int(json_t *to, const char *key, int64_t v) { put(to, key, json_integer(v)); }
static void put_text(json_t *to, const char *key, const char *v)
{
    if (v && *v) put(to, key, json_string(v));
}

/* What is known of one trajectory so far. */
typedef struct series {
    int64_t frames, given, first, last, step;
    bool even;
} series;

static void add_time(series *s, int64_t fs, bool given)
{
    int64_t step = s->frames ? fs - s->last : 0;
    if (s->frames == 0) s->first = fs, s->even = true;
    if (s->frames == 1) s->step = step;
    if (s->frames > 1 && step != s->step) s->even = false;
    s->last = fs;
    s->frames++;
    s->given += given;
}

static json_t *show_series(const series *s, int index)
{
    json_t *j = json_object();
    if (index >= 0) put_int(j, "trajectory", index);
    put_int(j, "frames", s->frames);
    if (s->frames == 0) return j;
    if (index >= 0) put_int(j, "given", s->given);
    put(j, "first_ns", json_real(km_ns_of_fs(s->first)));
    put(j, "last_ns", json_real(km_ns_of_fs(s->last)));
    if (s->frames > 1) put(j, "step_ns", s->even ? json_real(km_ns_of_fs(s->step)) : json_string("uneven"));
    return j;
}

/* One-letter codes of a polymer, X for what has none. */
static json_t *show_sequence(const km_system *s, const km_chain *c)
{
    char *letters = km_calloc((size_t)c->n_residues + 1, 1);
    for (int32_t i = 0; i < c->n_residues; i++) {
        const km_component *known = km_chem_component(s->residues[c->first_residue + i].name);
        letters[i] = known && known->letter ? known->letter : 'X';
    }
    json_t *text = json_string(letters);
    free(letters);
    return text;
}

static void put_skeleton(json_t *row, uint64_t key)
{
    char text[17];
    snprintf(text, sizeof text, "%016llx", (unsigned long long)key);
    put_text(row, "skeleton", text);
}

static json_t *show_system(const km_system *s)
{
    static const char *const types[] = {"protein", "dna", "rna", "nonpolymer"};
    json_t *j = json_object(), *chains = json_array(), *records = json_array();
    put_text(j, "name", s->name);
    if (s->family[0]) put_text(j, "family", s->family);
    put_int(j, "atoms", s->n_atoms);
    put_int(j, "residues", s->n_residues);
    put_int(j, "tokens", s->n_tokens);
    put_int(j, "bonds", s->n_bonds);
    put_int(j, "method", s->method);
    for (int32_t i = 0; i < s->n_chains; i++) {
        const km_chain *c = &s->chains[i];
        json_t *row = json_object();
        int64_t atoms = 0;
        for (int32_t r = c->first_residue; r < c->first_residue + c->n_residues; r++) atoms += s->residues[r].n_atoms;
        put_text(row, "name", c->name);
        put_text(row, "type", types[c->mol_type]);
        put_int(row, "residues", c->n_residues);
        put_int(row, "atoms", atoms);
        if (c->mol_type != KM_NONPOLYMER) put(row, "sequence", show_sequence(s, c));
        else put_skeleton(row, km_chem_skeleton(s, i));
        json_array_append_new(chains, row);
    }
    put(j, "chains", chains);
    for (int32_t i = 0; i < s->n_provenance; i++) {
        const km_provenance *p = &s->provenance[i];
        json_t *row = json_object();
        put_text(row, "program", p->program);
        put_text(row, "version", p->version);
        put_text(row, "arguments", p->arguments);
        /* beyond 2^63 a number is not JSON that everybody reads */
        char seed[24];
        snprintf(seed, sizeof seed, "%llu", (unsigned long long)p->seed);
        put(row, "seed", p->seed <= INT64_MAX ? json_integer((json_int_t)p->seed) : json_string(seed));
        put_text(row, "weights", p->weights_name);
        put_text(row, "weights_path", p->weights_path);
        put_text(row, "weights_digest", p->weights_digest);
        put_text(row, "trunk_digest", p->trunk_digest);
        json_array_append_new(records, row);
    }
    put(j, "provenance", records);
    return j;
}

/* A system of a stream while its messages come. */
typedef struct scan {
    json_t *systems, *now, *others;
    series *rows;
    int n_rows;
} scan;

static void close_system(scan *s, bool ended)
{
    if (!s->now) return;
    json_t *list = json_array();
    int64_t frames = 0;
    for (int i = 0; i < s->n_rows; i++) {
        frames += s->rows[i].frames;
        if (s->rows[i].frames) json_array_append_new(list, show_series(&s->rows[i], i));
    }
    put_int(s->now, "frames", frames);
    put(s->now, "trajectories", list);
    if (json_object_size(s->others)) json_object_set(s->now, "other_messages", s->others);
    put(s->now, "whole", json_boolean(ended));
    json_decref(s->others);
    s->now = s->others = NULL;
    s->n_rows = 0;
}

static void add_frame(scan *s, const km_frame *f)
{
    while (s->n_rows <= f->trajectory) {
        s->rows = km_realloc(s->rows, (size_t)(s->n_rows + 1) * sizeof *s->rows);
        s->rows[s->n_rows++] = (series){0};
    }
    add_time(&s->rows[f->trajectory], f->time_fs, f->given);
}

static void add_trunk(scan *s, const km_trunk_result *t)
{
    json_t *j = json_object();
    put_int(j, "tokens", t->n_tokens);
    put_int(j, "token_s", t->token_s);
    put_int(j, "token_z", t->token_z);
    put_int(j, "recycles", t->recycles);
    put_text(j, "weights", t->weights_name);
    put_text(j, "weights_digest", t->weights_digest);
    put_text(j, "trunk_digest", t->trunk_digest);
    put(s->now, "trunk", j);
}

static void add_msa(scan *s, const km_msa *m)
{
    json_t *j = json_object();
    int64_t paired = 0, deletions = 0;
    for (int64_t i = 0; i < (int64_t)m->n_rows * m->n_tokens; i++) deletions += m->deletions[i] > 0;
    for (int32_t row = 0; row < m->n_rows; row++)
        paired += m->n_tokens && memchr(m->paired + (size_t)row * (size_t)m->n_tokens, 1, (size_t)m->n_tokens);
    put_int(j, "rows", m->n_rows);
    put_int(j, "paired_rows", paired);
    put_int(j, "places_with_deletions", deletions);
    put(s->now, "msa", j);
}

static void add_templates(scan *s, const km_templates *t)
{
    json_t *j = json_object(), *covered = json_array();
    for (int32_t k = 0; k < t->n_templates; k++) {
        int64_t n = 0;
        for (int32_t i = 0; i < t->n_tokens; i++) n += t->mask[(int64_t)k * t->n_tokens + i] > 0;
        json_array_append_new(covered, json_integer(n));
    }
    put_int(j, "templates", t->n_templates);
    put(j, "tokens_covered", covered);
    put(s->now, "templates", j);
}

static void add_message(scan *s, const km_msg *m)
{
    switch (m->type) {
    case KM_MSG_SYSTEM:
        s->now = show_system(m->system);
        s->others = json_object();
        json_array_append_new(s->systems, s->now);
        break;
    case KM_MSG_MSA:
        add_msa(s, m->msa);
        break;
    case KM_MSG_TEMPLATES:
        add_templates(s, m->templates);
        break;
    case KM_MSG_TRUNK:
        add_trunk(s, m->trunk);
        break;
    case KM_MSG_FRAME:
        add_frame(s, &m->frame);
        break;
    case KM_MSG_END:
        close_system(s, true);
        break;
    case KM_MSG_OTHER:
        put_int(s->others, m->raw_kind, json_integer_value(json_object_get(s->others, m->raw_kind)) + 1);
        break;
    }
}

static km_status info_stream(const char *path, json_t *top, km_err *err)
{
    km_source *r;
    KM_TRY(km_source_open(path, &r, err));
    scan s = {.systems = json_array()};
    km_msg m;
    km_status status;
    while ((status = km_source_next(r, &m, err)) == 1) {
        add_message(&s, &m);
        if (km_interrupted()) {
            status = km_fail(err, KM_INTERRUPTED, "interrupted");
            break;
        }
    }
    close_system(&s, false);
    const km_h5md *h5 = km_source_h5md(r);
    put_text(top, "kind", h5 ? "h5md" : "stream");
    if (h5) {
        put_text(top, "set", km_h5md_set(h5));
        put_text(top, "license", km_h5md_license(h5));
    } else {
        km_reader_stats stats = km_source_stats(r);
        put_int(top, "messages", stats.messages);
        put_int(top, "bytes", stats.bytes);
        put_int(top, "plain_bytes", stats.plain_bytes);
    }
    put(top, "systems", s.systems);
    free(s.rows);
    km_source_close(r);
    return status;
}

/* With --verify every number of the weights must be one. */
static km_status check_finite(const char *path, const km_checkpoint *c, int i, km_err *err)
{
    const km_st_tensor *t = &c->tensors[i];
    float *x = km_checkpoint_f32(c, i);
    km_status status = KM_OK;
    for (size_t k = 0; k < t->bytes / km_dtype_size(t->dtype) && status == KM_OK; k++)
        if (!isfinite(x[k]))
            status = km_fail(err, KM_INPUT, "%s: tensor '%.80s': element %zu is not finite", path, t->name, k);
    free(x);
    return status;
}

static km_status info_weights(const char *path, json_t *top, km_err *err)
{
    km_checkpoint *c;
    KM_TRY(km_checkpoint_open(path, &c, err));
    json_t *meta = json_object(), *tensors = json_array();
    int64_t elements = 0;
    km_status status = KM_OK;
    if (o.verify && c->torch && (status = km_torch_verify(c->torch, err)) < 0) km_fail_in(err, path);
    for (int i = 0; i < c->n; i++) {
        const km_st_tensor *t = &c->tensors[i];
        json_t *row = json_object(), *shape = json_array();
        for (int d = 0; d < t->nd; d++) json_array_append_new(shape, json_integer(t->shape[d]));
        put_text(row, "name", t->name);
        put_text(row, "dtype", km_dtype_name(t->dtype));
        put(row, "shape", shape);
        json_array_append_new(tensors, row);
        elements += (int64_t)(t->bytes / km_dtype_size(t->dtype));
        if (o.verify && status == KM_OK) status = check_finite(path, c, i, err);
    }
    for (int i = 0; i < c->n_meta; i++) put_text(meta, c->meta[i].key, c->meta[i].value);
    put_text(top, "kind", c->torch ? "pytorch" : "safetensors");
    put_int(top, "parameters", elements);
    put_int(top, "n_tensors", c->n);
    put(top, "metadata", meta);
    put(top, "tensors", tensors);
    km_checkpoint_close(c);
    return status;
}

static km_status info_trajectory(const char *path, json_t *top, km_err *err)
{
    km_traj *t;
    KM_TRY(km_traj_open(path, &t, err));
    series s = {0};
    float *coords = KM_NEWN(float, 3 * (size_t)km_traj_atoms(t));
    km_status status = KM_OK;
    int64_t n = km_traj_frames(t), fs = 0;
    for (int64_t i = 0; i < n && status == KM_OK; i++) {
        status = km_traj_read(t, i, coords, &fs, NULL, err);
        if (status == KM_OK) add_time(&s, fs, false);
        if (km_interrupted()) status = km_fail(err, KM_INTERRUPTED, "interrupted");
    }
    put_text(top, "kind", km_traj_kind_name(km_traj_get_kind(t)));
    put_int(top, "atoms", km_traj_atoms(t));
    if (*km_traj_note(t)) put_text(top, "note", km_traj_note(t));
    if (km_traj_timed(t)) put(top, "times", show_series(&s, -1));
    else put_int(top, "frames", n);
    if (status == KM_OK && km_traj_truncated(t))
        status = km_fail(err, KM_INPUT, "%s: truncated: the file ends inside frame %lld", path, (long long)n);
    free(coords);
    km_traj_close(t);
    return status;
}

static void print_row(const json_t *row)
{
    const char *key, *between = "";
    json_t *v;
    json_object_foreach((json_t *)row, key, v)
    {
        char *text = json_is_string(v) ? NULL : json_dumps(v, JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(12));
        printf("%s%s %s", between, key, text ? text : json_string_value(v));
        between = ", ";
        free(text);
    }
    putchar('\n');
}

static void print_text(const json_t *top, int indent)
{
    const char *key;
    json_t *v, *item;
    size_t i;
    json_object_foreach((json_t *)top, key, v)
    {
        printf("%*s%s:", indent, "", key);
        if (json_is_object(v)) {
            putchar(' ');
            print_row(v);
        } else if (json_is_array(v)) {
            putchar('\n');
            json_array_foreach(v, i, item)
            {
                if (!strcmp(key, "systems")) {
                    print_text(item, indent + 2);
                } else {
                    printf("%*s", indent + 2, "");
                    print_row(item);
                }
            }
        } else {
            char *text = json_is_string(v) ? NULL : json_dumps(v, JSON_ENCODE_ANY);
            printf(" %s\n", text ? text : json_string_value(v));
            free(text);
        }
    }
}

/* By the first bytes; what is nothing else is taken for a stream, whose reader says what is wrong with it. */
static km_status info_file(const char *path, json_t *top, km_err *err)
{
    FILE *f;
    struct stat st;
    uint8_t head[KM_TRAJ_HEAD] = {0};
    size_t n = 0;
    KM_TRY(km_input_open(path, &f, err));
    if (f != stdin && fstat(fileno(f), &st) == 0 && S_ISREG(st.st_mode)) n = fread(head, 1, sizeof head, f);
    km_input_close(f);
    const km_traj_kind kind = km_traj_kind_of(head, n);
    if (!kind && (km_torch_is(head, n) || (n > 8 && head[8] == '{'))) return info_weights(path, top, err);
    if (!kind || (kind == KM_TRAJ_H5 && km_h5md_is(path))) return info_stream(path, top, err);
    return info_trajectory(path, top, err);
}

int main(int argc, char **argv)
{
    km_cli cli;
    km_err err = {0};
    km_cli_start(&cli, &program, argc, argv);
    json_t *top = json_object();
    km_status status = info_file(cli.n_operands ? cli.operands[0] : NULL, top, &err);
    if (status == KM_OK && o.verify) put(top, "verified", json_true());
    if (json_object_size(top)) {
        if (o.json) json_dumpf(top, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(12));
        if (o.json) putchar('\n');
        else print_text(top, 0);
    }
    json_decref(top);
    return km_cli_end(&cli, status, &err);
}
