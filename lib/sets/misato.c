/* SPDX-License-Identifier: MIT
 * MISATO (Zenodo 7711953): /ID/trajectory_coordinates, 100 frames 80 ps apart, and a topology without names: residue
 * codes, atom types and elements of Amber's ff14SB and GAFF2. The names follow from the residues' fixed orders of
 * atoms; every element is compared, and a first atom of type N3 or a last one of type O2 tells a chain's ends. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "formats/h5_table.h"
#include "lib/base/component.h"
#include "lib/base/mem.h"
#include "lib/sets/sets_impl.h"

enum { STEP_FS = 80000, TYPE_N3 = 26, TYPE_O2 = 30, MOLECULE = 0, RESIDUES = 23, MOST_ATOMS = 32 };

static const struct {
    const char *name, *atoms;
} residues[RESIDUES] = {
    {"MOL", ""},
    {"ACE", "HH31 CH3 HH32 HH33 C O"},
    {"ALA", "N H CA HA CB HB1 HB2 HB3 C O"},
    {"ARG", "N H CA HA CB HB2 HB3 CG HG2 HG3 CD HD2 HD3 NE HE CZ NH1 HH11 HH12 NH2 HH21 HH22 C O"},
    {"ASN", "N H CA HA CB HB2 HB3 CG OD1 ND2 HD21 HD22 C O"},
    {"ASP", "N H CA HA CB HB2 HB3 CG OD1 OD2 C O"},
    {"CYS", "N H CA HA CB HB2 HB3 SG HG C O"},
    {"CYX", "N H CA HA CB HB2 HB3 SG C O"},
    {"GLN", "N H CA HA CB HB2 HB3 CG HG2 HG3 CD OE1 NE2 HE21 HE22 C O"},
    {"GLU", "N H CA HA CB HB2 HB3 CG HG2 HG3 CD OE1 OE2 C O"},
    {"GLY", "N H CA HA2 HA3 C O"},
    {"HIE", "N H CA HA CB HB2 HB3 CG ND1 CE1 HE1 NE2 HE2 CD2 HD2 C O"},
    {"ILE", "N H CA HA CB HB CG2 HG21 HG22 HG23 CG1 HG12 HG13 CD1 HD11 HD12 HD13 C O"},
    {"LEU", "N H CA HA CB HB2 HB3 CG HG CD1 HD11 HD12 HD13 CD2 HD21 HD22 HD23 C O"},
    {"LYS", "N H CA HA CB HB2 HB3 CG HG2 HG3 CD HD2 HD3 CE HE2 HE3 NZ HZ1 HZ2 HZ3 C O"},
    {"MET", "N H CA HA CB HB2 HB3 CG HG2 HG3 SD CE HE1 HE2 HE3 C O"},
    {"PHE", "N H CA HA CB HB2 HB3 CG CD1 HD1 CE1 HE1 CZ HZ CE2 HE2 CD2 HD2 C O"},
    {"PRO", "N CD HD2 HD3 CG HG2 HG3 CB HB2 HB3 CA HA C O"},
    {"SER", "N H CA HA CB HB2 HB3 OG HG C O"},
    {"THR", "N H CA HA CB HB CG2 HG21 HG22 HG23 OG1 HG1 C O"},
    {"TRP", "N H CA HA CB HB2 HB3 CG CD1 HD1 NE1 HE1 CE2 CZ2 HZ2 CH2 HH2 CZ3 HZ3 CE3 HE3 CD2 C O"},
    {"TYR", "N H CA HA CB HB2 HB3 CG CD1 HD1 CE1 HE1 CZ OH HH CE2 HE2 CD2 HD2 C O"},
    {"VAL", "N H CA HA CB HB CG1 HG11 HG12 HG13 CG2 HG21 HG22 HG23 C O"},
};

typedef struct columns {
    double *number, *type, *residue, *begin;
    int64_t n, n_molecules;
} columns;

static void free_columns(columns *c) { free(c->number), free(c->type), free(c->residue), free(c->begin); }

static km_status read_column(const char *path, const char *id, const char *name, double **ret, int64_t *ret_n,
                             km_err *err)
{
    char *set = km_asprintf("/%s/%s", id, name);
    const km_status status = km_h5_numbers(path, set, ret, ret_n, err);
    free(set);
    return status;
}

static km_status read_columns(const char *path, const char *id, columns *c, km_err *err)
{
    int64_t types, codes;
    KM_TRY(read_column(path, id, "atoms_number", &c->number, &c->n, err));
    KM_TRY(read_column(path, id, "atoms_type", &c->type, &types, err));
    KM_TRY(read_column(path, id, "atoms_residue", &c->residue, &codes, err));
    KM_TRY(read_column(path, id, "molecules_begin_atom_index", &c->begin, &c->n_molecules, err));
    bool good = types == c->n && codes == c->n && c->n <= INT32_MAX / 16 && c->begin[0] == 0;
    for (int64_t i = 0; i < c->n && good; i++)
        good = c->residue[i] >= 0 && c->residue[i] < RESIDUES && c->number[i] >= 0 && c->number[i] < 119;
    for (int64_t i = 1; i < c->n_molecules && good; i++) good = c->begin[i] > c->begin[i - 1] && c->begin[i] < c->n;
    return good ? KM_OK : km_fail(err, KM_INPUT, "%.100s: /%s: its columns do not belong together", path, id);
}

/* Names of the atoms of the residue that begins at atom i; returns how many there are. */
static int name_atoms(const columns *c, int64_t i, km_name names[MOST_ATOMS])
{
    const int code = (int)c->residue[i];
    const bool starts = c->type[i] == TYPE_N3;
    int n = 0;
    for (const char *p = residues[code].atoms; *p && n < MOST_ATOMS - 3;) {
        const size_t m = strcspn(p, " ");
        memset(names[n], 0, sizeof names[n]);
        memcpy(names[n++], p, m);
        p += m + (p[m] == ' ');
        const bool proline = !strcmp(residues[code].name, "PRO");
        if (starts && (proline ? n == 1 : n == 2)) { /* H2 and H3 behind H or, in proline, N */
            memcpy(names[n++], "H2\0\0\0\0\0", sizeof *names);
            memcpy(names[n++], "H3\0\0\0\0\0", sizeof *names);
        }
    }
    if (i + n < c->n && n > 1 && c->type[i + n] == TYPE_O2 && c->type[i + n - 1] == TYPE_O2)
        memcpy(names[n++], "OXT\0\0\0\0", sizeof *names);
    return n;
}

