/* SPDX-License-Identifier: MIT */
#include "lib/chem/templates.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "formats/template.h"
#include "lib/base/mem.h"
#include "lib/chem/match.h"
#include "lib/chem/residues.h"

/* A protein chain of the system: letters by the place in its sequence, X where nothing is known. */
typedef struct query {
    int32_t chain, n;
    char *letters;  /* [n] */
    int32_t *token; /* [n], -1: none */
} query;

typedef struct builder {
    const km_system *s;
    km_library *library;
    const km_template_request *request;
    const km_template *file;
    query *queries; /* [n_queries] the proteins */
    int n_queries;
    km_templates *out;
    int32_t row;
} builder;

static void make_query(const km_system *s, int32_t chain, query *q)
{
    const km_chain *c = &s->chains[chain];
    *q = (query){.chain = chain};
    for (int32_t r = c->first_residue; r < c->first_residue + c->n_residues; r++)
        if (s->residues[r].index >= q->n) q->n = s->residues[r].index + 1;
    q->letters = memset(km_alloc((size_t)q->n + 1), 'X', (size_t)q->n);
    q->letters[q->n] = 0;
    q->token = KM_NEWN(int32_t, (size_t)q->n + 1);
    for (int32_t i = 0; i < q->n; i++) q->token[i] = -1;
    for (int32_t t = 0; t < s->n_tokens; t++) {
        const km_residue *r = &s->residues[s->tokens[t].residue];
        const km_component *k = km_chem_component_of_class(s->tokens[t].res_type);
        if (r->chain != chain || r->index < 0) continue;
        q->token[r->index] = t;
        q->letters[r->index] = k && k->letter ? k->letter : 'X';
    }
}

static const km_template_atom *find_atom(const km_template *f, const km_template_residue *r, const char *name)
{
    for (int32_t i = r->first_atom; i < r->first_atom + r->n_atoms; i++)
        if (!strcmp(f->atoms[i].name, name)) return &f->atoms[i];
    return NULL;
}

static void put_position(float *to, const km_template_atom *opt_a)
{
    if (opt_a) memcpy(to, opt_a->pos, 3 * sizeof *to);
}

/* Axes in columns: along CA-C, N's side at a right angle to it, and their product. */
static void put_frame(float rot[9], const float *n, const float *ca, const float *c)
{
    double e1[3], e2[3], along = 0, length1 = 0, length2 = 0;
    for (int k = 0; k < 3; k++) {
        e1[k] = (double)c[k] - ca[k], e2[k] = (double)n[k] - ca[k];
        length1 += e1[k] * e1[k];
    }
    for (int k = 0; k < 3; k++) {
        e1[k] /= sqrt(length1) + 1e-10;
        along += e1[k] * e2[k];
    }
    for (int k = 0; k < 3; k++) {
        e2[k] -= along * e1[k];
        length2 += e2[k] * e2[k];
    }
    for (int k = 0; k < 3; k++) e2[k] /= sqrt(length2) + 1e-10;
    for (int k = 0; k < 3; k++) {
        int i = (k + 1) % 3, j = (k + 2) % 3;
        rot[3 * k] = (float)e1[k], rot[3 * k + 1] = (float)e2[k];
        rot[3 * k + 2] = (float)(e1[i] * e2[j] - e1[j] * e2[i]);
    }
}

/* A residue of the file onto a token of the query. */
static km_status put_residue(builder *b, int32_t token, const km_template_residue *r, km_err *err)
{
    km_templates *o = b->out;
    size_t at = (size_t)b->row * (size_t)o->n_tokens + (size_t)token;
    float *rot = o->frame_rot + 9 * at;
    bool standard = true;
    const km_component *c = km_chem_component(strcmp(r->name, "MSE") ? r->name : "MET");
    if (!c || c->mol_type != KM_PROTEIN) {
        standard = false;
        if (km_library_residue(b->library, r->name, &c, err) < 0) return km_fail_in(err, b->request->path);
        if (c->n_atoms == 0) return km_fail(err, KM_INPUT, "%s: %s has no atoms", b->request->path, r->name);
    }
    const km_template_atom *center = find_atom(b->file, r, c->atoms[standard ? c->center : 0].name),
                           *repr = find_atom(b->file, r, c->atoms[standard ? c->repr : 0].name),
                           *n = find_atom(b->file, r, "N"), *carbon = find_atom(b->file, r, "C");
    o->restype[at] = standard ? c->res_type : km_chem_component("UNK")->res_type;
    o->mask[at] = 1;
    o->mask_cb[at] = repr != NULL;
    memset(o->cb + 3 * at, 0, 3 * sizeof(float)), memset(o->ca + 3 * at, 0, 3 * sizeof(float));
    memset(o->frame_t + 3 * at, 0, 3 * sizeof(float)), memset(rot, 0, 9 * sizeof(float));
    put_position(o->cb + 3 * at, repr);
    put_position(o->ca + 3 * at, center);
    o->mask_frame[at] = standard && n && center && carbon;
    rot[0] = rot[4] = rot[8] = 1;
    if (o->mask_frame[at]) {
        put_position(o->frame_t + 3 * at, center);
        put_frame(rot, n->pos, center->pos, carbon->pos);
    }
    return KM_OK;
}

/* A chain of the file onto a chain of the query, at the best offset. */
static km_status lay(builder *b, const query *q, const km_template_chain *part, km_err *err)
{
    int32_t offset;
    bool covered = false;
    if (km_match_offset(q->letters, part->letters, &offset) == 0) return KM_OK;
    for (int32_t i = 0; i < q->n; i++) {
        int32_t k = i + offset;
        if (q->token[i] < 0 || k < 0 || k >= part->n_residues) continue;
        KM_TRY(put_residue(b, q->token[i], &b->file->residues[part->first_residue + k], err));
        covered = true;
    }
    for (int32_t t = 0; t < b->s->n_tokens && covered; t++)
        if (b->s->residues[b->s->tokens[t].residue].chain == q->chain)
            b->out->visibility_ids[(size_t)b->row * (size_t)b->out->n_tokens + (size_t)t] = b->row;
    return KM_OK;
}

