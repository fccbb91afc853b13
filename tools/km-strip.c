/* SPDX-License-Identifier: MIT
 * km-strip: raw trajectories and their topology to clean ones, as a stream or as H5MD. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "formats/h5md.h"
#include "formats/km.h"
#include "formats/traj.h"
#include "lib/base/io.h"
#include "lib/base/mem.h"
#include "lib/base/opt.h"
#include "lib/chem/geometry.h"
#include "lib/chem/residues.h"
#include "lib/chem/tokens.h"
#include "lib/traj/superpose.h"
#include "tools/inputs.h"

/* A bond this far from its ideal length is no bond of that molecule at 310 K (the spread is 0.03): a wrong topology, or
 * a molecule broken over a periodic wall. */
#define MAX_BOND_ERROR 0.5f
/* A chain's centre does not move so far between frames; a box edge does. */
#define MAX_JUMP 20.0
enum { CHUNK = 256 };

static struct {
    const char *set, *id, *top, *ccd, *out, *set_name, *license, *chain, *missing;
    km_msa_inputs msa;
    int64_t dt;
    int stride;
    bool keep, raw;
} o = {.stride = 1, .set_name = "", .license = "", .missing = "refuse", .msa = KM_MSA_INPUTS_DEFAULT};

static const km_opt table[] = {
    {"top", 0, KM_OPT_STRING, &o.top, "FILE", "topology: a PDB or mmCIF file with the same atoms in the same order"},
    {"output", 'o', KM_OPT_STRING, &o.out, "FILE",
     "write FILE.h5 (H5MD) or FILE.km instead of a stream on standard output"},
    {"stride", 0, KM_OPT_INT, &o.stride, "N", "take every Nth frame", .min = 1, .max = 1e9},
    {"dt", 0, KM_OPT_TIME, &o.dt, "TIME", "time between the input's frames, instead of what it says"},
    {"chain", 0, KM_OPT_STRING, &o.chain, "A,B", "only these chains"},
    {"missing", 0, KM_OPT_CHOICE, &o.missing, "HOW",
     "missing heavy atoms: refuse, drop (mark absent) or build (ideal places)", .choices = "refuse|drop|build"},
    {"raw", 0, KM_OPT_FLAG, &o.raw, NULL, "decode only: every atom and frame as it is, no tokens"},
    {"set-name", 0, KM_OPT_STRING, &o.set_name, "NAME", "name of the data set to store (with -o FILE.h5)"},
    {"license", 0, KM_OPT_STRING, &o.license, "TEXT", "licence of the data to store (with -o FILE.h5)"},
    {"set", 0, KM_OPT_STRING, &o.set, "NAME", "a public data set's own layout (not in this version)"},
    {"id", 0, KM_OPT_STRING, &o.id, "ID", "system of the set (not in this version)"},
    {"keep", 0, KM_OPT_FLAG, &o.keep, NULL, "keep solvent, ions and crystallisation agents"},
    {"ccd", 0, KM_OPT_STRING, &o.ccd, "FILE", "chemical component dictionary, mmCIF or BinaryCIF (default: $KM_CCD)"},
    KM_MSA_INPUTS_OPTIONS(o.msa),
    {0}};
static const km_program program = {
    "km-strip",
    "--top FILE [options] INPUT...",
    "make clean trajectories of raw ones (XTC, TRR, DCD), without solvent, ions and hydrogens",
    table,
    1,
    -1};

typedef struct strip {
    const km_cli *cli;
    km_structure *raw;
    km_tokenized t;
    const km_system *system; /* t.system, or with --raw the structure's own */
    km_msa *msa;             /* NULL: none given */
    float *ideal;            /* [B] */
    float *weights;          /* [A] 1 for the atoms that frames are laid upon */
    float *first, *before;   /* [A, 3] first frame of all; frame before */
    bool has_first;
    km_output out;
    km_writer *writer;
    km_h5md_writer *h5;
    int64_t frames;
} strip;

static bool ends_with(const char *s, const char *end)
{
    size_t n = strlen(s), m = strlen(end);
    return n >= m && strcmp(s + n - m, end) == 0;
}

