/* SPDX-License-Identifier: MIT */
#include "lib/chem/select.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/base/mem.h"
#include "lib/chem/residues.h"

enum { MAX_DEPTH = 100, MAX_WORD = 32 };

typedef struct parser {
    const km_system *s;
    const char *text, *at;
    char word[MAX_WORD]; /* the token at hand, "" at the end */
    const char *word_at;
    int depth;
    km_err *err;
} parser;

static void advance(parser *p)
{
    while (*p->at == ' ' || *p->at == '\t') p->at++;
    p->word_at = p->at;
    size_t n = *p->at == '(' || *p->at == ')' ? 1 : strcspn(p->at, " \t()");
    snprintf(p->word, sizeof p->word, "%.*s", (int)(n < MAX_WORD ? n : MAX_WORD - 1), p->at);
    p->at += n;
}

static km_status wrong(parser *p, const char *what)
{
    return km_fail(p->err, KM_USAGE, "selection '%.80s', character %d: %s", p->text, (int)(p->word_at - p->text) + 1,
                   what);
}

static bool is(const parser *p, const char *word) { return !strcmp(p->word, word); }

static bool in_list(const char *word, const char *const *list)
{
    while (*list && strcmp(word, *list)) list++;
    return *list != NULL;
}

static const char *const joints[] = {"and", "or", "not", "(", ")", "", NULL};

static const km_residue *residue_of(const km_system *s, int32_t a) { return &s->residues[s->atoms[a].residue]; }
static const km_chain *chain_of(const km_system *s, int32_t a) { return &s->chains[residue_of(s, a)->chain]; }

static bool is_ion(const km_system *s, int32_t a)
{
    return residue_of(s, a)->n_atoms == 1 && km_chem_is_ion(residue_of(s, a)->name);
}

typedef bool (*test)(const km_system *s, int32_t a);

static bool all(const km_system *s, int32_t a) { return s && a >= 0; }
static bool protein(const km_system *s, int32_t a) { return chain_of(s, a)->mol_type == KM_PROTEIN; }
static bool nucleic(const km_system *s, int32_t a)
{
    return chain_of(s, a)->mol_type == KM_DNA || chain_of(s, a)->mol_type == KM_RNA;
}
static bool ligand(const km_system *s, int32_t a)
{
    return chain_of(s, a)->mol_type == KM_NONPOLYMER && !is_ion(s, a) && !km_chem_is_water(residue_of(s, a)->name);
}
static bool backbone(const km_system *s, int32_t a)
{
    static const char *const peptide[] = {"N", "CA", "C", "O", "OXT", NULL};
    static const char *const sugar[] = {"P", "OP1", "OP2", "O3'", "C3'", "C4'", "C5'", "O5'", NULL};
    return (protein(s, a) && in_list(s->atoms[a].name, peptide)) || (nucleic(s, a) && in_list(s->atoms[a].name, sugar));
}

static const struct {
    const char *word;
    test test;
} tests[] = {{"all", all},       {"protein", protein}, {"nucleic", nucleic},
             {"ligand", ligand}, {"ion", is_ion},      {"backbone", backbone}};

static const char *name_of(const km_system *s, int32_t a) { return s->atoms[a].name; }
static const char *resname_of(const km_system *s, int32_t a) { return residue_of(s, a)->name; }
static const char *chain_name_of(const km_system *s, int32_t a) { return chain_of(s, a)->name; }
static const char *element_of(const km_system *s, int32_t a) { return km_element_symbol(s->atoms[a].element); }

static const struct {
    const char *word;
    const char *(*of)(const km_system *s, int32_t a);
    int (*compare)(const char *a, const char *b);
} texts[] = {{"name", name_of, strcmp},
             {"resname", resname_of, strcmp},
             {"chain", chain_name_of, strcmp},
             {"element", element_of, strcasecmp}};

static bool parse_resid(const char *word, long *first, long *last)
{
    char *end;
    *first = *last = strtol(word, &end, 10);
    if (end == word) return false;
    if (*end == '-') {
        const char *from = end + 1;
        *last = strtol(from, &end, 10);
        if (end == from) return false;
    }
    return !*end && *first <= *last;
}

static km_status parse_values(parser *p, int kind, bool *mask)
{
    advance(p);
    if (in_list(p->word, joints)) return wrong(p, "a value is missing");
    for (; !in_list(p->word, joints); advance(p)) {
        long first = 0, last = 0;
        if (kind < 0 && !parse_resid(p->word, &first, &last))
            return wrong(p, "not a residue number or a range of them");
        for (int32_t a = 0; a < p->s->n_atoms; a++) {
            long number = residue_of(p->s, a)->number;
            if (kind < 0 ? number >= first && number <= last : !texts[kind].compare(texts[kind].of(p->s, a), p->word))
                mask[a] = true;
        }
    }
    return KM_OK;
}

static km_status parse_or(parser *p, bool *mask);

static km_status parse_term(parser *p, bool *mask)
{
    int32_t n = p->s->n_atoms;
    if (p->depth > MAX_DEPTH) return wrong(p, "nested too deep");
    memset(mask, 0, (size_t)n * sizeof *mask);
    if (is(p, "not")) {
        advance(p);
        p->depth++;
        KM_TRY(parse_term(p, mask));
        p->depth--;
        for (int32_t a = 0; a < n; a++) mask[a] = !mask[a];
        return KM_OK;
    }
    if (is(p, "(")) {
        advance(p);
        p->depth++;
        KM_TRY(parse_or(p, mask));
        p->depth--;
        if (!is(p, ")")) return wrong(p, "')' is missing");
        advance(p);
        return KM_OK;
    }
    for (size_t i = 0; i < sizeof tests / sizeof tests[0]; i++) {
        if (!is(p, tests[i].word)) continue;
        for (int32_t a = 0; a < n; a++) mask[a] = tests[i].test(p->s, a);
        advance(p);
        return KM_OK;
    }
    for (int i = 0; i < (int)(sizeof texts / sizeof texts[0]); i++)
        if (is(p, texts[i].word)) return parse_values(p, i, mask);
    if (is(p, "resid")) return parse_values(p, -1, mask);
    return wrong(p, p->word[0] ? "not a word of the selection language" : "it ends too early");
}

/* TERM [JOINT TERM]..., for one joint and the level below. */
static km_status parse_chain(parser *p, const char *joint, km_status (*below)(parser *, bool *), bool *mask)
{
    KM_TRY(below(p, mask));
    bool *other = KM_NEWN(bool, (size_t)p->s->n_atoms), join = !strcmp(joint, "or");
    km_status status = KM_OK;
    while (status == KM_OK && is(p, joint)) {
        advance(p);
        status = below(p, other);
        for (int32_t a = 0; a < p->s->n_atoms; a++) mask[a] = join ? mask[a] || other[a] : mask[a] && other[a];
    }
    free(other);
    return status;
}

static km_status parse_and(parser *p, bool *mask) { return parse_chain(p, "and", parse_term, mask); }
static km_status parse_or(parser *p, bool *mask) { return parse_chain(p, "or", parse_and, mask); }

km_status km_chem_select(const km_system *s, const char *text, bool *mask, km_err *err)
{
    parser p = {.s = s, .text = text, .at = text, .err = err};
    advance(&p);
    KM_TRY(parse_or(&p, mask));
    if (p.word[0]) return wrong(&p, "'and' or 'or' is missing");
    int n = 0;
    for (int32_t a = 0; a < s->n_atoms; a++) n += mask[a];
    return n;
}
