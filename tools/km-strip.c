/* SPDX-License-Identifier: MIT
 * km-strip: raw trajectories and their topology to clean ones, as a stream or as H5MD. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/text.h"
#include "lib/chem/reference.h"
#include "lib/chem/residues.h"
#include "lib/chem/valence.h"
#include "lib/chem/whole.h"
#include "lib/sets/sets.h"
#include "tools/inputs.h"
#include "tools/strip.h"

static struct {
    km_set_choice choice;
    const char *family, *set, *top, *ccd, *out, *set_name, *license, *chain, *missing, *unresolved, *reference;
    km_msa_inputs msa;
    km_opt_list ligands;
    int64_t dt;
    int stride;
    bool keep, raw, strict, missing_set, unresolved_set;
} o = {.family = "boltz2", .stride = 1, .missing = "refuse", .unresolved = "drop", .msa = KM_MSA_INPUTS_DEFAULT};

static const km_opt table[] = {
    {"top", 0, KM_OPT_STRING, &o.top, "FILE",
     "topology: a PDB, mmCIF or GRO file with the same atoms in the same order (default: the first input, if it is "
     "one)"},
    {"set", 0, KM_OPT_CHOICE, &o.set, "NAME", "the inputs are one system of a public data set, as it lays them out",
     .choices = KM_SETS},
    {"id", 0, KM_OPT_STRING, &o.choice.opt_id, "ID", "which system of the set"},
    {"temperature", 0, KM_OPT_STRING, &o.choice.opt_temperatures, "K,K", "of mdcath: only these temperatures (320)"},
    {"replica", 0, KM_OPT_STRING, &o.choice.opt_replicas, "N,N", "of mdcath: only these replicas"},
    {"output", 'o', KM_OPT_STRING, &o.out, "FILE",
     "write FILE.h5 (H5MD) or FILE.km instead of a stream on standard output"},
    {"stride", 0, KM_OPT_INT, &o.stride, "N", "take every Nth frame", .min = 1, .max = 1e9},
    {"dt", 0, KM_OPT_TIME, &o.dt, "TIME", "time between the input's frames, instead of what it says"},
    {"chain", 0, KM_OPT_STRING, &o.chain, "A,B", "only these chains"},
    {"missing", 0, KM_OPT_CHOICE, &o.missing, "HOW",
     "missing heavy atoms: refuse, drop (mark absent) or build (ideal places)", .choices = "refuse|drop|build",
     .set = &o.missing_set},
    {"reference", 0, KM_OPT_STRING, &o.reference, "FILE",
     "PDB, mmCIF or FASTA with the whole sequences of which the topology has a part"},
    {"unresolved", 0, KM_OPT_CHOICE, &o.unresolved, "HOW",
     "residues of the sequence that the topology lacks: drop, or keep (mark absent)", .choices = "drop|keep",
     .set = &o.unresolved_set},
    {"family", 0, KM_OPT_CHOICE, &o.family, "NAME", "whose features to make", .choices = "boltz2|biokinema"},
    {"raw", 0, KM_OPT_FLAG, &o.raw, NULL, "decode only: every atom and frame as it is, no tokens"},
    {"strict", 0, KM_OPT_FLAG, &o.strict, NULL, "refuse a trajectory in which a stereocentre turns over"},
    {"set-name", 0, KM_OPT_STRING, &o.set_name, "NAME", "name of the data set to store (with -o FILE.h5)"},
    {"license", 0, KM_OPT_STRING, &o.license, "TEXT", "licence of the data to store (with -o FILE.h5)"},
    {"keep", 0, KM_OPT_FLAG, &o.keep, NULL, "keep solvent, ions, lipids and crystallisation agents"},
    {"ccd", 0, KM_OPT_STRING, &o.ccd, "FILE", "chemical component dictionary, mmCIF or BinaryCIF (default: $KM_CCD)"},
    {"ligand", 0, KM_OPT_LIST, &o.ligands, "CHAIN=FILE", "a chain's ligand as SDF or MOL; repeatable"},
    KM_MSA_INPUTS_OPTIONS(o.msa),
    {0}};
static const km_family *family; /* of that name */
static const km_program program = {"km-strip",
                                   "(--set NAME [--id ID] | --top FILE) [options] INPUT...",
                                   "make clean trajectories of raw ones, without solvent, ions and hydrogens",
                                   table,
                                   1,
                                   -1};

typedef struct job {
    km_strip strip;
    const km_cli *cli;
    const char *top; /* for messages */
    km_set_system set;
    km_structure *raw;
    km_tokenized t;
    km_msa *msa; /* NULL: none given */
    km_output out;
    km_status refused; /* of the first trajectory that was */
    km_err why;
} job;