static const query *find_query(const builder *b, const char *name)
{
    for (int i = 0; i < b->n_queries; i++)
        if (!strcmp(b->s->chains[b->queries[i].chain].name, name)) return &b->queries[i];
    return NULL;
}

static const km_template_chain *find_part(const km_template *f, const char *name)
{
    for (int32_t i = 0; i < f->n_chains; i++)
        if (!strcmp(f->chains[i].name, name)) return &f->chains[i];
    return NULL;
}

/* The chains of the query and of the file that a request is about, all where it names none. */
static km_status choose(const builder *b, const query **queries, const km_template_chain **parts, km_err *err)
{
    const km_template_request *r = b->request;
    for (int i = 0; i < (r->n_chains ? r->n_chains : b->n_queries); i++) {
        queries[i] = r->n_chains ? find_query(b, r->chains[i]) : &b->queries[i];
        if (!queries[i])
            return km_fail(err, KM_USAGE, "template %.120s: there is no protein chain '%.20s'", r->path, r->chains[i]);
    }
    for (int i = 0; i < (r->n_parts ? r->n_parts : b->file->n_chains); i++) {
        parts[i] = r->n_parts ? find_part(b->file, r->parts[i]) : &b->file->chains[i];
        if (!parts[i])
            return km_fail(err, KM_USAGE, "template %.100s: it has no protein chain '%.20s' (but %s ...)", r->path,
                           r->parts[i], b->file->chains[0].name);
    }
    return KM_OK;
}

static void assign(const query *const *queries, int n, const km_template_chain *const *parts, int m, int32_t *part_of)
{
    int32_t *scores = KM_NEWN(int32_t, (size_t)n * (size_t)m + 1);
    for (int i = 0; i < n; i++)
        for (int j = 0; j < m; j++) scores[i * m + j] = km_match_global(queries[i]->letters, parts[j]->letters);
    km_match_assign(scores, n, m, part_of);
    free(scores);
}

static km_status add_file(builder *b, km_err *err)
{
    const km_template_request *r = b->request;
    int n = r->n_chains ? r->n_chains : b->n_queries, m = r->n_parts ? r->n_parts : b->file->n_chains;
    bool together = r->n_chains && r->n_parts;
    if (together && n != m)
        return km_fail(err, KM_USAGE, "template %.120s: %d chains, but %d of the file", r->path, n, m);
    const query **queries = KM_NEWN(const query *, (size_t)n + 1);
    const km_template_chain **parts = KM_NEWN(const km_template_chain *, (size_t)m + 1);
    int32_t *part_of = KM_NEWN(int32_t, (size_t)n + 1);
    km_status status = choose(b, queries, parts, err);
    for (int i = 0; i < n; i++) part_of[i] = i;
    if (status == KM_OK && !together) assign(queries, n, parts, m, part_of);
    for (int i = 0; i < n && status == KM_OK; i++)
        if (part_of[i] >= 0) status = lay(b, queries[i], parts[part_of[i]], err);
    free(queries), free(parts), free(part_of);
    return status;
}

/* The row of a request: that of the first one of the same file. */
static int32_t row_of(const km_template_request *requests, int i)
{
    int32_t row = 0;
    for (int k = 0; k < i; k++) {
        if (!strcmp(requests[k].path, requests[i].path)) return row_of(requests, k);
        bool first = true;
        for (int j = 0; j < k; j++) first &= strcmp(requests[j].path, requests[k].path) != 0;
        row += first;
    }
    return row;
}

static km_status add_all(builder *b, const km_template_request *requests, int n, km_err *err)
{
    for (int i = 0; i < n; i++) {
        km_template *file;
        KM_TRY(km_template_read(requests[i].path, &file, err));
        b->file = file, b->request = &requests[i], b->row = row_of(requests, i);
        km_status status = add_file(b, err);
        km_template_free(file);
        KM_TRY(status);
    }
    return KM_OK;
}

km_status km_chem_templates(const km_system *s, const km_template_request *requests, int n, km_library *l,
                            km_templates **ret, km_err *err)
{
    int32_t T = 0;
    *ret = NULL;
    if (n == 0) return KM_OK;
    if (n > KM_TEMPLATES_MAX) return km_fail(err, KM_USAGE, "%d templates: %d are the most", n, KM_TEMPLATES_MAX);
    for (int i = 0; i < n; i++)
        if (row_of(requests, i) >= T) T = row_of(requests, i) + 1;
    builder b = {.s = s, .library = l, .out = km_templates_new(T, s->n_tokens)};
    b.queries = KM_NEWN(query, (size_t)s->n_chains + 1);
    for (int32_t c = 0; c < s->n_chains; c++)
        if (s->chains[c].mol_type == KM_PROTEIN) make_query(s, c, &b.queries[b.n_queries++]);
    for (int32_t row = 0; row < T; row++)
        for (int32_t t = 0; t < s->n_tokens; t++)
            b.out->visibility_ids[(size_t)row * (size_t)s->n_tokens + (size_t)t] = -1 - s->tokens[t].asym_id;
    km_status status = add_all(&b, requests, n, err);
    for (int i = 0; i < b.n_queries; i++) free(b.queries[i].letters), free(b.queries[i].token);
    free(b.queries);
    if (status == KM_OK) *ret = b.out;
    else km_templates_free(b.out);
    return status;
}
