/* SPDX-License-Identifier: MIT
 * lib/chem/msa: alignments of chains to one of a system. Expected rows follow Boltz-2's rules by hand; its own output
 * is compared by tests/oracle.c (kind features). */
#include "lib/chem/msa.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/chem/residues.h"
#include "tests/unit/tap.h"

/* Protein chains of these sequences, X an unknown residue, and last an ion; residue indices have a gap where the
 * sequence has a blank. */
static km_system *make_system(const char *const *sequences, int n)
{
    km_system *s = km_system_new();
    int most = 1;
    for (int c = 0; c < n; c++) most += (int)strlen(sequences[c]);
    s->chains = KM_NEWN(km_chain, (size_t)n + 1);
    s->residues = KM_NEWN(km_residue, (size_t)most);
    s->tokens = KM_NEWN(km_token, (size_t)most);
    s->atoms = KM_NEWN(km_atom, 1);
    s->atoms[s->n_atoms++].present = true; /* as of a structure */
    for (int c = 0; c <= n; c++) {
        const char *text = c < n ? sequences[c] : "X";
        km_chain *chain = &s->chains[s->n_chains++];
        *chain = (km_chain){.mol_type = c < n ? KM_PROTEIN : KM_NONPOLYMER, .asym_id = c, .entity_id = c,
                            .first_residue = s->n_residues};
        for (int d = 0; d < c && c < n; d++)
            if (!strcmp(sequences[d], text)) chain->entity_id = d;
        chain->name[0] = (char)('A' + c);
        for (int i = 0; text[i]; i++) {
            if (text[i] == ' ') continue;
            s->tokens[s->n_tokens++] = (km_token){.residue = s->n_residues, .asym_id = c,
                                                  .res_type = km_chem_msa_class(text[i]),
                                                  .mol_type = chain->mol_type};
            s->residues[s->n_residues++] = (km_residue){"RES", c, i + 1, ' ', i, 0, 0};
            chain->n_residues++;
        }
    }
    return s;
}

static km_alignment *make_alignment(const char *text)
{
    km_alignment *a = NULL;
    km_err err;
    FILE *f = tmpfile();
    fputs(text, f);
    rewind(f);
    if (km_alignment_read_file(f, "test", &(km_alignment_options){0}, &a, &err) < 0) ok(false, "%s", err.msg);
    fclose(f);
    return a;
}

/* A row as letters, upper case where it is paired; the token behind the proteins is the ion's. */
static bool row_is(const km_msa *m, int row, const char *want)
{
    char got[64] = {0};
    for (int t = 0; t < m->n_tokens; t++) {
        int class_ = m->residues[row * m->n_tokens + t];
        const km_component *c = km_chem_component_of_class(class_);
        got[t] = class_ == KM_MSA_GAP ? '-' : c ? c->letter : '?';
        if (got[t] >= 'A' && !m->paired[row * m->n_tokens + t]) got[t] = (char)(got[t] + 32);
    }
    if (strcmp(got, want)) printf("# row %d is %s\n", row, got);
    return !strcmp(got, want);
}