static km_status check_options(const km_cli *cli, km_err *err)
{
    const km_traj_kind first = km_traj_kind_of_file(cli->operands[0]);
    const bool own = first == KM_TRAJ_PDB || first == KM_TRAJ_CIF || first == KM_TRAJ_GRO;
    if (o.raw && (o.msa.files.count || o.ligands.count || o.reference))
        return km_fail(err, KM_USAGE, "--msa, --ligand and --reference need tokens: not with --raw");
    if (o.set && o.top) return km_fail(err, KM_USAGE, "--set knows its topology: not with --top");
    if (o.choice.opt_id && !o.set) return km_fail(err, KM_USAGE, "--id needs --set");
    if ((o.choice.opt_temperatures || o.choice.opt_replicas) && (!o.set || strcmp(o.set, "mdcath") != 0))
        return km_fail(err, KM_USAGE, "--temperature and --replica are for --set mdcath");
    if (!o.set && !o.top && !own)
        return km_fail(err, KM_USAGE, "--top FILE is needed: the topology of the trajectories");
    if ((o.set_name || o.license) && (!o.out || !km_ends_with(o.out, ".h5")))
        return km_fail(err, KM_USAGE, "--set-name and --license need -o FILE.h5");
    KM_TRY(km_inputs_family(o.family, o.missing_set ? o.missing : NULL, o.unresolved_set ? o.unresolved : NULL, &family,
                            err));
    o.msa.protenix = family->protenix_tokens;
    if (family->protenix_tokens && (o.raw || o.reference))
        return km_fail(err, KM_USAGE, "--family %s: not with --raw or --reference", o.family);
    return KM_OK;
}

static void say_report(const job *j)
{
    const km_token_report *r = &j->t.report;
    km_cli_say(
        j->cli,
        "%s: kept %d heavy atoms of %d residues; left out %d hydrogens, %d waters, %d ions, %d crystallisation agents, "
        "%d leaving atoms, %d alternates",
        j->top, j->t.system->n_atoms, j->t.system->n_residues, r->hydrogens, r->waters, r->ions, r->additives,
        r->leaving, r->alternates);
    if (r->held) km_cli_say(j->cli, "%s: %d metals stay: molecules hold them in nine of ten frames", j->top, r->held);
    if (r->lipids) km_cli_say(j->cli, "%s: left out %d lipids", j->top, r->lipids);
    if (r->unresolved)
        km_cli_say(j->cli, "%s: %d residues of its sequences are not in it: %s", j->top, r->unresolved,
                   strcmp(o.unresolved, "keep") == 0 ? "kept, marked absent" : "left out");
    if (r->perceived) km_cli_say(j->cli, "%s: bonds of %d ligands by where their atoms are", j->top, r->perceived);
    if (r->missing) km_cli_say(j->cli, "%s: %d missing atoms (%s): %s", j->top, r->missing, r->missing_list, o.missing);
}

/* The topology as its file or the set has it; chains whole, where it has a box. */
static km_status read_topology(job *j, km_err *err)
{
    km_traj *same;
    float box[9], *x;
    if (o.set) {
        KM_TRY(km_set_open(o.set, &o.choice, j->cli->operands, j->cli->n_operands, &j->set, err));
        j->top = j->set.name;
        j->raw = j->set.topology;
        if (!o.raw) km_chem_raw_whole(j->raw, j->set.box);
        if (*j->set.note) km_cli_say(j->cli, "%s: %s", j->top, j->set.note);
        if (j->set.ensembles)
            km_cli_say(j->cli, "%s: %d files left out: ensembles, without times", j->top, j->set.ensembles);
        return KM_OK;
    }
    j->top = o.top ? o.top : j->cli->operands[0];
    KM_TRY(km_structure_read(j->top, 1, &j->raw, err));
    if (o.raw || km_traj_open(j->top, &same, NULL) < 0) return KM_OK;
    x = km_alloc(12 * (size_t)km_traj_atoms(same));
    if (km_traj_read(same, 0, x, NULL, box, NULL) == KM_OK) km_chem_raw_whole(j->raw, box);
    free(x);
    km_traj_close(same);
    km_chem_raw_split(j->raw);
    return KM_OK;
}

