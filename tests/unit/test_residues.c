/* SPDX-License-Identifier: MIT */
#include "lib/chem/residues.h"

#include <math.h>
#include <string.h>

#include "tests/unit/tap.h"

static float bond_length(const km_component *c, const km_component_bond *b)
{
    const float *p = c->atoms[b->a].pos, *q = c->atoms[b->b].pos;
    return sqrtf((p[0] - q[0]) * (p[0] - q[0]) + (p[1] - q[1]) * (p[1] - q[1]) + (p[2] - q[2]) * (p[2] - q[2]));
}

static void test_table(void)
{
    const char *order = "ARNDCQEGHILKMFPSTWYV";
    int n = 0;
    bool letters = true, bonded = true, connected = true, lengths = true;
    for (int i = 0; i < 20; i++) letters = letters && km_chem_component_of_class(2 + i)->letter == order[i];
    ok(letters, "the amino acids stand in the model's order");
    for (int t = KM_RES_FIRST; t < KM_RES_CLASSES; t++, n++) {
        const km_component *c = km_chem_component_of_class(t);
        bool seen[32] = {true};
        for (int pass = 0; pass < c->n_atoms; pass++)
            for (int i = 0; i < c->n_bonds; i++)
                if (seen[c->bonds[i].a] || seen[c->bonds[i].b]) seen[c->bonds[i].a] = seen[c->bonds[i].b] = true;
        for (int i = 0; i < c->n_atoms; i++) connected = connected && seen[i];
        for (int i = 0; i < c->n_bonds; i++) {
            float d = bond_length(c, &c->bonds[i]);
            bonded = bonded && c->bonds[i].a < c->bonds[i].b && c->bonds[i].b < c->n_atoms;
            lengths = lengths && d > 1.15f && d < 1.9f;
        }
        bonded = bonded && c->res_type == t && km_chem_component(c->name) == c;
    }
    ok(n == 31 && !km_chem_component_of_class(1) && !km_chem_component_of_class(33), "31 classes have a component");
    ok(bonded, "bonds lie within their component, and it is found by name and class");
    ok(connected, "every atom hangs together with the first");
    ok(lengths, "ideal bonds are between 1.15 and 1.9 angstrom");
    const km_component *trp = km_chem_component("TRP");
    ok(trp->n_atoms == 14 && strcmp(trp->atoms[13].name, "CH2") == 0 && trp->n_bonds == 15,
       "tryptophan: 14 atoms, 15 bonds");
    ok(km_chem_component("ARG")->atoms[10].charge == 1 && km_chem_component("LYS")->atoms[8].charge == 1,
       "formal charges");
    ok(km_chem_component("GLY")->repr == 1 && km_chem_component("ALA")->repr == 4, "representative atoms");
    ok(km_chem_component_of_letter('G', KM_RNA)->n_atoms == 23, "guanosine by letter");
    ok(!km_chem_component("LIG") && km_chem_component_atom(trp, "OXT") == -1, "what is unknown is not found");
}