static void test_pairing(void)
{
    static const char *const sequences[] = {"ACD", "ACD", "KL"};
    static const char *const want[] = {
        "ACDACDKLX",                                       /* the query of all */
        "DCADCAKK-", "EEEEEELR-",                          /* key 5: three chains; C begins again with its first */
        "AAAAAAkk-",                                       /* key 7: two chains, with C's next row */
        "dcadcalr-", "aaaaaagg-", "eeeeee---", "a-ca-c---" /* and side by side what there is, once more */
    };
    km_system *s = make_system(sequences, 3);
    km_alignment *one = make_alignment("key,sequence\n-1,ACD\n5,DCA\n7,AAA\n5,EEE\n,A-xxC\n"),
                 *two = make_alignment("key,sequence\n-1,KL\n5,KK\n5,LR\n9,GG\n");
    const km_alignment *of_chain[4] = {one, one, two, NULL};
    km_msa *m = NULL;
    km_err err;
    ok(km_chem_msa(s, of_chain, &(km_msa_options){0}, &m, &err) == KM_OK && m->n_rows == 8 && m->n_tokens == 9,
       "two alignments for three chains and an ion");
    int good = 0;
    for (int i = 0; i < 8 && m; i++) good += row_is(m, i, want[i]);
    ok(good == 8, "every row is as Boltz-2 combines them");
    ok(m->deletions[7 * 9 + 2] == 2 && m->deletions[7 * 9 + 5] == 2 && m->deletions[7 * 9 + 1] == 0, "deletions");
    ok(fabsf(m->deletion_mean[2] - (float)(M_PI / 2 * atan(2.0 / 3) / 8)) < 1e-6f && m->deletion_mean[0] == 0,
       "their mean");
    ok(m->profile[8 * 33 + 22] == 0.125f && m->profile[8 * 33 + 1] == 0.875f && m->profile[0 * 33 + 2] == 4 / 8.f,
       "and the profile");
    km_msa_free(m);
    ok(km_chem_msa(s, of_chain, &(km_msa_options){3}, &m, &err) == KM_OK && m->n_rows == 3 && row_is(m, 2, want[2]) &&
           m->profile[8 * 33 + 22] == 1 / 3.f, "the first three rows, and the profile of those");
    km_msa_free(m);
    ok(km_chem_msa(s, of_chain, &(km_msa_options){.boltz2_deletions = true}, &m, &err) == KM_OK &&
           m->deletions[7 * 9 + 2] == 0 && m->deletion_mean[2] == 0, "no deletions, as Boltz-2 2.2");
    km_msa_free(m);
    km_alignment_free(one), km_alignment_free(two), km_system_free(s);
}

/* Protenix's profiles are of a chain's own rows, deletions are counted, and an ion repeats itself. */
static void test_protenix(void)
{
    static const char *const sequences[] = {"ACD", "KL"};
    km_system *s = make_system(sequences, 2);
    km_alignment *a = make_alignment(">q\nACD\n>1\nBUZ\n>2\n-xxxCD\n");
    const km_alignment *of_chain[3] = {a, NULL, NULL};
    km_msa *m = NULL;
    km_err err;
    if (!ok(km_chem_msa(s, of_chain, &(km_msa_options){.protenix = true}, &m, &err) == KM_OK && m->n_rows == 3,
            "an alignment for one chain of two and an ion"))
        return;
    ok(row_is(m, 0, "ACDKLX") && row_is(m, 1, "dce--x") && row_is(m, 2, "-cd--x"),
       "B, U and Z are D, C and E; the ion repeats itself");
    const int A = km_chem_msa_class('A'), C = km_chem_msa_class('C'), D = km_chem_msa_class('D'),
              E = km_chem_msa_class('E');
    const float *p = m->profile, third = 1 / 3.f;
    ok(p[A] == third && p[D] == third && p[KM_MSA_GAP] == third && p[33 + C] == 3 * third && p[66 + D] == 2 * third &&
           p[66 + E] == third,
       "the profile of the chain");
    ok(p[3 * 33 + km_chem_msa_class('K')] == 1 && p[3 * 33 + KM_MSA_GAP] == 0 && p[5 * 33 + 22] == 1,
       "of what has no alignment itself alone");
    ok(m->deletion_mean[1] == 1 && m->deletion_mean[0] == 0 && m->deletion_mean[3] == 0, "deletions are counted");
    km_msa_free(m);
    km_alignment_free(a), km_system_free(s);
}

static void test_query_of(bool structure, const char *sequence, const char *query, const char *why)
{
    km_system *s = make_system(&sequence, 1);
    s->atoms[0].present = structure;
    km_alignment *a = make_alignment(query);
    const km_alignment *of_chain[2] = {a, NULL};
    km_msa *m;
    km_err err = {0};
    km_status status = km_chem_msa(s, of_chain, &(km_msa_options){0}, &m, &err);
    if (why) ok(status == KM_INPUT && !m && strstr(err.msg, why), "%s", err.msg);
    else ok(status == KM_OK && m->n_rows == 2, "a query that serves '%s'", sequence);
    km_msa_free(m), km_alignment_free(a), km_system_free(s);
}

static void test_query(const char *sequence, const char *query, const char *why)
{
    test_query_of(true, sequence, query, why);
}

