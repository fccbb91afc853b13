/* SPDX-License-Identifier: MIT
 * Names as force fields and programs write them, in terms of the chemical component dictionary. */
#include <ctype.h>
#include <string.h>

#include "lib/chem/residues.h"

#define COUNT(a) ((int)(sizeof(a) / sizeof((a)[0])))

typedef struct alias {
    const char *from, *to;
} alias;

static const alias residue_aliases[] = {
    {"HID", "HIS"},  {"HIE", "HIS"},  {"HIP", "HIS"},  {"HSD", "HIS"},  {"HSE", "HIS"},  {"HSP", "HIS"},
    {"HISA", "HIS"}, {"HISB", "HIS"}, {"HISD", "HIS"}, {"HISE", "HIS"}, {"HISH", "HIS"}, {"HIS1", "HIS"},
    {"HIS2", "HIS"}, {"HISP", "HIS"}, {"HIH", "HIS"},  {"HSH", "HIS"},  {"CYX", "CYS"},  {"CYM", "CYS"},
    {"CYN", "CYS"},  {"CYS2", "CYS"}, {"CYSH", "CYS"}, {"CYS1", "CYS"}, {"ASH", "ASP"},  {"ASPH", "ASP"},
    {"ASPP", "ASP"}, {"AS4", "ASP"},  {"GLH", "GLU"},  {"GLUH", "GLU"}, {"GLUP", "GLU"}, {"GL4", "GLU"},
    {"LYN", "LYS"},  {"LYP", "LYS"},  {"LYSH", "LYS"}, {"LYSN", "LYS"}, {"LSN", "LYS"},  {"ARGN", "ARG"},
    {"ARN", "ARG"},  {"TYM", "TYR"},  {"MSE", "MET"},  {"ADE", "A"},    {"GUA", "G"},    {"CYT", "C"},
    {"URA", "U"},    {"THY", "DT"},   {"T", "DT"},     {"RA", "A"},     {"RG", "G"},     {"RC", "C"},
    {"RU", "U"},     {"DADE", "DA"},  {"DGUA", "DG"},  {"DCYT", "DC"},  {"DTHY", "DT"},  {"RADE", "A"},
    {"RGUA", "G"},   {"RCYT", "C"},   {"RURA", "U"},
};

const char *km_chem_residue_name(const char *name)
{
    for (int i = 0; i < COUNT(residue_aliases); i++)
        if (strcmp(residue_aliases[i].from, name) == 0) return residue_aliases[i].to;
    size_t n = strlen(name);
    if (km_chem_component(name)) return name;
    /* Amber: a chain's first and last residues are NALA and CALA, DA5 and DA3, a nucleoside by itself DAN. */
    if (n == 4 && (name[0] == 'N' || name[0] == 'C')) {
        const char *inner = km_chem_residue_name(name + 1);
        const km_component *c = km_chem_component(inner);
        if (c && c->mol_type == KM_PROTEIN) return c->name;
    }
    if (n >= 2 && n <= 5 && (name[n - 1] == '5' || name[n - 1] == '3' || name[n - 1] == 'N')) {
        char inner[8] = {0};
        memcpy(inner, name, n - 1);
        const km_component *c = km_chem_component(km_chem_residue_name(inner));
        if (c && c->mol_type != KM_PROTEIN) return c->name;
    }
    return name;
}

const char *km_chem_deoxy_name(const char *residue)
{
    const km_component *c = km_chem_component(residue);
    if (!c || c->mol_type != KM_RNA) return residue;
    return strcmp(residue, "U") == 0 ? residue : km_chem_component_of_letter(c->letter, KM_DNA)->name;
}