static km_status take_raw(job *j, km_err *err)
{
    km_system *y = j->raw->system;
    for (int32_t i = 0; i < y->n_atoms; i++) {
        km_atom *a = &y->atoms[i];
        if (!a->element) a->element = (uint8_t)km_chem_guess_element(y->residues[a->residue].name, a->name);
    }
    if (km_system_check(y, err) < 0) return km_fail_in(err, j->top);
    return KM_OK;
}

/* The first of the trajectories. */
static km_set_trajectory first_of(const job *j)
{
    char *path = (char *)j->cli->operands[0];
    return o.set ? j->set.trajectories[0]
                 : (km_set_trajectory){.path = path, .name = path, .bin = km_ends_with(path, ".bin")};
}

/* Which metals molecules hold in nine of ten frames of the first trajectory; NULL: as the topology has it, because
 * there are none or the trajectory, of which more is said later, cannot be read. Free it. */
static int32_t *find_held(const job *j)
{
    enum { SAMPLES = 32 };
    const km_set_trajectory first = first_of(j);
    const km_system *s = j->raw->system;
    km_traj *t = NULL;
    if (o.keep || !km_chem_has_metals(s) || km_set_trajectory_open(&first, s->n_atoms, &t, NULL) < 0) return NULL;
    int32_t *held = KM_NEWN(int32_t, (size_t)s->n_residues), n = 0;
    float *x = km_alloc(12 * (size_t)km_traj_atoms(t)), box[9];
    const int64_t frames = km_traj_frames(t), samples = frames < SAMPLES ? frames : SAMPLES;
    for (int64_t i = 0; i < samples && km_traj_atoms(t) == s->n_atoms; i++) {
        if (km_traj_decode(t, i * (frames - 1) / (samples > 1 ? samples - 1 : 1), x, NULL, box, NULL) < 0) continue;
        km_chem_count_held(j->raw, x, box, held);
        n++;
    }
    for (int32_t r = 0; r < s->n_residues; r++) held[r] = n > 0 && 10 * held[r] >= 9 * n;
    free(x);
    km_traj_close(t);
    if (n > 0) return held;
    free(held);
    return NULL;
}

static km_status tokenize(job *j, km_err *err)
{
    const char *ccd = o.ccd ? o.ccd : getenv("KM_CCD");
    km_token_options options = {.chains = o.chain,
                                .missing = strcmp(o.missing, "drop") == 0    ? KM_MISSING_DROP
                                           : strcmp(o.missing, "build") == 0 ? KM_MISSING_BUILD
                                                                             : KM_MISSING_REFUSE};
    options.keep = o.keep;
    options.unresolved = strcmp(o.unresolved, "keep") == 0;
    if (o.reference) KM_TRY(km_chem_refer(j->raw, o.reference, err));
    int32_t *held = find_held(j);
    options.opt_held = held;
    options.library = km_library_new(ccd && *ccd ? ccd : NULL);
    km_status status = km_inputs_ligands(options.library, &o.ligands, err);
    if (status == KM_OK) {
        status = km_inputs_tokenize(family, j->raw, &options, j->cli->seed, &j->t, err);
        if (status < 0) km_fail_in(err, j->top);
    }
    km_library_free(options.library);
    free(held);
    KM_TRY(status);
    KM_TRY(km_inputs_msa(j->t.system, &o.msa, NULL, &j->msa, err));
    say_report(j);
    float *x = km_alloc(3 * (size_t)j->t.system->n_atoms * sizeof *x);
    km_chem_gather(&j->t, j->raw->coords, x);
    status = km_clean_ligands(j->t.system, x, err);
    if (status == KM_OK) status = km_chem_check_valences(j->raw, &j->t, err);
    free(x);
    return status < 0 ? km_fail_in(err, j->top) : KM_OK;
}

static km_status load_topology(job *j, km_err *err)
{
    KM_TRY(read_topology(j, err));
    KM_TRY(o.raw ? take_raw(j, err) : tokenize(j, err));
    km_system *system = o.raw ? j->raw->system : j->t.system;
    if (o.set) free(system->name), system->name = km_strdup(j->set.name);
    km_inputs_add_provenance(j->cli, system);
    j->strip = (km_strip){.cli = j->cli,
                          .stride = o.stride,
                          .raw = o.raw,
                          .strict = o.strict,
                          .tokens = o.raw ? NULL : &j->t,
                          .system = system};
    km_strip_start(&j->strip);
    return KM_OK;
}

