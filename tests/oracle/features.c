/* SPDX-License-Identifier: MIT
 * The features of an input: its texts are in the case, its components in a dictionary beside it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/chem/msa.h"
#include "lib/chem/schema.h"
#include "tests/oracle/beside.h"

/* n numbers of a kind of row, each of `each`, and zeros behind them up to the case's number of rows. */
static void compare_ints(oracle_case *o, const char *name, const int32_t *got, km_dim n, km_dim each)
{
    km_dim rows = oracle_size(o, name, 0);
    float *x = km_arena_zero(o->cx->arena, (size_t)((rows > n ? rows : n) * each) * sizeof *x);
    for (km_dim i = 0; got && i < n * each; i++) x[i] = (float)got[i];
    oracle_compare(o, name, x, (rows > n ? rows : n) * each);
}

static void compare_floats(oracle_case *o, const char *name, const float *got, km_dim n, km_dim each)
{
    km_dim rows = oracle_size(o, name, 0);
    float *x = km_arena_zero(o->cx->arena, (size_t)((rows > n ? rows : n) * each) * sizeof *x);
    if (got) memcpy(x, got, (size_t)(n * each) * sizeof *x);
    oracle_compare(o, name, x, (rows > n ? rows : n) * each);
}

static void compare_tokens(oracle_case *o, const km_features *f)
{
    float *period = km_arena_zero(o->cx->arena, (size_t)f->N * sizeof *period);
    for (km_dim n = 0; n < f->N; n++) period[n] = (float)f->cyclic_period[n];
    compare_ints(o, "out/res_type", f->res_type, f->N, 1);
    compare_ints(o, "out/mol_type", f->mol_type, f->N, 1);
    compare_ints(o, "out/modified", f->modified, f->N, 1);
    compare_ints(o, "out/method_feature", f->method, f->N, 1);
    compare_ints(o, "out/asym_id", f->asym_id, f->N, 1);
    compare_ints(o, "out/entity_id", f->entity_id, f->N, 1);
    compare_ints(o, "out/sym_id", f->sym_id, f->N, 1);
    compare_ints(o, "out/residue_index", f->residue_index, f->N, 1);
    compare_ints(o, "out/token_index", f->token_index, f->N, 1);
    compare_floats(o, "out/cyclic_period", period, f->N, 1);
    compare_floats(o, "out/token_mask", f->token_mask, f->N, 1);
    compare_floats(o, "out/token_bonds", f->token_bonds, f->N, f->N);
    compare_ints(o, "out/type_bonds", f->type_bonds, f->N, f->N);
    compare_ints(o, "out/contact_conditioning", f->contact_conditioning, f->N, f->N);
    compare_floats(o, "out/contact_threshold", f->contact_threshold, f->N, f->N);
}

static void compare_atoms(oracle_case *o, const km_features *f)
{
    compare_floats(o, "out/atom_mask", f->atom_mask, f->A, 1);
    compare_ints(o, "out/atom_to_token", f->atom_token, f->A, 1);
    compare_ints(o, "out/ref_element", f->ref_element, f->A, 1);
    compare_ints(o, "out/ref_atom_name", f->ref_name, f->A, 4);
    compare_ints(o, "out/ref_space_uid", f->ref_space_uid, f->A, 1);
    float *charge = km_arena_get(o->cx->arena, (size_t)f->A * sizeof *charge);
    memcpy(charge, f->ref_charge, (size_t)f->A * sizeof *charge);
    compare_floats(o, "out/ref_charge", charge, f->A, 1);
    compare_floats(o, "out/ref_conformer", f->ref_pos, f->A, 3);
}

/* The atoms that stand for a token; of polymers alone for r_set_to_rep_atom. */
static void compare_marked(oracle_case *o, const km_system *s)
{
    int32_t n = s->n_tokens, polymers = 0;
    int32_t *center = km_arena_get(o->cx->arena, (size_t)n * sizeof *center);
    int32_t *repr = km_arena_get(o->cx->arena, (size_t)n * sizeof *repr);
    int32_t *set = km_arena_get(o->cx->arena, (size_t)n * sizeof *set);
    for (int32_t t = 0; t < n; t++) {
        center[t] = s->tokens[t].center_atom;
        repr[t] = s->tokens[t].repr_atom;
        if (s->tokens[t].mol_type != KM_NONPOLYMER) set[polymers++] = center[t];
    }
    compare_ints(o, "out/token_to_center_atom", center, n, 1);
    compare_ints(o, "out/token_to_rep_atom", repr, n, 1);
    compare_ints(o, "out/r_set_to_rep_atom", set, polymers, 1);
}