static km_status check_options(km_err *err)
{
    const char *what = o.set         ? "--set"
                       : o.id        ? "--id"
                                     : NULL;
    if (o.raw && o.msa.files.count) return km_fail(err, KM_USAGE, "--msa needs tokens: not with --raw");
    if (what) return km_fail(err, KM_USAGE, "%s is not supported in this version", what);
    if (!o.top) return km_fail(err, KM_USAGE, "--top FILE is needed: the topology of the trajectories");
    if ((o.set_name[0] || o.license[0]) && (!o.out || !ends_with(o.out, ".h5")))
        return km_fail(err, KM_USAGE, "--set-name and --license need -o FILE.h5");
    return KM_OK;
}

static void say_report(const strip *s)
{
    const km_token_report *r = &s->t.report;
    km_cli_say(
        s->cli,
        "%s: kept %d heavy atoms of %d residues; left out %d hydrogens, %d waters, %d ions, %d crystallisation agents, "
        "%d leaving atoms, %d alternates",
        o.top, s->system->n_atoms, s->system->n_residues, r->hydrogens, r->waters, r->ions, r->additives, r->leaving,
        r->alternates);
    if (r->missing) km_cli_say(s->cli, "%s: %d missing atoms (%s): %s", o.top, r->missing, r->missing_list, o.missing);
}

static void choose_weights(strip *s)
{
    static const char *const protein[] = {"N", "CA", "C"}, *const nucleic[] = {"P", "C4'", "C1'"};
    const km_system *y = s->system;
    int chosen = 0;
    for (int32_t i = 0; i < y->n_atoms; i++) {
        bool is_protein = y->chains[y->residues[y->atoms[i].residue].chain].mol_type == KM_PROTEIN;
        for (int k = 0; k < 3; k++) s->weights[i] += strcmp(y->atoms[i].name, (is_protein ? protein : nucleic)[k]) == 0;
        chosen += s->weights[i] > 0;
    }
    for (int32_t i = 0; i < y->n_atoms && chosen < 3; i++) s->weights[i] = 1;
}

static void add_provenance(const km_cli *cli, km_system *system)
{
    if (cli->no_provenance) return;
    char *arguments = km_cli_arguments(cli);
    km_provenance p = {.program = "km-strip", .version = KM_VERSION, .arguments = arguments, .seed = cli->seed};
    km_system_add_provenance(system, &p);
    free(arguments);
}

static km_status load_topology(strip *s, km_err *err)
{
    km_token_options options = {.chains = o.chain, .missing = strcmp(o.missing, "drop") == 0    ? KM_MISSING_DROP
                                                               : strcmp(o.missing, "build") == 0 ? KM_MISSING_BUILD
                                                                                                 : KM_MISSING_REFUSE};
    KM_TRY(km_structure_read(o.top, 1, &s->raw, err));
    if (o.raw) {
        for (int32_t i = 0; i < s->raw->system->n_atoms; i++) {
            km_atom *a = &s->raw->system->atoms[i];
            if (!a->element)
                a->element = (uint8_t)km_chem_guess_element(s->raw->system->residues[a->residue].name, a->name);
        }
        if (km_system_check(s->raw->system, err) < 0) return km_fail_in(err, o.top);
        s->system = s->raw->system;
    } else {
        const char *ccd = o.ccd ? o.ccd : getenv("KM_CCD");
        options.keep = o.keep;
        options.library = km_library_new(ccd && *ccd ? ccd : NULL);
        km_status status = km_chem_tokenize(s->raw, &options, &s->t, err);
        km_library_free(options.library);
        if (status < 0) return km_fail_in(err, o.top);
        s->system = s->t.system;
        KM_TRY(km_inputs_msa(s->system, &o.msa, NULL, &s->msa, err));
        say_report(s);
    }
    add_provenance(s->cli, o.raw ? s->raw->system : s->t.system);
    size_t n = (size_t)s->system->n_atoms;
    s->ideal = KM_NEWN(float, (size_t)s->system->n_bonds + 1);
    s->weights = KM_NEWN(float, n);
    s->first = KM_NEWN(float, n * 3);
    s->before = KM_NEWN(float, n * 3);
    km_chem_bonds_ideal(s->system, s->ideal);
    choose_weights(s);
    return KM_OK;
}