static km_status open_output(job *j, km_err *err)
{
    const km_system *system = j->strip.system;
    if (o.out && km_ends_with(o.out, ".h5")) {
        const char *set = o.set_name ? o.set_name : o.set ? o.set : "";
        const char *license = o.license ? o.license : j->set.license ? j->set.license : "";
        if (o.set && strcmp(o.set, "mdposit") == 0 && !*license)
            return km_fail(err, KM_NEGATIVE, "%.100s: the project states no licence (give --license)", j->top);
        KM_TRY(km_h5md_create(o.out, system, set, license, &j->strip.h5, err));
        return km_h5md_put(j->strip.h5, j->msa, NULL, err);
    }
    KM_TRY(km_output_open(&j->out, o.out, true, err));
    j->strip.writer = km_writer_new(j->out.file, j->out.what);
    KM_TRY(km_writer_system(j->strip.writer, system, err));
    return j->msa ? km_writer_msa(j->strip.writer, j->msa, err) : KM_OK;
}

/* What the clock says, where it is not what is used. */
static void compare_clock(const job *j, const km_strip_input *in)
{
    int64_t fs[2];
    if (!in->dt || !km_traj_timed(in->traj) || km_traj_frames(in->traj) < 2) return;
    float *x = km_alloc(12 * (size_t)km_traj_atoms(in->traj));
    bool good = true;
    for (int i = 0; i < 2 && good; i++) good = km_traj_decode(in->traj, i, x, &fs[i], NULL, NULL) == KM_OK;
    free(x);
    if (good && llabs(fs[1] - fs[0] - in->dt) > in->dt / 1000000)
        km_cli_say(j->cli, "%s: frames %g ns apart by its clock, %g ns used", in->name, km_ns_of_fs(fs[1] - fs[0]),
                   km_ns_of_fs(in->dt));
}

static km_status check_trajectory(const job *j, const km_strip_input *in, km_err *err)
{
    const int32_t n = j->raw->system->n_atoms;
    if (km_traj_atoms(in->traj) != n)
        return km_fail(err, KM_INPUT, "%.90s has %d atoms, the topology %.90s has %d%s", in->path,
                       km_traj_atoms(in->traj), j->top, n,
                       *j->raw->alt_dropped ? " (alternate locations not counted)" : "");
    if (km_traj_truncated(in->traj))
        return km_fail(err, KM_INPUT, "%.120s: truncated after frame %lld", in->path,
                       (long long)km_traj_frames(in->traj) - 1);
    if (!in->dt && !km_traj_timed(in->traj) && km_traj_frames(in->traj) > 1)
        return km_fail(err, KM_USAGE, "%.120s does not say when its frames are: give --dt", in->path);
    compare_clock(j, in);
    return KM_OK;
}

/* What the file keeps of where its last trajectories come from. */
static km_status note_source(job *j, int64_t from, const km_set_trajectory *t, km_err *err)
{
    char kelvin[32];
    snprintf(kelvin, sizeof kelvin, "%g", t->kelvin);
    for (int64_t i = from; i < j->strip.counts.pieces && j->strip.h5; i++) {
        KM_TRY(km_h5md_note(j->strip.h5, (int)i, "source", t->name, err));
        if (t->force_field) KM_TRY(km_h5md_note(j->strip.h5, (int)i, "force_field", t->force_field, err));
        if (t->kelvin > 0) KM_TRY(km_h5md_note(j->strip.h5, (int)i, "temperature_K", kelvin, err));
    }
    return KM_OK;
}

static km_status strip_one(job *j, const km_set_trajectory *t, km_err *err)
{
    km_strip_input in = {.path = t->path, .name = t->name, .dt = o.dt ? o.dt : t->dt};
    const int64_t pieces = j->strip.counts.pieces;
    KM_TRY(km_set_trajectory_open(t, j->raw->system->n_atoms, &in.traj, err));
    if (*km_traj_note(in.traj)) km_cli_say(j->cli, "%s: %s", in.name, km_traj_note(in.traj));
    km_status status = check_trajectory(j, &in, err);
    if (status == KM_OK) status = km_strip_trajectory(&j->strip, &in, err);
    km_traj_close(in.traj);
    return status == KM_OK ? note_source(j, pieces, t, err) : status;
}

/* A trajectory that is refused does not stop the others, as long as nothing of it has gone out. */
static km_status strip_next(job *j, const km_set_trajectory *t, km_err *err)
{
    km_err why;
    const int64_t frames = j->strip.counts.frames;
    const km_status status = strip_one(j, t, &why);
    if (status == KM_OK) return KM_OK;
    const bool goes_on = (status == KM_NEGATIVE || status == KM_INPUT) && j->strip.counts.frames == frames;
    if (!goes_on) return km_fail(err, status, "%s", why.msg);
    j->strip.counts.refused++;
    if (j->refused) km_cli_say(j->cli, "%s", why.msg);
    else j->refused = status, j->why = why;
    return KM_OK;
}