static void compare_alignment(oracle_case *o, const km_features *f, const char *tail)
{
    static const char *const names[] = {"has_deletion", "deletion_value", "deletion_mean"};
    const float *const values[] = {f->has_deletion, f->deletion_value, f->deletion_mean};
    char name[64];
    for (int i = 0; i < 3; i++) {
        snprintf(name, sizeof name, "out/%s%s", names[i], tail);
        compare_floats(o, name, values[i], i < 2 ? f->S : f->N, i < 2 ? f->N : 1);
    }
    compare_ints(o, "out/msa", f->msa, f->S, f->N);
    compare_floats(o, "out/msa_paired", f->msa_paired, f->S, f->N);
    compare_floats(o, "out/msa_mask", f->msa_mask, f->S, f->N);
    compare_floats(o, "out/profile", f->profile, f->N, 33);
}

/* Each chain's alignment, from the case's texts. */
static km_status read_alignments(oracle_case *o, const km_schema *in, const json_t *texts, km_alignment **of_chain)
{
    for (int i = 0; i < in->n_msa; i++) {
        const char *text = json_string_value(json_object_get(texts, in->msa[i].path));
        if (strcmp(in->msa[i].path, "empty") == 0) continue;
        if (!text) return km_fail(&o->err, KM_INPUT, "the case has no text of %.100s", in->msa[i].path);
        FILE *f = tmpfile();
        if (!f || fputs(text, f) < 0) return km_fail(&o->err, KM_SYSTEM, "no temporary file");
        rewind(f);
        const km_alignment_options options = {(int32_t)oracle_number(o, "max_msa_seqs", 0), false};
        for (int32_t c = 0; c < in->system->n_chains; c++) {
            if (strcmp(in->system->chains[c].name, in->msa[i].chain) != 0) continue;
            km_status status = km_alignment_read_file(f, in->msa[i].path, &options, &of_chain[c], &o->err);
            if (status < 0) return fclose(f), status;
        }
        fclose(f);
    }
    return KM_OK;
}

/* Deletions as Boltz-2 2.2 has them, and all of them. */
static void check_alignments(oracle_case *o, const km_schema *in, const json_t *texts)
{
    int32_t n = in->system->n_chains;
    km_alignment **of_chain = KM_NEWN(km_alignment *, (size_t)n);
    km_status status = read_alignments(o, in, texts, of_chain);
    for (int all = 0; all < 2 && status == KM_OK; all++) {
        const km_msa_options options = {.max_rows = (int32_t)oracle_number(o, "max_msa_seqs", 0),
                                        .boltz2_deletions = !all};
        km_msa *m = NULL;
        status = km_chem_msa(in->system, (const km_alignment *const *)of_chain, &options, &m, &o->err);
        if (status < 0) break;
        km_features *f = km_features_of(km_family_at(0), in->system, m, NULL);
        compare_alignment(o, f, all ? "_repaired" : "");
        km_features_free(f);
        km_msa_free(m);
    }
    if (status < 0) oracle_fail(o, o->err.msg);
    for (int32_t c = 0; c < n; c++) km_alignment_free(of_chain[c]);
    free(of_chain);
}

static void check_input(oracle_case *o, const json_t *texts, km_library *l)
{
    const char *file = oracle_word(o, "main_file"), *text = json_string_value(json_object_get(texts, file));
    km_schema in;
    if (!text) {
        oracle_fail(o, "the case has no text of its input");
        return;
    }
    if (km_schema_read(text, strlen(text), file, l, &in, &o->err) < 0) {
        oracle_fail(o, o->err.msg);
        return;
    }
    if (in.templates) {
        oracle_compare_templates(o, &in, texts, l);
    } else {
        km_features *f = km_features_of(km_family_at(0), in.system, NULL, NULL);
        compare_tokens(o, f);
        compare_atoms(o, f);
        compare_marked(o, in.system);
        km_features_free(f);
        check_alignments(o, &in, texts);
    }
    km_schema_clear(&in);
}

void oracle_of_input(oracle_case *o)
{
    const char *folder = strrchr(o->path, '/'), *texts = km_safetensors_meta(o->file, "inputs");
    char *components =
        km_asprintf("%.*s%s", folder ? (int)(folder + 1 - o->path) : 0, o->path, oracle_word(o, "components"));
    json_t *inputs = json_loads(texts ? texts : "", 0, NULL);
    km_library *l = km_library_new(components);
    check_input(o, inputs, l);
    km_library_free(l);
    json_decref(inputs);
    free(components);
}