const char *km_chem_atom_name(const char *residue, const char *atom)
{
    static const alias any[] = {{"OT1", "O"}, {"OT2", "OXT"},  {"OC1", "O"},  {"OC2", "OXT"},
                                {"O1", "O"},  {"O2", "OXT"},   {"OCT1", "O"}, {"OCT2", "OXT"},
                                {"OT", "O"},  {"OTXT", "OXT"}, {"O'", "O"},   {"O''", "OXT"}};
    static const alias nucleic[] = {{"O1P", "OP1"}, {"O2P", "OP2"}, {"O3P", "OP3"}, {"O5*", "O5'"}, {"C5*", "C5'"},
                                    {"C4*", "C4'"}, {"O4*", "O4'"}, {"C3*", "C3'"}, {"O3*", "O3'"}, {"C2*", "C2'"},
                                    {"O2*", "O2'"}, {"C1*", "C1'"}, {"C5M", "C7"},  {"C5A", "C7"}};
    const km_component *c = km_chem_component(residue);
    if (!c || km_chem_component_atom(c, atom) >= 0) return atom;
    if (strcmp(residue, "ILE") == 0 && strcmp(atom, "CD") == 0) return "CD1";
    if (strcmp(residue, "MET") == 0 && strcmp(atom, "SE") == 0) return "SD";
    const alias *table = c->mol_type == KM_PROTEIN ? any : nucleic;
    int n = c->mol_type == KM_PROTEIN ? COUNT(any) : COUNT(nucleic);
    for (int i = 0; i < n; i++)
        if (strcmp(table[i].from, atom) == 0) return table[i].to;
    return atom;
}

static bool among(const char *name, const char *const *list, int n)
{
    for (int i = 0; i < n; i++)
        if (strcmp(list[i], name) == 0) return true;
    return false;
}

bool km_chem_is_water(const char *residue)
{
    static const char *const waters[] = {"HOH",  "WAT",  "SOL",  "DOD",   "H2O",   "HO4",   "TIP",  "TIP2",
                                         "TIP3", "TIP4", "TIP5", "TIP3P", "TIP4P", "TIP5P", "TIPS", "TP3",
                                         "TP4",  "TP5",  "TPE",  "SPC",   "SPCE",  "T3P",   "T4P",  "T4E",
                                         "T5P",  "OPC",  "OPC3", "T3H",   "W"};
    return among(residue, waters, COUNT(waters));
}

bool km_chem_is_lipid(const char *residue)
{
    /* CHARMM, GROMOS and Slipids; a head and its tails by themselves in Amber; what three columns leave of the first */
    static const char *const lipids[] = {
        "POPC", "POPE", "POPS", "POPG", "POPA", "POPI", "PLPC", "PLPE", "DPPC", "DPPE", "DPPS", "DPPG", "DPPA", "DMPC",
        "DMPE", "DMPS", "DMPG", "DMPA", "DOPC", "DOPE", "DOPS", "DOPG", "DOPA", "DLPC", "DLPE", "DLPS", "DLPG", "DLPA",
        "DSPC", "DSPE", "DSPS", "DSPG", "DSPA", "SOPC", "SOPE", "SOPS", "SDPC", "SDPE", "SDPS", "PAPC", "PAPE", "PAPS",
        "SAPC", "SAPE", "SAPI", "PSM",  "SSM",  "DPSM", "CHL1", "CHOL", "CHL",  "ERG",  "CLR",  "TOCL", "TLCL", "DPC",
        "SDS",  "LDAO", "PA",   "PC",   "PE",   "PS",   "PGR",  "OL",   "MY",   "ST",   "LAL",  "AR",   "DHA",  "SPM",
        "POP",  "DPP",  "DMP",  "DOP",  "DLP",  "DSP",  "SOP",  "SDP"};
    return among(residue, lipids, COUNT(lipids));
}

typedef struct ion {
    const char *name, *dictionary; /* what the component dictionary calls it */
    int element, charge;
    bool metal;                    /* one that proteins hold in place */
} ion;