static int element_of_name(const char *name)
{
    return *name == 'H' ? 1 : *name == 'C' ? 6 : *name == 'N' ? 7 : *name == 'O' ? 8 : 16;
}

static void add_atom(km_system *s, const km_name name, int element)
{
    km_atom *a = &s->atoms[s->n_atoms++];
    memcpy(a->name, name, sizeof a->name);
    a->element = (uint8_t)element, a->present = 1, a->token = -1, a->residue = s->n_residues - 1;
    s->residues[a->residue].n_atoms++;
}

static void add_residue(km_structure *t, const char *name, bool polymer)
{
    km_system *s = t->system;
    km_chain *c = &s->chains[s->n_chains - 1];
    km_residue *r = &s->residues[s->n_residues];
    *r = (km_residue){.chain = s->n_chains - 1,
                      .number = c->n_residues + 1,
                      .icode = ' ',
                      .index = c->n_residues,
                      .first_atom = s->n_atoms};
    memcpy(r->name, name, strlen(name));
    t->is_polymer[s->n_residues] = polymer;
    t->is_het[s->n_residues] = !polymer;
    c->n_residues++;
    s->n_residues++;
}

static void add_chain(km_structure *t, int64_t number, bool polymer)
{
    km_system *s = t->system;
    km_chain *c = &s->chains[s->n_chains];
    *c = (km_chain){
        .mol_type = polymer ? KM_PROTEIN : KM_NONPOLYMER, .asym_id = s->n_chains, .first_residue = s->n_residues};
    if (number < 26) c->name[0] = (char)('A' + number);
    else snprintf(c->name, sizeof c->name, "A%d", (int)(number % 99999));
    s->n_chains++;
}

/* A molecule that is all MOL is one residue, of one atom an ion: element and running number name its atoms. */
static void add_small(km_structure *t, const columns *c, int64_t from, int64_t to)
{
    int count[119] = {0};
    char ion[4] = "";
    snprintf(ion, sizeof ion, "%.2s", km_element_symbol((int)c->number[from]));
    for (char *p = ion; *p; p++) *p = (char)toupper(*p);
    add_residue(t, to - from == 1 ? ion : "MOL", false);
    for (int64_t i = from; i < to; i++) {
        km_name name = {0};
        const int e = (int)c->number[i];
        snprintf(name, sizeof name, "%.2s%d", km_element_symbol(e), ++count[e] % 10000);
        add_atom(t->system, name, e);
    }
}

