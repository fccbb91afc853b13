/* SPDX-License-Identifier: MIT
 * km-tokenize: a structure file to a stream that holds one system and frame 0. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "formats/slurp.h"
#include "lib/base/mem.h"
#include "lib/chem/tokens.h"
#include "lib/model/family.h"
#include "tools/filter.h"
#include "tools/inputs.h"

static struct {
    const char *family, *chain, *missing, *unresolved, *assembly, *out, *ccd;
    km_msa_inputs msa;
    km_opt_list ligand, template;
    int model;
    bool keep, model_set, missing_set, unresolved_set, family_set;
} o = {.family = "boltz2", .missing = "refuse", .unresolved = "drop", .msa = KM_MSA_INPUTS_DEFAULT, .model = 1};

static const km_family *family; /* of that name */

static const km_opt table[] = {
    {"output", 'o', KM_OPT_STRING, &o.out, "FILE", "write FILE instead of standard output"},
    {"chain", 0, KM_OPT_STRING, &o.chain, "A,B", "only these chains"},
    {"model", 0, KM_OPT_INT, &o.model, "N", "which model of the file, from 1", .min = 1, .max = 1e6,
     .set = &o.model_set},
    {"missing", 0, KM_OPT_CHOICE, &o.missing, "HOW",
     "missing heavy atoms: refuse, drop (mark absent) or build (ideal places)", .choices = "refuse|drop|build",
     .set = &o.missing_set},
    {"unresolved", 0, KM_OPT_CHOICE, &o.unresolved, "HOW",
     "residues of the sequence that the model lacks: drop, or keep (mark absent)", .choices = "drop|keep",
     .set = &o.unresolved_set},
    {"family", 0, KM_OPT_CHOICE, &o.family, "NAME", "whose features to make", .choices = "boltz2|biokinema",
     .set = &o.family_set},
    {"keep", 0, KM_OPT_FLAG, &o.keep, NULL, "keep waters, ions, lipids and crystallisation agents"},
    {"ccd", 0, KM_OPT_STRING, &o.ccd, "FILE", "chemical component dictionary, mmCIF or BinaryCIF (default: $KM_CCD)"},
    KM_MSA_INPUTS_OPTIONS(o.msa),
    {"ligand", 0, KM_OPT_LIST, &o.ligand, "CHAIN=FILE",
     "ligand of a chain as SDF or MOL, with its own bonds; may be repeated"},
    {"template", 0, KM_OPT_LIST, &o.template, "FILE",
     "template structure, PDB or mmCIF, for all proteins, or CHAINS=FILE; may be repeated"},
    {"assembly", 0, KM_OPT_STRING, &o.assembly, "ID", "biological assembly of that name, as the file lists it"},
    {0}};
static const km_program program = {
    "km-tokenize",
    "[options] [INPUT]",
    "make a system of tokens, and a first frame, from PDB, mmCIF or Boltz-2's YAML or FASTA",
    table,
    0,
    1};

static void say_report(const km_cli *cli, const char *name, const km_tokenized *t)
{
    const km_token_report *r = &t->report;
    const km_system *s = t->system;
    km_cli_say(
        cli,
        "%s: %d chains, %d residues, %d heavy atoms; bonds: %d from the dictionary, %d from the file, %d by distance%s",
        name, s->n_chains, s->n_residues, s->n_atoms, r->bonds_dictionary, r->bonds_file, r->bonds_distance,
        r->perceived ? ", those of a ligand by where its atoms are" : "");
    if (r->held) km_cli_say(cli, "%s: kept %d ions that its molecules hold", name, r->held);
    if (r->hydrogens + r->waters + r->ions + r->additives + r->leaving + r->alternates)
        km_cli_say(
            cli,
            "%s: left out %d hydrogens, %d waters, %d ions, %d crystallisation agents, %d leaving atoms, %d alternates",
            name, r->hydrogens, r->waters, r->ions, r->additives, r->leaving, r->alternates);
    if (r->lipids) km_cli_say(cli, "%s: left out %d lipids", name, r->lipids);
    if (r->missing) km_cli_say(cli, "%s: %d missing atoms (%s): %s", name, r->missing, r->missing_list, o.missing);
    if (r->unresolved)
        km_cli_say(cli, "%s: %d residues of its sequences are not in the model: %s", name, r->unresolved,
                   strcmp(o.unresolved, "keep") == 0 ? "kept, marked absent" : "left out");
}