static km_status strip_all(job *j, km_err *err)
{
    for (int i = 0; i < j->set.count; i++) KM_TRY(strip_next(j, &j->set.trajectories[i], err));
    for (int i = 0; i < j->cli->n_operands && !o.set; i++) {
        char *path = (char *)j->cli->operands[i];
        const km_set_trajectory t = {.path = path, .name = path, .bin = km_ends_with(path, ".bin")};
        KM_TRY(strip_next(j, &t, err));
    }
    if (j->strip.counts.frames > 0) return KM_OK;
    return j->refused ? km_fail(err, j->refused, "%s", j->why.msg)
                      : km_fail(err, KM_NEGATIVE, "%.200s: no two frames that follow each other", j->top);
}

/* The limits and what they left out, as one line, for the file and the user. */
static char *summary(const km_strip *s)
{
    const km_strip_counts *c = &s->counts;
    const km_clean_limits *l = &km_clean_defaults;
    const int64_t *d = c->dropped;
    return km_asprintf(
        "frames dropped: not finite %lld, CA-CA beyond %g A %lld, C-N beyond %g A %lld, bond beyond %g to %g of its "
        "median or %g A %lld, clash below %g A %lld; cut at %lld leaps (%g x median and %g A) and %lld gaps in time; "
        "%lld duplicates, %lld single frames left out; %lld frames with a stereocentre turned over; %d trajectories "
        "refused (more than %g %% of frames dropped, or damage)",
        (long long)d[KM_FAULT_NUMBER], l->ca_ca, (long long)d[KM_FAULT_CA], l->peptide, (long long)d[KM_FAULT_PEPTIDE],
        l->bond_low, l->bond_high, l->bond_most, (long long)d[KM_FAULT_BOND], l->clash, (long long)d[KM_FAULT_CLASH],
        (long long)c->leaps, l->leap, l->leap_least, (long long)c->gaps, (long long)c->duplicates, (long long)c->alone,
        (long long)c->mirrored, c->refused, 100 * l->dropped);
}

static km_status finish(job *j, km_status status, km_err *err)
{
    if (j->strip.h5) {
        char *text = summary(&j->strip);
        if (status == KM_OK && !o.raw) status = km_h5md_note(j->strip.h5, -1, "cleaning", text, err);
        if (status == KM_OK && j->set.numbers)
            status = km_h5md_note(j->strip.h5, -1, "author_numbers", j->set.numbers, err);
        free(text);
        if (status == KM_OK) return km_h5md_commit(j->strip.h5, err);
        km_h5md_abandon(j->strip.h5);
    } else if (j->strip.writer) {
        if (status == KM_OK) status = km_writer_end(j->strip.writer, err);
        km_writer_free(j->strip.writer);
        if (status == KM_OK) return km_output_commit(&j->out, err);
        km_output_abandon(&j->out, status == KM_INTERRUPTED);
    }
    return status;
}

static void say_counts(const job *j)
{
    const km_strip_counts *c = &j->strip.counts;
    int64_t out = c->leaps + c->gaps + c->duplicates + c->alone + c->mirrored + c->refused;
    for (int k = 0; k < KM_FAULTS; k++) out += c->dropped[k];
    km_cli_say(j->cli, "%lld frames of %lld trajectories", (long long)c->frames, (long long)c->pieces);
    if (o.raw) return;
    km_cli_say(j->cli, "%.2f to %.2f angstrom from the first frame", j->strip.least_rmsd, j->strip.most_rmsd);
    if (out == 0) return;
    char *text = summary(&j->strip);
    km_cli_say(j->cli, "%s", text);
    free(text);
}

int main(int argc, char **argv)
{
    km_cli cli;
    km_err err = {0};
    job j = {.cli = &cli};
    km_cli_start(&cli, &program, argc, argv);
    km_status status = check_options(&cli, &err);
    if (status == KM_OK) status = load_topology(&j, &err);
    if (status == KM_OK) status = open_output(&j, &err);
    if (status == KM_OK) status = strip_all(&j, &err);
    status = finish(&j, status, &err);
    if (status == KM_OK) say_counts(&j);
    if (status == KM_OK && j.refused) status = j.refused, err = j.why;
    km_strip_clear(&j.strip);
    km_tokenized_clear(&j.t);
    if (!o.set) km_structure_free(j.raw);
    km_set_clear(&j.set);
    km_msa_free(j.msa);
    return km_cli_end(&cli, status, &err);
}
