/* SPDX-License-Identifier: MIT */
#include "lib/chem/msa.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/rng.h"
#include "lib/chem/residues.h"

enum { MAX_PAIRED = 8192, MAX_ROWS = 16384, UNKNOWN = 22 };

/* A row of a chain whose organism is known, and the rows that share one. */
typedef struct member {
    int32_t key, chain, row, order;
} member;
typedef struct group {
    int32_t first, count, n_chains, order;
} group;

typedef struct builder {
    const km_system *s;
    const km_alignment *const *of_chain;
    int32_t *class_of;    /* [R] class of a residue */
    int32_t *column;      /* [R] where an alignment has it */
    int32_t *next;        /* [C] the next row of those to be taken one after another */
    int32_t *pairing;     /* [MAX_ROWS, C] row of each chain, -1: gaps */
    uint8_t *paired;      /* [MAX_ROWS, C] */
    int32_t n_rows;
} builder;

int km_chem_msa_class(char letter)
{
    if (letter == '-') return KM_MSA_GAP;
    if (letter && strchr("XBJZOU", letter)) return UNKNOWN;
    const km_component *c = km_chem_component_of_letter(letter, KM_PROTEIN);
    return c ? c->res_type : -1;
}

static int32_t count_rows(const builder *b, int32_t chain)
{
    return b->of_chain[chain] ? b->of_chain[chain]->n_rows : 1;
}

/* May this letter of the query stand for a residue of this class? */
static bool stands_for(char letter, int class_)
{
    int of_letter = km_chem_msa_class(letter);
    bool met_for_unknown = of_letter == UNKNOWN && class_ == km_chem_msa_class('M');
    return of_letter == class_ || class_ == UNKNOWN || met_for_unknown;
}

/* Residues as columns, by their place in the whole sequence or one after another: how many fit before the first that
 * does not. */
static int32_t lay(builder *b, const km_chain *c, const km_alignment *a, bool by_index)
{
    for (int32_t i = 0; i < c->n_residues; i++) {
        int32_t r = c->first_residue + i, column = by_index ? b->s->residues[r].index : i;
        if (column < 0 || column >= a->n_columns || !stands_for(a->letters[column], b->class_of[r])) return i;
        b->column[r] = column;
    }
    return c->n_residues;
}

/* Are there coordinates? A chain that comes of a sequence alone lacks no residues. */
static bool is_placed(const km_system *s)
{
    for (int32_t i = 0; i < s->n_atoms; i++)
        if (s->atoms[i].present) return true;
    return false;
}

static km_status match_query(builder *b, int32_t chain, km_err *err)
{
    const km_chain *c = &b->s->chains[chain];
    const km_alignment *a = b->of_chain[chain];
    if (c->mol_type != KM_PROTEIN)
        return km_fail(err, KM_INPUT, "%s: an alignment for chain %.7s, which is no protein", a->name, c->name);
    bool longer = a->n_columns > c->n_residues && is_placed(b->s);
    int32_t fits = longer ? lay(b, c, a, true) : 0;
    bool by_index = fits == c->n_residues;
    if (!by_index && a->n_columns == c->n_residues) fits = lay(b, c, a, false), by_index = fits == c->n_residues;
    if (by_index) return KM_OK;
    if (a->n_columns != c->n_residues && !longer)
        return km_fail(err, KM_INPUT, "%s: its query is not chain %.7s: %d residues, the chain has %d", a->name,
                       c->name, a->n_columns, c->n_residues);
    const km_residue *r = &b->s->residues[c->first_residue + fits];
    int32_t column = longer ? r->index : fits;
    if (column >= a->n_columns)
        return km_fail(err, KM_INPUT, "%s: its query is not chain %.7s: it has no place for %.7s %d", a->name, c->name,
                       r->name, r->number);
    return km_fail(err, KM_INPUT, "%s: its query is not chain %.7s: it has %c where the chain has %.7s %d", a->name,
                   c->name, a->letters[column], r->name, r->number);
}

static int by_key(const void *x, const void *y)
{
    const member *p = x, *q = y;
    return p->key != q->key ? (p->key < q->key ? -1 : 1) : p->order < q->order ? -1 : p->order > q->order;
}

static int by_chains(const void *x, const void *y)
{
    const group *p = x, *q = y;
    return p->n_chains != q->n_chains ? (p->n_chains > q->n_chains ? -1 : 1)
                                      : p->order < q->order ? -1 : p->order > q->order;
}