static km_status open_output(strip *s, km_err *err)
{
    if (o.out && ends_with(o.out, ".h5")) {
        KM_TRY(km_h5md_create(o.out, s->system, o.set_name, o.license, &s->h5, err));
        return km_h5md_put(s->h5, s->msa, NULL, err);
    }
    KM_TRY(km_output_open(&s->out, o.out, true, err));
    s->writer = km_writer_new(s->out.file, s->out.what);
    KM_TRY(km_writer_system(s->writer, s->system, err));
    return s->msa ? km_writer_msa(s->writer, s->msa, err) : KM_OK;
}

static void label_atom(const km_system *y, int32_t i, char out[40])
{
    const km_residue *r = &y->residues[y->atoms[i].residue];
    snprintf(out, 40, "%s of %s %d %s", y->atoms[i].name, r->name, r->number, y->chains[r->chain].name);
}

static km_status check_frame(const strip *s, const char *path, int64_t index, const float *x, km_err *err)
{
    const km_system *y = s->system;
    char a[40], b[40];
    for (int32_t i = 0; i < y->n_atoms * 3; i++)
        if (!isfinite(x[i])) {
            label_atom(y, i / 3, a);
            return km_fail(err, KM_INPUT, "%.100s: frame %lld: atom %s has no finite coordinates", path,
                           (long long)index, a);
        }
    for (int32_t i = 0; i < y->n_bonds && !o.raw; i++) {
        const km_bond *k = &y->bonds[i];
        const float *p = x + (size_t)k->a * 3, *q = x + (size_t)k->b * 3;
        float d = sqrtf((p[0] - q[0]) * (p[0] - q[0]) + (p[1] - q[1]) * (p[1] - q[1]) + (p[2] - q[2]) * (p[2] - q[2]));
        if (!(fabsf(d - s->ideal[i]) > MAX_BOND_ERROR)) continue;
        label_atom(y, k->a, a);
        label_atom(y, k->b, b);
        return km_fail(err, KM_NEGATIVE,
                       "%.80s: frame %lld: the bond from %s to %s is %.2f angstrom long, ideally %.2f", path,
                       (long long)index, a, b, (double)d, (double)s->ideal[i]);
    }
    return KM_OK;
}

/* A chain that is elsewhere from one frame to the next has crossed a periodic wall. */
static km_status check_jump(const strip *s, const char *path, int64_t index, const float *x, km_err *err)
{
    const km_system *y = s->system;
    for (int32_t c = 0; c < y->n_chains; c++) {
        double moved[3] = {0};
        int32_t n = 0;
        for (int32_t i = 0; i < y->n_atoms; i++) {
            if (y->residues[y->atoms[i].residue].chain != c) continue;
            for (int k = 0; k < 3; k++) moved[k] += (double)x[i * 3 + k] - (double)s->before[i * 3 + k];
            n++;
        }
        double d = n ? sqrt(moved[0] * moved[0] + moved[1] * moved[1] + moved[2] * moved[2]) / n : 0;
        if (d > MAX_JUMP)
            return km_fail(err, KM_NEGATIVE, "%.100s: frame %lld: chain %s jumps by %.1f angstrom", path,
                           (long long)index, y->chains[c].name, d);
    }
    return KM_OK;
}

static km_status put_frame(strip *s, const char *path, int trajectory, int64_t index, int64_t time_fs, float *x,
                           km_err *err)
{
    size_t bytes = (size_t)s->system->n_atoms * 3 * sizeof *x;
    KM_TRY(check_frame(s, path, index, x, err));
    if (!s->has_first) memcpy(s->first, x, bytes);
    if (!o.raw) {
        double rot[9], from[3], to[3];
        km_superpose(x, s->first, s->weights, s->system->n_atoms, rot, from, to);
        km_superpose_apply(x, s->system->n_atoms, rot, from, to, x);
        if (index > 0) KM_TRY(check_jump(s, path, index, x, err));
    }
    memcpy(s->before, x, bytes);
    s->has_first = true;
    s->frames++;
    km_frame frame = {
        .time_fs = time_fs, .trajectory = trajectory, .given = true, .n_atoms = s->system->n_atoms, .coords = x};
    if (s->h5) return km_h5md_write(s->h5, trajectory, x, time_fs, err);
    return km_writer_frame(s->writer, &frame, err);
}