static void test_queries(void)
{
    test_query_of(false, "ACD", ">q\nACD\n>r\nCCC\n", NULL);
    test_query_of(false, "ACD", ">q\nACDE\n", "4 residues, the chain has 3");
    test_query("ACD", ">q\nACD\n>r\nCCC\n", NULL);
    test_query("AMD", ">q\nAXD\n>r\nCCC\n", NULL);
    test_query("AXD", ">q\nASD\n>r\nCCC\n", NULL);
    test_query("AC  D", ">q\nACKLD\n>r\nCCCCC\n", NULL);
    test_query("AC  D", ">q\nACD\n>r\nCCC\n", NULL);
    test_query("ACD", ">q\nACE\n", "it has E where the chain has RES 3");
    test_query("ACD", ">q\nACX\n", "it has X where the chain has RES 3");
    test_query("ACD", ">q\nAC\n", "2 residues, the chain has 3");
    test_query("AC  D", ">q\nACKL\n", "no place for RES 5");
    test_query("AC  D", ">q\nACKLE\n", "it has E where the chain has RES 5");
    const char *none = "X";
    km_system *s = make_system(&none, 0);
    km_alignment *a = make_alignment(">q\nA\n");
    const km_alignment *of_chain[1] = {a};
    km_msa *m;
    km_err err;
    ok(km_chem_msa(s, of_chain, &(km_msa_options){0}, &m, &err) == KM_INPUT && strstr(err.msg, "no protein"), "%s",
       err.msg);
    km_alignment_free(a), km_system_free(s);
}

static void test_classes(void)
{
    int good = 0;
    for (const char *p = "ARNDCQEGHILKMFPSTWYV"; *p; p++) good += km_chem_msa_class(*p) == 2 + good;
    ok(good == 20 && km_chem_msa_class('-') == 1, "the twenty, and a gap");
    for (const char *p = "XBJZOU"; *p; p++) good += km_chem_msa_class(*p) == 22;
    ok(good == 26 && km_chem_msa_class('*') < 0 && km_chem_msa_class(0) < 0, "letters of no residue");
}

static void test_draw(void)
{
    enum { S = 50, N = 2, RUNS = 2000 };
    km_msa *m = km_msa_new(S, N);
    int hits[S] = {0}, bad = 0;
    for (int i = 0; i < S * N; i++) m->deletions[i] = i / N, m->residues[i] = (uint8_t)(i / N % 33), m->paired[i] = 1;
    m->profile[3] = 0.5f;
    for (int k = 0; k < RUNS; k++) {
        int32_t draws;
        km_msa *d = km_chem_msa_draw(m, 10, (uint64_t)k + 1, 0, &draws);
        for (int i = 0; i < 10; i++) {
            hits[d->deletions[i * N + 1]]++;
            bad += d->residues[i * N] != d->deletions[i * N] % 33 || !d->paired[i * N];
            bad += i && d->deletions[i * N] <= d->deletions[i * N - 1];
        }
        bad += draws != KM_MSA_DRAWS || d->n_rows != 10 * draws || d->profile[3] != 0.5f;
        km_msa_free(d);
    }
    ok(bad == 0, "ten whole rows of fifty, in order; the profile stays");
    int least = RUNS, most = 0;
    for (int i = 1; i < S; i++) least = hits[i] < least ? hits[i] : least, most = hits[i] > most ? hits[i] : most;
    ok(hits[0] == RUNS && least > 280 && most < 460, "the query always, others %d to %d times of 367", least, most);
    int32_t draws, once;
    km_msa *a = km_chem_msa_draw(m, 10, 7, 0, &draws), *b = km_chem_msa_draw(m, 10, 7, 0, &draws);
    km_msa *all = km_chem_msa_draw(m, S, 7, 0, &once), *other = km_chem_msa_draw(m, 10, 7, 1, &draws);
    ok(!memcmp(a->deletions, b->deletions, KM_MSA_DRAWS * 10 * N * 4) && once == 1, "the same seed, the same rows");
    bool apart = true;
    for (int k = 1; k < draws; k++)
        apart = apart && memcmp(a->deletions, a->deletions + k * 10 * N, 10 * N * 4) && a->deletions[k * 10 * N] == 0;
    ok(apart, "another choice for each pass, the query first");
    ok(memcmp(a->deletions, other->deletions, 10 * N * 4) && other->deletions[0] == 0, "and for another sample");
    ok(all->n_rows == S && !memcmp(all->deletions, m->deletions, S * N * 4), "all of them where that is not more");
    km_msa_free(a), km_msa_free(b), km_msa_free(all), km_msa_free(other), km_msa_free(m);
}

int main(void)
{
    test_pairing();
    test_protenix();
    test_queries();
    test_classes();
    test_draw();
    return tap_end();
}
