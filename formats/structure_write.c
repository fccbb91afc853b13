/* SPDX-License-Identifier: MIT
 * PDB (wwPDB format 3.3) and mmCIF, written by hand. */
#include <ctype.h>
#include <math.h>
#include <string.h>

#include "formats/structure.h"
#include "lib/base/component.h"

static const char *upper_symbol(int element, char out[3])
{
    const char *symbol = km_element_symbol(element);
    int n = 0;
    for (; symbol[n]; n++) out[n] = (char)toupper((unsigned char)symbol[n]);
    out[n] = '\0';
    return out;
}

static bool is_het(const km_system *s, int32_t residue)
{
    return s->chains[s->residues[residue].chain].mol_type == KM_NONPOLYMER;
}

static km_status check_stream(FILE *f, km_err *err)
{
    return ferror(f) ? km_fail(err, KM_SYSTEM, "cannot write the structure") : KM_OK;
}

/* The serial an atom is written with: TER records count. */
static int serial_of(const km_system *s, int32_t atom)
{
    int32_t chain = s->residues[s->atoms[atom].residue].chain;
    int serial = atom + 1;
    for (int32_t c = 0; c < chain; c++)
        if (s->chains[c].mol_type != KM_NONPOLYMER && s->chains[c].n_residues > 0) serial++;
    return serial;
}

/* PDB columns: what does not fit is refused, never shifted. */
static km_status check_pdb(const km_system *s, km_err *err)
{
    bool polymer = s->n_atoms > 0 && !is_het(s, s->atoms[s->n_atoms - 1].residue); /* whose TER has a serial too */
    if (s->n_atoms > 0 && serial_of(s, s->n_atoms - 1) + polymer > 99999)
        return km_fail(err, KM_USAGE, "%d atoms do not fit a PDB file (with TER lines at most 99999): use mmCIF",
                       s->n_atoms);
    for (int32_t i = 0; i < s->n_atoms; i++)
        if (strlen(s->atoms[i].name) > 4)
            return km_fail(err, KM_USAGE, "atom name '%s' does not fit a PDB file: use mmCIF", s->atoms[i].name);
    for (int32_t r = 0; r < s->n_residues; r++) {
        const km_residue *res = &s->residues[r];
        if (strlen(res->name) > 3 || res->number > 9999 || res->number < -999)
            return km_fail(err, KM_USAGE, "residue %s %d does not fit a PDB file: use mmCIF", res->name, res->number);
    }
    for (int32_t c = 0; c < s->n_chains; c++)
        if (strlen(s->chains[c].name) > 2)
            return km_fail(err, KM_USAGE, "chain name '%s' does not fit a PDB file: use mmCIF", s->chains[c].name);
    return KM_OK;
}

static void write_pdb_atom(FILE *f, const km_system *s, int32_t i, int serial, const float *x)
{
    const km_atom *a = &s->atoms[i];
    const km_residue *r = &s->residues[a->residue];
    char name[8], room[3];
    const char *symbol = upper_symbol(a->element, room);
    snprintf(name, sizeof name, strlen(a->name) < 4 && strlen(symbol) == 1 ? " %-3s" : "%-4s", a->name);
    char charge[3] = "  ";
    if (a->charge && a->charge > -10 && a->charge < 10) {
        charge[0] = (char)('0' + (a->charge > 0 ? a->charge : -a->charge));
        charge[1] = a->charge > 0 ? '+' : '-';
    }
    fprintf(f, "%-6s%5d %-4s %3s%2s%4d%c   %8.3f%8.3f%8.3f%6.2f%6.2f          %2s%s\n",
            is_het(s, a->residue) ? "HETATM" : "ATOM", serial, name, r->name, s->chains[r->chain].name, r->number,
            r->icode ? r->icode : ' ', (double)x[0], (double)x[1], (double)x[2], 1.0, 0.0, symbol, charge);
}

static void write_cif_atom(FILE *f, const km_system *s, int32_t i, int model, const float *x)
{
    const km_atom *a = &s->atoms[i];
    const km_residue *r = &s->residues[a->residue];
    const km_chain *c = &s->chains[r->chain];
    bool het = is_het(s, a->residue);
    char sequence[16] = ".", quoted[12], symbol[3];
    if (!het) snprintf(sequence, sizeof sequence, "%d", r->index + 1);
    snprintf(quoted, sizeof quoted, strchr(a->name, '\'') ? "\"%s\"" : "%s", a->name);
    const char *chain = c->name[0] ? c->name : "A";
    char label[8] = {0}; /* A ... Z, AA ... ZZ, ...: one for each chain, whatever the author's names */
    int digits = 0;
    for (int32_t v = r->chain + 1; v > 0; v = (v - 1) / 26) label[digits++] = (char)('A' + (v - 1) % 26);
    fprintf(f, "%s %d %s %s . %s %s %d %s %c %.3f %.3f %.3f 1.00 0.00 %d %d %s %d\n", het ? "HETATM" : "ATOM", i + 1,
            upper_symbol(a->element, symbol), quoted, r->name, label, c->entity_id + 1, sequence,
            r->icode && r->icode != ' ' ? r->icode : '?', (double)x[0], (double)x[1], (double)x[2], a->charge,
            r->number, chain, model);
}