static km_status add_molecule(km_structure *t, const columns *c, const char *id, int64_t number, km_err *err)
{
    const int64_t from = (int64_t)c->begin[number];
    const int64_t to = number + 1 < c->n_molecules ? (int64_t)c->begin[number + 1] : c->n;
    add_chain(t, number, c->residue[from] != MOLECULE);
    for (int64_t i = from; i < to;) {
        km_name names[MOST_ATOMS];
        if (c->residue[i] == MOLECULE) {
            int64_t end = i;
            while (end < to && c->residue[end] == MOLECULE) end++;
            add_small(t, c, i, end);
            i = end;
            continue;
        }
        const char *name = residues[(int)c->residue[i]].name;
        const int n = name_atoms(c, i, names);
        add_residue(t, name, true);
        for (int k = 0; k < n; k++, i++) {
            const int want = element_of_name(names[k]);
            if (i >= to || (int)c->number[i] != want || c->residue[i] != c->residue[i - k])
                return km_fail(err, KM_INPUT, "%s: residue %s %d of molecule %d: atom %s is not where it should be", id,
                               name, t->system->residues[t->system->n_residues - 1].number, (int)number + 1, names[k]);
            add_atom(t->system, names[k], want);
        }
    }
    return KM_OK;
}

static km_status read_first_frame(const km_set_trajectory *t, km_structure *s, km_err *err)
{
    km_traj *traj;
    KM_TRY(km_set_trajectory_open(t, s->system->n_atoms, &traj, err));
    km_status status = km_traj_atoms(traj) == s->system->n_atoms
                           ? KM_OK
                           : km_fail(err, KM_INPUT, "%.120s: %s: coordinates of %d atoms, %d types", t->path, t->name,
                                     km_traj_atoms(traj), s->system->n_atoms);
    if (status == KM_OK) status = km_traj_read(traj, 0, s->coords, NULL, NULL, err);
    km_traj_close(traj);
    return status;
}

static km_status build(const km_set_call *call, const columns *c, km_err *err)
{
    const size_t n = (size_t)c->n, molecules = (size_t)c->n_molecules;
    km_structure *t = call->to->topology = KM_NEW(km_structure);
    t->system = km_system_new();
    t->system->name = (free(t->system->name), km_strdup(call->to->name));
    t->system->atoms = KM_NEWN(km_atom, n);
    t->system->residues = KM_NEWN(km_residue, n);
    t->system->chains = KM_NEWN(km_chain, molecules);
    t->coords = KM_NEWN(float, 3 * n), t->n_models = 1;
    t->is_polymer = KM_NEWN(bool, n), t->is_het = KM_NEWN(bool, n);
    t->label_seq = KM_NEWN(int32_t, n), t->sequence = KM_NEWN(char *, molecules), t->alt_dropped = KM_NEW(int32_t);
    for (int64_t i = 0; i < c->n_molecules; i++) KM_TRY(add_molecule(t, c, call->to->name, i, err));
    return read_first_frame(&call->to->trajectories[0], t, err);
}

km_status km_set_misato(const km_set_call *call, km_err *err)
{
    columns c = {0};
    if (!call->id) return km_fail(err, KM_USAGE, "MISATO needs --id, the PDB code of a complex");
    if (call->files->count != 1) return km_fail(err, KM_USAGE, "MISATO is one file, MD.hdf5");
    const char *path = call->files->paths[0];
    call->to->name = km_strdup(call->id);
    for (char *p = call->to->name; *p; p++)
        if (*p >= 'a' && *p <= 'z') *p = (char)(*p - 'a' + 'A');
    call->to->license = (free(call->to->license), km_strdup("CC-BY-4.0 (unconfirmed)"));
    char *positions = km_asprintf("/%s/trajectory_coordinates", call->to->name);
    km_set_trajectory *t = km_set_add(call->to, path, call->to->name, STEP_FS);
    t->positions = positions, t->force_field = km_strdup("ff14SB, GAFF2"), t->kelvin = 300;
    km_status status = read_columns(path, call->to->name, &c, err);
    if (status == KM_OK) status = build(call, &c, err);
    free_columns(&c);
    return status;
}