static int32_t list_members(const builder *b, member **ret)
{
    int32_t n = 0, most = 0;
    for (int32_t c = 0; c < b->s->n_chains; c++) most += b->of_chain[c] ? b->of_chain[c]->n_rows : 0;
    member *all = KM_NEWN(member, (size_t)most + 1);
    for (int32_t c = 0; c < b->s->n_chains; c++)
        for (int32_t row = 0; b->of_chain[c] && row < b->of_chain[c]->n_rows; row++)
            if (b->of_chain[c]->keys[row] != -1) all[n] = (member){b->of_chain[c]->keys[row], c, row, n}, n++;
    qsort(all, (size_t)n, sizeof *all, by_key);
    *ret = all;
    return n;
}

/* Keys of two rows or more, most chains first. */
static int32_t list_groups(const member *all, int32_t n, group *out)
{
    int32_t n_groups = 0;
    for (int32_t i = 0, end; i < n; i = end) {
        group g = {.first = i, .n_chains = 1, .order = all[i].order};
        for (end = i + 1; end < n && all[end].key == all[i].key; end++)
            g.n_chains += all[end].chain != all[end - 1].chain;
        g.count = end - i;
        if (g.count < 2) continue;
        out[n_groups++] = g;
    }
    qsort(out, (size_t)n_groups, sizeof *out, by_chains);
    return n_groups;
}

/* The next row of a chain, or -1. */
static int32_t next_row(builder *b, int32_t chain)
{
    return b->next[chain] < count_rows(b, chain) ? b->next[chain]++ : -1;
}

/* A group's i-th combined row: a chain with fewer members begins again with its first. */
static void add_paired(builder *b, const member *m, int32_t count, int32_t i)
{
    int32_t C = b->s->n_chains, *row = b->pairing + (size_t)b->n_rows * (size_t)C;
    uint8_t *paired = b->paired + (size_t)b->n_rows++ * (size_t)C;
    for (int32_t k = 0, n; k < count; k += n) {
        for (n = 1; k + n < count && m[k + n].chain == m[k].chain;) n++;
        row[m[k].chain] = m[k + i % n].row;
        paired[m[k].chain] = 1;
    }
    for (int32_t c = 0; c < C; c++)
        if (!paired[c]) row[c] = next_row(b, c);
}

static void pair_rows(builder *b)
{
    member *all;
    int32_t n = list_members(b, &all);
    group *groups = KM_NEWN(group, (size_t)n / 2 + 1);
    int32_t n_groups = list_groups(all, n, groups);
    for (int32_t g = 0; g < n_groups && b->n_rows < MAX_PAIRED; g++) {
        const member *m = all + groups[g].first;
        int32_t most = 0;
        for (int32_t k = 0, run = 0; k < groups[g].count; k++) {
            run = k && m[k].chain == m[k - 1].chain ? run + 1 : 1;
            most = run > most ? run : most;
        }
        for (int32_t i = 0; i < most && b->n_rows < MAX_PAIRED; i++) add_paired(b, m, groups[g].count, i);
    }
    free(groups);
    free(all);
}

static void add_rest(builder *b)
{
    int32_t C = b->s->n_chains;
    for (bool some = true; some && b->n_rows < MAX_ROWS;) {
        int32_t *row = b->pairing + (size_t)b->n_rows * (size_t)C;
        some = false;
        for (int32_t c = 0; c < C; c++) row[c] = next_row(b, c), some |= row[c] >= 0;
        b->n_rows += some;
    }
}

static void combine(builder *b)
{
    int32_t C = b->s->n_chains;
    for (int32_t c = 0; c < C; c++) b->pairing[c] = 0, b->paired[c] = 1, b->next[c] = 1;
    b->n_rows = 1;
    pair_rows(b);
    add_rest(b);
}

/* A letter of an alignment as a class. */
static int32_t class_at(const km_msa_options *o, char letter)
{
    static const char from[] = "BUZ", to[] = "DCE";
    const char *at = o->protenix && letter ? strchr(from, letter) : NULL;
    return km_chem_msa_class(at ? to[at - from] : letter);
}

/* Protenix's profile of a token: of its chain's own rows, or of itself. a: the alignment or NULL. */
static void profile_chain(const builder *b, const km_msa_options *o, const km_alignment *a, int32_t t, km_msa *m)
{
    const km_token *token = &b->s->tokens[t];
    float *profile = m->profile + t * KM_MSA_CLASSES;
    double deleted = 0;
    memset(profile, 0, KM_MSA_CLASSES * sizeof *profile);
    if (!a) profile[token->res_type] = 1;
    for (int32_t row = 0; a && row < a->n_rows; row++) {
        size_t at = (size_t)row * (size_t)a->n_columns + (size_t)b->column[token->residue];
        profile[row ? class_at(o, a->letters[at]) : token->res_type] += 1 / (float)a->n_rows;
        deleted += a->deletions[at];
    }
    m->deletion_mean[t] = a ? (float)(deleted / a->n_rows) : 0;
}

static double deletion_value(int32_t n) { return 1.57079632679489661923 * atan(n / 3.0); }