km_status km_structure_write_start(FILE *f, km_structure_kind kind, const km_system *s, km_err *err)
{
    if (kind == KM_STRUCTURE_PDB) {
        KM_TRY(check_pdb(s, err));
        return check_stream(f, err);
    }
    static const char *const columns[] = {"group_PDB",         "id",
                                          "type_symbol",       "label_atom_id",
                                          "label_alt_id",      "label_comp_id",
                                          "label_asym_id",     "label_entity_id",
                                          "label_seq_id",      "pdbx_PDB_ins_code",
                                          "Cartn_x",           "Cartn_y",
                                          "Cartn_z",           "occupancy",
                                          "B_iso_or_equiv",    "pdbx_formal_charge",
                                          "auth_seq_id",       "auth_asym_id",
                                          "pdbx_PDB_model_num"};
    fprintf(f, "data_kinematic\n#\nloop_\n_entity.id\n_entity.type\n");
    int32_t last = -1;
    for (int32_t c = 0; c < s->n_chains; c++)
        if (s->chains[c].entity_id > last) {
            last = s->chains[c].entity_id;
            fprintf(f, "%d %s\n", last + 1, s->chains[c].mol_type == KM_NONPOLYMER ? "non-polymer" : "polymer");
        }
    fprintf(f, "#\nloop_\n");
    for (size_t i = 0; i < sizeof columns / sizeof columns[0]; i++) fprintf(f, "_atom_site.%s\n", columns[i]);
    return check_stream(f, err);
}

km_status km_structure_write_model(FILE *f, km_structure_kind kind, const km_system *s, const float *coords, int model,
                                   km_err *err)
{
    for (int32_t i = 0; i < s->n_atoms * 3; i++)
        if (!isfinite(coords[i]) || (kind == KM_STRUCTURE_PDB && (coords[i] > 9999.0f || coords[i] < -999.0f)))
            return km_fail(err, KM_INPUT, "model %d, atom %d: coordinate %g cannot be written", model, i / 3 + 1,
                           (double)coords[i]);
    if (kind == KM_STRUCTURE_PDB) fprintf(f, "MODEL     %4d\n", model % 10000);
    int serial = 0;
    for (int32_t i = 0; i < s->n_atoms; i++) {
        const km_residue *r = &s->residues[s->atoms[i].residue];
        if (kind == KM_STRUCTURE_CIF) {
            write_cif_atom(f, s, i, model, coords + (size_t)i * 3);
            continue;
        }
        write_pdb_atom(f, s, i, ++serial, coords + (size_t)i * 3);
        bool last = i + 1 == s->n_atoms || s->residues[s->atoms[i + 1].residue].chain != r->chain;
        if (last && !is_het(s, s->atoms[i].residue)) {
            ++serial;
            fprintf(f, "TER   %5d      %3s%2s%4d%c\n", serial, r->name, s->chains[r->chain].name, r->number,
                    r->icode ? r->icode : ' ');
        }
    }
    if (kind == KM_STRUCTURE_PDB) fprintf(f, "ENDMDL\n");
    return check_stream(f, err);
}

/* A bond that any reader knows: within a polymer's residue, or the link between neighbours in one chain. */
static bool is_implied(const km_system *s, const km_bond *b)
{
    int32_t ra = s->atoms[b->a].residue, rb = s->atoms[b->b].residue;
    if (is_het(s, ra) || is_het(s, rb) || s->residues[ra].chain != s->residues[rb].chain) return false;
    return ra == rb || (rb == ra + 1 && s->atoms[b->a].element != 16);
}

km_status km_structure_write_end(FILE *f, km_structure_kind kind, const km_system *s, km_err *err)
{
    if (kind == KM_STRUCTURE_CIF) {
        fprintf(f, "#\n");
        return check_stream(f, err);
    }
    for (int32_t i = 0; i < s->n_bonds; i++) {
        const km_bond *b = &s->bonds[i];
        if (is_implied(s, b)) continue;
        fprintf(f, "CONECT%5d%5d\n", serial_of(s, b->a), serial_of(s, b->b));
        fprintf(f, "CONECT%5d%5d\n", serial_of(s, b->b), serial_of(s, b->a));
    }
    fprintf(f, "END\n");
    return check_stream(f, err);
}