static void test_names(void)
{
    static const char *const rows[][2] = {
        {"HSE", "HIS"}, {"HID", "HIS"},  {"CYX", "CYS"},  {"ASH", "ASP"}, {"GLH", "GLU"},  {"LYN", "LYS"},
        {"MSE", "MET"}, {"NALA", "ALA"}, {"CHIE", "HIS"}, {"DA5", "DA"},  {"RU3", "U"},    {"ALA", "ALA"},
        {"HIP", "HIS"}, {"HSD", "HIS"},  {"HSP", "HIS"},  {"CYM", "CYS"}, {"DA3", "DA"},   {"RA5", "A"},
        {"A5", "A"},    {"A3", "A"},     {"DAN", "DA"},   {"ADE", "A"},   {"GUA", "G"},    {"CYT", "C"},
        {"URA", "U"},   {"THY", "DT"},   {"T", "DT"},     {"DT5", "DT"},  {"NCYX", "CYS"}, {"GLN", "GLN"},
        {"ASN", "ASN"}, {"LYSH", "LYS"}, {"LIG", "LIG"},  {"NAG", "NAG"}};
    bool good = true;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        good = good && strcmp(km_chem_residue_name(rows[i][0]), rows[i][1]) == 0;
    ok(good, "residue names of force fields");
    static const char *const same[][2] = {{"A", "DA"}, {"G", "DG"},  {"C", "DC"},
                                          {"U", "U"},  {"DT", "DT"}, {"ALA", "ALA"}};
    good = true;
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++)
        good = good && strcmp(km_chem_deoxy_name(same[i][0]), same[i][1]) == 0;
    ok(good, "what a nucleotide is without its hydroxyl");
    static const char *const ions[][2] = {
        {"SOD", "NA"},  {"Na+", "NA"},   {"NA+", "NA"},  {"Na", "NA"},   {"CLA", "CL"},  {"Cl-", "CL"}, {"POT", "K"},
        {"K+", "K"},    {"CAL", "CA"},   {"CA2+", "CA"}, {"Mg2+", "MG"}, {"MG+2", "MG"}, {"ZN2", "ZN"}, {"Zn2+", "ZN"},
        {"FE2", "FE2"}, {"Fe2+", "FE2"}, {"FE3+", "FE"}, {"CES", "CS"},  {"CAD", "CD"},  {"LIT", "LI"}};
    good = true;
    for (size_t i = 0; i < sizeof ions / sizeof ions[0]; i++)
        good = good && km_chem_is_ion(ions[i][0]) && strcmp(km_chem_ion_name(ions[i][0]), ions[i][1]) == 0;
    ok(good, "the many names of ions");
    ok(!km_chem_is_ion("CO2") && !km_chem_is_ion("Ala") && !km_chem_is_ion("ALA") && !km_chem_is_ion("+") &&
           !km_chem_is_ion("") && km_chem_is_water("TIP3P"),
       "and what is none");
    ok(strcmp(km_chem_atom_name("ILE", "CD"), "CD1") == 0 && strcmp(km_chem_atom_name("LYS", "CD"), "CD") == 0,
       "ILE CD is CD1");
    ok(strcmp(km_chem_atom_name("ALA", "OT1"), "O") == 0 && strcmp(km_chem_atom_name("ALA", "OT2"), "OXT") == 0,
       "CHARMM's ends");
    ok(strcmp(km_chem_atom_name("GLY", "OCT1"), "O") == 0 && strcmp(km_chem_atom_name("GLY", "OCT2"), "OXT") == 0,
       "and older ones");
    ok(strcmp(km_chem_atom_name("MET", "SE"), "SD") == 0, "selenium of MSE");
    ok(strcmp(km_chem_atom_name("DT", "C5M"), "C7") == 0 && strcmp(km_chem_atom_name("A", "O1P"), "OP1") == 0,
       "nucleotides");
    ok(strcmp(km_chem_atom_name("A", "O2'"), "O2'") == 0, "a right name stays");
    ok(strcmp(km_chem_atom_name("DG", "C1*"), "C1'") == 0 && strcmp(km_chem_atom_name("LYS", "OC2"), "OXT") == 0,
       "stars for primes, GROMACS' ends");
    ok(km_chem_is_water("SOL") && km_chem_is_ion("CLA") && km_chem_is_additive("GOL") && !km_chem_is_water("ALA"),
       "solvent");
    ok(km_chem_guess_element("ALA", "1HB") == 1 && km_chem_guess_element("ALA", "CA") == 6 &&
           km_chem_guess_element("CA", "CA") == 20,
       "elements by name");
    ok(strcmp(km_element_symbol(17), "Cl") == 0 && strcmp(km_element_symbol(0), "X") == 0, "symbols");
}

int main(void)
{
    test_table();
    test_names();
    return tap_end();
}