typedef struct chunk {
    float *raw, *x;     /* [CHUNK, A_raw, 3], [A, 3] */
    int64_t times[CHUNK];
} chunk;

static km_status strip_frames(strip *s, const km_traj *in, const char *path, int trajectory, chunk *c, km_err *err)
{
    size_t width = (size_t)s->raw->system->n_atoms * 3;
    int64_t total = (km_traj_frames(in) + o.stride - 1) / o.stride, last = 0;
    for (int64_t k = 0; k < total; k += CHUNK) {
        int64_t n = total - k < CHUNK ? total - k : CHUNK;
        KM_TRY(km_traj_read_many(in, k * o.stride, o.stride, n, s->cli->threads, c->raw, c->times, err));
        for (int64_t i = 0; i < n; i++) {
            int64_t index = (k + i) * o.stride, time = o.dt ? index * o.dt : c->times[i];
            if (k + i > 0 && time <= last)
                return km_fail(err, KM_INPUT, "%.100s: frame %lld: time does not increase (give --dt)", path,
                               (long long)index);
            last = time;
            if (o.raw) memcpy(c->x, c->raw + (size_t)i * width, width * sizeof *c->x);
            else km_chem_gather(&s->t, c->raw + (size_t)i * width, c->x);
            KM_TRY(put_frame(s, path, trajectory, index, time, c->x, err));
        }
        if (km_interrupted()) return km_fail(err, KM_INTERRUPTED, "interrupted");
    }
    return KM_OK;
}

static km_status strip_file(strip *s, const char *path, int trajectory, km_err *err)
{
    km_traj *in = NULL;
    KM_TRY(km_traj_open(path, &in, err));
    km_status status = KM_OK;
    int32_t n = s->raw->system->n_atoms;
    if (km_traj_atoms(in) != n) {
        status = km_fail(err, KM_INPUT, "%.90s has %d atoms, the topology %.90s has %d%s", path, km_traj_atoms(in),
                         o.top, n, *s->raw->alt_dropped ? " (alternate locations not counted)" : "");
    } else {
        chunk c = {.raw = km_alloc((size_t)CHUNK * (size_t)n * 3 * sizeof(float)),
                   .x = km_alloc((size_t)s->system->n_atoms * 3 * sizeof(float))};
        status = strip_frames(s, in, path, trajectory, &c, err);
        free(c.raw);
        free(c.x);
    }
    if (status == KM_OK && km_traj_truncated(in))
        status = km_fail(err, KM_INPUT, "%.120s: truncated after frame %lld", path, (long long)km_traj_frames(in) - 1);
    km_traj_close(in);
    return status;
}

static km_status finish(strip *s, km_status status, km_err *err)
{
    if (s->h5) {
        if (status == KM_OK) return km_h5md_commit(s->h5, err);
        km_h5md_abandon(s->h5);
    } else if (s->writer) {
        if (status == KM_OK) status = km_writer_end(s->writer, err);
        km_writer_free(s->writer);
        if (status == KM_OK) return km_output_commit(&s->out, err);
        km_output_abandon(&s->out, status == KM_INTERRUPTED);
    }
    return status;
}

int main(int argc, char **argv)
{
    km_cli cli;
    km_err err = {0};
    strip s = {.cli = &cli};
    km_cli_start(&cli, &program, argc, argv);
    km_status status = check_options(&err);
    if (status == KM_OK) status = load_topology(&s, &err);
    if (status == KM_OK) status = open_output(&s, &err);
    for (int i = 0; i < cli.n_operands && status == KM_OK; i++) status = strip_file(&s, cli.operands[i], i, &err);
    if (status == KM_OK && s.frames == 0) status = km_fail(&err, KM_INPUT, "%.200s: no frames", cli.operands[0]);
    status = finish(&s, status, &err);
    if (status == KM_OK)
        km_cli_say(&cli, "%lld frames of %d trajectories", (long long)s.frames, cli.n_operands);
    km_tokenized_clear(&s.t);
    km_structure_free(s.raw);
    km_msa_free(s.msa);
    free(s.ideal), free(s.weights), free(s.first), free(s.before);
    return km_cli_end(&cli, status, &err);
}