static const ion ions[] = {
    {"NA", "NA", 11, 1, false},  {"SOD", "NA", 11, 1, false},   {"CIO", "NA", 11, 1, false},
    {"CL", "CL", 17, -1, false}, {"CLA", "CL", 17, -1, false},  {"CIM", "CL", 17, -1, false},
    {"K", "K", 19, 1, false},    {"POT", "K", 19, 1, false},    {"LI", "LI", 3, 1, false},
    {"LIT", "LI", 3, 1, false},  {"RB", "RB", 37, 1, false},    {"RUB", "RB", 37, 1, false},
    {"CS", "CS", 55, 1, false},  {"CES", "CS", 55, 1, false},   {"F", "F", 9, -1, false},
    {"BR", "BR", 35, -1, false}, {"IOD", "IOD", 53, -1, false}, {"I", "IOD", 53, -1, false},
    {"BA", "BA", 56, 2, false},  {"BAR", "BA", 56, 2, false},   {"MG", "MG", 12, 2, true},
    {"MG2", "MG", 12, 2, true},  {"CA", "CA", 20, 2, true},     {"CA2", "CA", 20, 2, true},
    {"CAL", "CA", 20, 2, true},  {"ZN", "ZN", 30, 2, true},     {"ZN2", "ZN", 30, 2, true},
    {"MN", "MN", 25, 2, true},   {"MN2", "MN", 25, 2, true},    {"MN3", "MN3", 25, 3, true},
    {"FE", "FE", 26, 3, true},   {"FE3", "FE", 26, 3, true},    {"FE2", "FE2", 26, 2, true},
    {"CU", "CU", 29, 2, true},   {"CU2", "CU", 29, 2, true},    {"CU1", "CU1", 29, 1, true},
    {"CO", "CO", 27, 2, true},   {"NI", "NI", 28, 2, true},     {"NI2", "NI", 28, 2, true},
    {"CD", "CD", 48, 2, true},   {"CD2", "CD", 48, 2, true},    {"CAD", "CD", 48, 2, true},
    {"HG", "HG", 80, 2, true},   {"SR", "SR", 38, 2, true},
};

static const ion *named_ion(const char *name)
{
    for (int i = 0; i < COUNT(ions); i++)
        if (strcmp(ions[i].name, name) == 0) return &ions[i];
    return NULL;
}

/* Amber and GROMACS write Na, NA+, Mg2+ and MG+2 too. */
static const ion *find_ion(const char *residue)
{
    const ion *found = named_ion(residue);
    char name[8] = {0};
    size_t n = strcspn(residue, "+-0123456789"), rest = strlen(residue + n);
    if (found || n == 0 || n > 2 || n + rest >= sizeof name) return found;
    if (rest ? !strpbrk(residue + n, "+-") : !islower((unsigned char)residue[n - 1])) return NULL;
    for (size_t i = 0; i < n; i++) name[i] = (char)toupper((unsigned char)residue[i]);
    if (strcmp(residue + n, "2+") == 0 || strcmp(residue + n, "+2") == 0) name[n] = '2'; /* FE2 is not FE */
    found = named_ion(name);
    name[n] = '\0';
    return found ? found : named_ion(name);
}

bool km_chem_is_ion(const char *residue) { return find_ion(residue) != NULL; }

const char *km_chem_ion_name(const char *residue)
{
    const ion *i = find_ion(residue);
    return i ? i->dictionary : residue;
}

bool km_chem_is_metal(const char *residue)
{
    const ion *i = find_ion(residue);
    return i && i->metal;
}

int km_chem_ion(const char *name, int *ret_charge)
{
    const ion *i = find_ion(name);
    *ret_charge = i ? i->charge : 0;
    return i ? i->element : 0;
}

bool km_chem_is_additive(const char *residue)
{
    static const char *const additives[] = {"SO4", "PO4", "GOL", "EDO", "PEG", "PGE", "PG4", "1PE",
                                            "MPD", "ACT", "ACY", "FMT", "DMS", "BME", "TRS", "EPE",
                                            "MES", "CIT", "FLC", "NO3", "IPA", "EOH", "MLI", "NH4"};
    return among(residue, additives, COUNT(additives));
}

int km_chem_guess_element(const char *residue, const char *atom)
{
    const ion *known = find_ion(residue);
    if (known) return known->element;
    while (isdigit((unsigned char)*atom)) atom++;
    switch (toupper((unsigned char)*atom)) {
    case 'H':
    case 'D': return 1;
    case 'C': return 6;
    case 'N': return 7;
    case 'O': return 8;
    case 'P': return 15;
    case 'S': return strcmp(atom, "SE") == 0 ? 34 : 16;
    default: return 0;
    }
}