static km_msa *fill(const builder *b, const km_msa_options *o)
{
    const km_system *s = b->s;
    int32_t most = o->max_rows ? o->max_rows : KM_MSA_ROWS, S = b->n_rows < most ? b->n_rows : most, N = s->n_tokens;
    km_msa *m = km_msa_new(S, N);
    for (int32_t t = 0; t < N; t++) {
        int32_t r = s->tokens[t].residue, c = s->residues[r].chain;
        const km_alignment *a = b->of_chain[c];
        double deleted = 0;
        for (int32_t row = 0; row < S; row++) {
            size_t at = (size_t)row * (size_t)N + (size_t)t, of = (size_t)row * (size_t)s->n_chains + (size_t)c;
            int32_t k = b->pairing[of];
            size_t from = a && k >= 0 ? (size_t)k * (size_t)a->n_columns + (size_t)b->column[r] : 0;
            m->paired[at] = b->paired[of];
            const bool own = k == 0 || (o->protenix && s->tokens[t].mol_type == KM_NONPOLYMER);
            m->residues[at] = (uint8_t)(own     ? s->tokens[t].res_type
                                        : k < 0 ? KM_MSA_GAP
                                                : class_at(o, a->letters[from]));
            if (a && k >= 0 && (k == 0 || !o->boltz2_deletions)) m->deletions[at] = a->deletions[from];
            m->profile[t * KM_MSA_CLASSES + m->residues[at]] += 1;
            deleted += deletion_value(m->deletions[at]);
        }
        for (int i = 0; i < KM_MSA_CLASSES; i++) m->profile[t * KM_MSA_CLASSES + i] /= (float)S;
        m->deletion_mean[t] = (float)(deleted / S);
        if (o->protenix) profile_chain(b, o, a, t, m);
    }
    return m;
}

static km_status prepare(builder *b, km_err *err)
{
    const km_system *s = b->s;
    if (s->n_tokens == 0) return km_fail(err, KM_INPUT, "an alignment for a system without tokens");
    for (int32_t t = s->n_tokens; t-- > 0;) b->class_of[s->tokens[t].residue] = s->tokens[t].res_type;
    for (int32_t c = 0; c < s->n_chains; c++)
        if (b->of_chain[c]) KM_TRY(match_query(b, c, err));
    return KM_OK;
}

km_status km_chem_msa(const km_system *s, const km_alignment *const *of_chain, const km_msa_options *o, km_msa **ret,
                      km_err *err)
{
    size_t R = (size_t)s->n_residues + 1, C = (size_t)s->n_chains + 1;
    builder b = {.s = s, .of_chain = of_chain, .class_of = KM_NEWN(int32_t, R), .column = KM_NEWN(int32_t, R),
                 .next = KM_NEWN(int32_t, C), .pairing = KM_NEWN(int32_t, MAX_ROWS * C),
                 .paired = KM_NEWN(uint8_t, MAX_ROWS * C)};
    km_status status = prepare(&b, err);
    *ret = NULL;
    if (status == KM_OK) {
        combine(&b);
        *ret = fill(&b, o);
    }
    free(b.class_of), free(b.column), free(b.next), free(b.pairing), free(b.paired);
    return status;
}

/* n of m's rows into out's from row `to` on. Knuth's algorithm S, row 0 being certain. */
static void draw_rows(const km_msa *m, int32_t n, km_rng rng, km_msa *out, int32_t to)
{
    size_t N = (size_t)m->n_tokens;
    for (int32_t from = 0, end = to + n; to < end; from++) {
        double u[4];
        km_rng_uniform4(&rng, (uint32_t)from, u);
        if (from && u[0] * (m->n_rows - from) >= end - to) continue;
        memcpy(out->residues + (size_t)to * N, m->residues + (size_t)from * N, N);
        memcpy(out->paired + (size_t)to * N, m->paired + (size_t)from * N, N);
        memcpy(out->deletions + (size_t)to++ * N, m->deletions + (size_t)from * N, N * sizeof *m->deletions);
    }
}

km_msa *km_chem_msa_draw(const km_msa *m, int32_t n, uint64_t seed, uint32_t sample, int32_t *ret_draws)
{
    size_t N = (size_t)m->n_tokens;
    int32_t draws = m->n_rows > n ? KM_MSA_DRAWS : 1;
    n = n < m->n_rows ? n : m->n_rows;
    KM_ASSERT(n > 0);
    km_msa *out = km_msa_new(draws * n, m->n_tokens);
    for (int32_t k = 0; k < draws; k++) draw_rows(m, n, km_rng_of(seed, KM_RNG_MSA, sample, 0, k), out, k * n);
    memcpy(out->profile, m->profile, N * KM_MSA_CLASSES * sizeof(float));
    memcpy(out->deletion_mean, m->deletion_mean, N * sizeof(float));
    *ret_draws = draws;
    return out;
}