static km_library *open_library(void)
{
    const char *path = o.ccd ? o.ccd : getenv("KM_CCD");
    return km_library_new(path && *path ? path : NULL);
}

/* coords [A, 3] or NULL: then there is no frame. */
static km_status write_stream(const km_system *s, const km_msa *opt_msa, const km_templates *opt_templates,
                              float *opt_coords, km_err *err)
{
    km_output out;
    KM_TRY(km_output_open(&out, o.out, true, err));
    km_writer *w = km_writer_new(out.file, out.what);
    km_frame frame = {.given = true, .n_atoms = s->n_atoms, .coords = opt_coords};
    km_status status = km_writer_system(w, s, err);
    if (status == KM_OK && opt_msa) status = km_writer_msa(w, opt_msa, err);
    if (status == KM_OK && opt_templates) status = km_writer_templates(w, opt_templates, err);
    if (status == KM_OK && opt_coords) status = km_writer_frame(w, &frame, err);
    if (status == KM_OK) status = km_writer_end(w, err);
    km_writer_free(w);
    if (status == KM_OK) return km_output_commit(&out, err);
    km_output_abandon(&out, false);
    return status;
}

static km_status from_structure(const km_cli *cli, FILE *in, const char *name, km_library *library, km_err *err)
{
    km_structure *raw = NULL;
    km_tokenized t = {0};
    km_msa *msa = NULL;
    km_templates *templates = NULL;
    float *coords = NULL;
    km_token_options options = {.chains = o.chain,
                                .keep = o.keep,
                                .library = library,
                                .unresolved = strcmp(o.unresolved, "keep") == 0,
                                .missing = strcmp(o.missing, "drop") == 0    ? KM_MISSING_DROP
                                           : strcmp(o.missing, "build") == 0 ? KM_MISSING_BUILD
                                                                             : KM_MISSING_REFUSE};
    km_status status = km_structure_read_file(in, name, o.model, o.assembly, &raw, err);
    if (status < 0) return status;
    status = km_inputs_tokenize(family, raw, &options, cli->seed, &t, err);
    if (status < 0) {
        status = km_fail_in(err, name);
        goto done;
    }
    say_report(cli, name, &t);
    status = km_inputs_msa(t.system, &o.msa, NULL, &msa, err);
    if (status == KM_OK) status = km_inputs_templates(t.system, &o.template, NULL, library, &templates, err);
    if (status < 0) goto done;
    km_inputs_add_provenance(cli, t.system);
    coords = km_alloc((size_t)t.system->n_atoms * 3 * sizeof *coords);
    km_chem_gather(&t, raw->coords, coords);
    status = write_stream(t.system, msa, templates, coords, err);
done:
    free(coords);
    km_msa_free(msa);
    km_templates_free(templates);
    km_tokenized_clear(&t);
    km_structure_free(raw);
    return status;
}

/* Boltz-2's input: a system without coordinates. */
static km_status from_schema(const km_cli *cli, const char *text, size_t n, const char *name, km_library *library,
                             km_err *err)
{
    km_schema in;
    km_msa *msa = NULL;
    km_templates *templates = NULL;
    if (o.chain || o.model_set || o.assembly)
        return km_fail(err, KM_USAGE, "--chain, --model and --assembly need a structure, not a list of sequences");
    if (family->protenix_tokens)
        return km_fail(err, KM_USAGE, "--family %s needs a structure, not a list of sequences", o.family);
    KM_TRY(km_schema_read(text, n, name, library, &in, err));
    if (strcmp(name, "standard input") == 0) free(in.system->name), in.system->name = km_strdup("input");
    const km_system *s = in.system;
    km_status status = km_inputs_msa(s, &o.msa, &in, &msa, err);
    if (status == KM_OK) status = km_inputs_templates(s, &o.template, &in, library, &templates, err);
    if (status == KM_OK) {
        km_cli_say(cli, "%s: %d chains, %d residues, %d heavy atoms, %d tokens, no coordinates", name, s->n_chains,
                   s->n_residues, s->n_atoms, s->n_tokens);
        if (in.affinity) km_cli_say(cli, "%s: an affinity is asked for, which is not computed here", name);
        if (in.forced)
            km_cli_say(cli, "%s: force is asked for: a condition of the network as without, sampling is not steered",
                       name);
        km_inputs_add_provenance(cli, in.system);
        status = write_stream(s, msa, templates, NULL, err);
    }
    km_msa_free(msa);
    km_templates_free(templates);
    km_schema_clear(&in);
    return status;
}

static km_status from_text(const km_cli *cli, FILE *in, const char *name, km_err *err)
{
    char *text;
    size_t n;
    KM_TRY(km_slurp_file(in, name, &text, &n, err));
    km_library *library = open_library();
    km_status status = km_inputs_ligands(library, &o.ligand, err);
    if (status < 0) {
        km_library_free(library);
        free(text);
        return status;
    }
    if (km_schema_is(text, n)) {
        status = from_schema(cli, text, n, name, library, err);
    } else {
        FILE *again = fmemopen(text, n ? n : 1, "r"); /* one NUL is no structure either */
        status = again ? from_structure(cli, again, name, library, err)
                       : km_fail(err, KM_SYSTEM, "cannot read memory: %s", strerror(errno));
        if (again) fclose(again);
    }
    km_library_free(library);
    free(text);
    return status;
}

/* A stream has its tokens already; what is given beside it takes the place of what it has. */
static km_status ready(void *arg, km_filter *f, km_err *err)
{
    (void)arg;
    km_msa *msa;
    km_templates *templates;
    const km_family *of = km_family_of(f->system);
    if (!of || (o.family_set && of != family))
        return km_fail(err, KM_USAGE, "--family %s: the stream has features of %.15s, which are made from a structure",
                       o.family, of ? of->name : f->system->family);
    o.msa.protenix = of->protenix_tokens;
    km_library *library = open_library();
    km_status status = km_inputs_msa(f->system, &o.msa, NULL, &msa, err);
    if (status == KM_OK) status = km_inputs_templates(f->system, &o.template, NULL, library, &templates, err);
    km_library_free(library);
    if (status < 0) {
        km_msa_free(msa);
        return status;
    }
    if (msa || templates) km_trunk_result_free(f->trunk), f->trunk = NULL;
    if (msa) km_msa_free(f->msa), f->msa = msa;
    if (templates) km_templates_free(f->templates), f->templates = templates;
    return KM_OK;
}

int main(int argc, char **argv)
{
    km_cli cli;
    km_err err = {0};
    km_cli_start(&cli, &program, argc, argv);
    km_status status = km_inputs_family(o.family, o.missing_set ? o.missing : NULL,
                                        o.unresolved_set ? o.unresolved : NULL, &family, &err);
    o.msa.protenix = family->protenix_tokens;
    const char *path = cli.n_operands ? cli.operands[0] : "-", *name = strcmp(path, "-") == 0 ? "standard input" : path;
    FILE *in = NULL;
    if (status == KM_OK) status = km_input_open(path, &in, &err);
    if (status < 0) return km_cli_end(&cli, status, &err);
    /* A zstd frame begins with '(', which neither PDB, mmCIF, YAML nor gzip do. */
    int first = getc(in);
    if (first != EOF) ungetc(first, in);
    if (first == 0x28) {
        static const km_filter_hooks pass_on = {.ready = ready};
        km_input_close(in);
        return km_filter_run(&cli, path, o.out, &pass_on, NULL);
    }
    status = from_text(&cli, in, name, &err);
    km_input_close(in);
    return km_cli_end(&cli, status, &err);
}
