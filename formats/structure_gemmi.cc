/* SPDX-License-Identifier: MIT
 * PDB and mmCIF through gemmi (https://gemmi.readthedocs.io), which is why there is C++ in the project. No exception
 * leaves this file. */
#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>
#include <stdexcept>
#include <string>
#include <unordered_map>
#include <vector>

#include <gemmi/align.hpp>
#include <gemmi/mmread.hpp>
#include <gemmi/polyheur.hpp>

#include "formats/structure_gemmi.hh"

#define _Noreturn [[noreturn]]
extern "C" {
#include "formats/structure_gro.h"
#include "lib/base/io.h"
#include "lib/base/mem.h"
}

namespace {

using km_gemmi::Pairs;

struct Place {
    const gemmi::Chain *chain;
    const gemmi::Residue *residue;
    const gemmi::Atom *atom;
};

/* gemmi ends a polymer of a PDB file at the first residue that it does not know; here what is linked to a polymer's
 * residues as one of them belongs to it, such as GTP at the beginning of RNA. */
void mark_polymer(gemmi::Chain &chain)
{
    std::vector<gemmi::Residue> &r = chain.residues;
    gemmi::PolymerType type = gemmi::check_polymer_type(chain.whole());
    if (type == gemmi::PolymerType::Unknown) return;
    for (gemmi::Residue &one : r)
        if (gemmi::is_polymer_residue(one, type)) one.entity_type = gemmi::EntityType::Polymer;
    for (size_t i = r.size(); i-- > 1;)
        if (r[i].entity_type == gemmi::EntityType::Polymer && gemmi::are_connected(r[i - 1], r[i], type))
            r[i - 1].entity_type = gemmi::EntityType::Polymer;
    for (size_t i = 1; i < r.size(); i++)
        if (r[i - 1].entity_type == gemmi::EntityType::Polymer && gemmi::are_connected(r[i - 1], r[i], type))
            r[i].entity_type = gemmi::EntityType::Polymer;
}

/* conect: pairs of atoms by their running numbers */
gemmi::Structure parse(std::string &text, const char *path, const char *opt_assembly, Pairs *conect)
{
    auto kind = gemmi::coor_format_from_content(text.data(), text.data() + text.size());
    gemmi::Structure st;
    if (kind == gemmi::CoorFormat::Mmcif) {
        gemmi::cif::Document doc = gemmi::cif::read_memory(text.data(), text.size(), path);
        auto assemblies = km_gemmi::take_assemblies(doc.blocks.at(0), opt_assembly);
        st = gemmi::make_structure(std::move(doc));
        st.assemblies = std::move(assemblies);
        if (st.models.empty())
            throw std::runtime_error(
                "no atoms found (_atom_site needs label_alt_id, occupancy, B_iso_or_equiv and auth_seq_id too)");
    } else if (kind == gemmi::CoorFormat::Pdb) {
        *conect = km_gemmi::prepare_pdb(text);
        gemmi::PdbReadOptions options;
        options.split_chain_on_ter = true;
        st = gemmi::read_pdb_from_memory(text.data(), text.size(), path, options);
        for (gemmi::Model &model : st.models)
            for (gemmi::Chain &chain : model.chains) mark_polymer(chain);
    }
    if (st.models.empty() || st.models[0].chains.empty())
        throw std::runtime_error("no atoms found (neither PDB nor mmCIF with coordinates)");
    gemmi::setup_entities(st);
    gemmi::assign_label_seq_id(st, false);
    return st;
}

/* The atoms of a model in the file's order, one of each set of alternates. */
std::vector<Place> select_atoms(const gemmi::Model &model, int *dropped)
{
    std::vector<Place> all;
    for (const auto &chain : model.chains) {
        std::map<std::string, std::pair<float, const gemmi::Residue *>> best_residue;
        for (const auto &residue : chain.residues) {
            float occupancy = 0;
            bool alternate = !residue.atoms.empty();
            for (const auto &a : residue.atoms) {
                occupancy = std::max(occupancy, a.occ);
                alternate = alternate && a.altloc;
            }
            if (!alternate) continue;
            auto &best = best_residue[residue.seqid.str()];
            if (!best.second || occupancy > best.first) best = {occupancy, &residue};
        }
        for (const auto &residue : chain.residues) {
            auto it = best_residue.find(residue.seqid.str());
            if (it != best_residue.end() && it->second.second != &residue && residue.atoms[0].altloc) {
                *dropped += int(residue.atoms.size());
                continue;
            }
            std::map<char, float>
                weight; /* the highest occupancy of each location: a residue keeps one location whole */
            std::map<std::string, const gemmi::Atom *> best;
            for (const auto &a : residue.atoms)
                if (a.altloc) weight[a.altloc] = std::max(weight[a.altloc], a.occ);
            for (const auto &a : residue.atoms) {
                if (!a.altloc) continue;
                const gemmi::Atom *&b = best[a.name];
                if (!b || weight[a.altloc] > weight[b->altloc]) b = &a;
            }
            for (const auto &a : residue.atoms) {
                if (a.altloc && best[a.name] != &a) ++*dropped;
                else all.push_back({&chain, &residue, &a});
            }
        }
    }
    std::stable_sort(all.begin(), all.end(),
                     [](const Place &a, const Place &b) { return a.atom->serial < b.atom->serial; });
    return all;
}

void put_name(km_name out, const std::string &name, const char *what)
{
    if (name.size() >= sizeof(km_name))
        throw std::runtime_error(std::string(what) + " name '" + name.substr(0, 40) + "' is longer than 7 characters");
    std::memset(out, 0, sizeof(km_name));
    std::memcpy(out, name.data(), name.size());
}

uint8_t mol_type_of(const gemmi::Structure &st, const gemmi::Residue &r)
{
    const gemmi::Entity *e = st.get_entity(r.entity_id);
    if (!e) e = gemmi::find_entity_of_subchain(r.subchain, st.entities);
    if (!e || r.entity_type != gemmi::EntityType::Polymer) return KM_NONPOLYMER;
    switch (e->polymer_type) {
    case gemmi::PolymerType::PeptideL:
    case gemmi::PolymerType::PeptideD: return KM_PROTEIN;
    case gemmi::PolymerType::Dna: return KM_DNA;
    case gemmi::PolymerType::Rna: return KM_RNA;
    default: return KM_NONPOLYMER;
    }
}

char *sequence_of(const gemmi::Structure &st, const gemmi::Residue &r)
{
    const gemmi::Entity *e = gemmi::find_entity_of_subchain(r.subchain, st.entities);
    if (!e || e->full_sequence.empty() || r.entity_type != gemmi::EntityType::Polymer) return nullptr;
    std::string all;
    for (const auto &monomer : e->full_sequence) all += (all.empty() ? "" : " ") + gemmi::Entity::first_mon(monomer);
    return km_strdup(all.c_str());
}

void add_chain(km_structure *s, const gemmi::Structure &st, const Place &p)
{
    km_chain *c = &s->system->chains[s->system->n_chains];
    put_name(c->name, p.chain->name, "chain");
    c->mol_type = mol_type_of(st, *p.residue);
    c->asym_id = s->system->n_chains;
    c->first_residue = s->system->n_residues;
    s->sequence[s->system->n_chains++] = sequence_of(st, *p.residue);
}

void add_residue(km_structure *s, const Place &p)
{
    km_system *sys = s->system;
    km_residue *r = &sys->residues[sys->n_residues];
    km_chain *c = &sys->chains[sys->n_chains - 1];
    put_name(r->name, p.residue->name, "residue");
    r->chain = sys->n_chains - 1;
    r->number = p.residue->seqid.num ? *p.residue->seqid.num : 0;
    r->icode = p.residue->seqid.icode;
    r->index = c->n_residues++;
    r->first_atom = sys->n_atoms;
    s->is_polymer[sys->n_residues] = p.residue->entity_type == gemmi::EntityType::Polymer;
    s->is_het[sys->n_residues] = p.residue->het_flag == 'H';
    s->label_seq[sys->n_residues++] = p.residue->label_seq ? *p.residue->label_seq : 0;
}

/* What a CONECT record between atoms of two residues stands for. */
gemmi::Connection::Type type_of_conect(const gemmi::Atom &a, const gemmi::Atom &b)
{
    if (a.element.is_metal() || b.element.is_metal()) return gemmi::Connection::MetalC;
    return a.element == gemmi::El::S && b.element == gemmi::El::S ? gemmi::Connection::Disulf
                                                                  : gemmi::Connection::Covale;
}

/* Disulfides are single bonds, other links are covalent, coordination is neither. */
void put_bond(std::map<std::pair<int32_t, int32_t>, uint8_t> &bonds, int32_t a, int32_t b, gemmi::Connection::Type type)
{
    if (a == b || (type != gemmi::Connection::Covale && type != gemmi::Connection::Disulf)) return;
    bonds.emplace(std::minmax(a, b), type == gemmi::Connection::Disulf ? KM_BOND_SINGLE : KM_BOND_COVALENT);
}

void add_bonds(km_structure *s, gemmi::Structure &st, const std::vector<Place> &places, const Pairs &conect)
{
    std::unordered_map<const gemmi::Atom *, int32_t> index;
    std::unordered_map<int, int32_t> by_number;
    std::map<std::pair<int32_t, int32_t>, uint8_t> bonds;
    for (size_t i = 0; i < places.size(); i++) {
        index[places[i].atom] = int32_t(i);
        by_number[places[i].atom->serial] = int32_t(i);
    }
    for (const auto &c : st.connections) {
        if (c.asu == gemmi::Asu::Different) continue; /* to a crystal neighbour */
        auto a = index.find(st.models[0].find_cra(c.partner1, true).atom);
        auto b = index.find(st.models[0].find_cra(c.partner2, true).atom);
        if (a != index.end() && b != index.end()) put_bond(bonds, a->second, b->second, c.type);
    }
    for (const auto &c : conect) {
        auto a = by_number.find(c.first), b = by_number.find(c.second);
        if (a == by_number.end() || b == by_number.end()) continue;
        const Place &p = places[size_t(a->second)], &q = places[size_t(b->second)];
        if (p.residue != q.residue) put_bond(bonds, a->second, b->second, type_of_conect(*p.atom, *q.atom));
    }
    s->system->bonds = KM_NEWN(km_bond, bonds.size() + 1);
    for (const auto &b : bonds) s->system->bonds[s->system->n_bonds++] = {b.first.first, b.first.second, b.second};
}

void fill_atoms(km_structure *s, const gemmi::Structure &st, const std::vector<Place> &places)
{
    size_t n = places.size();
    km_system *sys = s->system;
    sys->atoms = KM_NEWN(km_atom, n);
    sys->residues = KM_NEWN(km_residue, n);
    sys->chains = KM_NEWN(km_chain, n);
    s->sequence = KM_NEWN(char *, n);
    s->is_polymer = KM_NEWN(bool, n);
    s->is_het = KM_NEWN(bool, n);
    s->label_seq = KM_NEWN(int32_t, n);
    bool *occupied = KM_NEWN(bool, n), any = false;
    for (size_t i = 0; i < n; i++) {
        const Place &p = places[i];
        bool new_chain =
            i == 0 || p.chain != places[i - 1].chain || p.residue->subchain != places[i - 1].residue->subchain;
        if (new_chain) add_chain(s, st, p);
        if (new_chain || p.residue != places[i - 1].residue) add_residue(s, p);
        km_atom *a = &sys->atoms[sys->n_atoms++];
        put_name(a->name, p.atom->name, "atom");
        a->element = uint8_t(p.atom->element.is_hydrogen() ? 1 : p.atom->element.atomic_number());
        a->charge = p.atom->charge;
        a->present = 1;
        occupied[i] = p.atom->occ > 0, any = any || occupied[i];
        a->residue = sys->n_residues - 1;
        a->token = -1;
        sys->residues[a->residue].n_atoms++;
    }
    if (any) s->opt_occupied = occupied;
    else free(occupied);
}

void fill_coords(km_structure *s, const gemmi::Structure &st, int first, const std::vector<Place> &places)
{
    size_t n = places.size();
    s->coords = KM_NEWN(float, size_t(s->n_models) * n * 3);
    for (int m = 0; m < s->n_models; m++) {
        int dropped = 0;
        std::vector<Place> here = select_atoms(st.models[size_t(first + m)], &dropped);
        std::string where = "model " + std::to_string(first + m + 1);
        if (here.size() != n)
            throw std::runtime_error(where + " has " + std::to_string(here.size()) + " atoms, the first read has " +
                                     std::to_string(n));
        for (size_t i = 0; i < n; i++) {
            const gemmi::Position &x = here[i].atom->pos;
            std::string atom = here[i].residue->str() + " atom " + here[i].atom->name;
            if (here[i].atom->name != places[i].atom->name || here[i].residue->name != places[i].residue->name)
                throw std::runtime_error(where + " differs from the first read at " + atom);
            if (!std::isfinite(x.x) || !std::isfinite(x.y) || !std::isfinite(x.z))
                throw std::runtime_error(where + ", residue " + atom + ": no finite coordinates");
            float *out = s->coords + (size_t(m) * n + i) * 3;
            out[0] = float(x.x), out[1] = float(x.y), out[2] = float(x.z);
        }
    }
}

/* CONECT as connections, which an assembly copies. */
void connect(gemmi::Structure &st, const Pairs &conect)
{
    std::unordered_map<int, gemmi::CRA> by_number;
    for (gemmi::CRA cra : st.models[0].all()) by_number[cra.atom->serial] = cra;
    for (const auto &c : conect) {
        auto a = by_number.find(c.first), b = by_number.find(c.second);
        if (a == by_number.end() || b == by_number.end() || a->second.residue == b->second.residue) continue;
        gemmi::Connection link;
        link.type = type_of_conect(*a->second.atom, *b->second.atom);
        link.asu = gemmi::Asu::Same;
        link.partner1 = gemmi::make_address(*a->second.chain, *a->second.residue, *a->second.atom);
        link.partner2 = gemmi::make_address(*b->second.chain, *b->second.residue, *b->second.atom);
        st.connections.push_back(link);
    }
}

void read_into(km_structure *s, std::string &text, const char *path, int model, const char *opt_assembly)
{
    Pairs conect;
    gemmi::Structure st = parse(text, path, opt_assembly, &conect);
    int n_models = int(st.models.size());
    if (model > n_models)
        throw std::runtime_error("there is no model " + std::to_string(model) + ", only " + std::to_string(n_models));
    int first = model > 0 ? model - 1 : 0;
    if (first > 0)
        std::swap(st.models[0], st.models[size_t(first)]), first = 0; /* connections are looked up in the first */
    s->n_models = model > 0 ? 1 : n_models;
    if (opt_assembly) {
        if (model > 0) st.models.resize(1, gemmi::Model(""));
        connect(st, conect);
        conect.clear();
        km_gemmi::to_assembly(st, opt_assembly);
    }
    s->alt_dropped = KM_NEW(int32_t);
    std::vector<Place> places = select_atoms(st.models[0], s->alt_dropped);
    free(s->system->name);
    s->system->name = km_strdup(st.name.empty() || std::strcmp(path, "-") == 0 ? "input" : st.name.c_str());
    fill_atoms(s, st, places);
    fill_coords(s, st, first, places);
    add_bonds(s, st, places, conect);
}

} // namespace

extern "C" km_status km_structure_read(const char *path, int model, km_structure **ret, km_err *err)
{
    FILE *f;
    *ret = nullptr;
    KM_TRY(km_input_open(path, &f, err));
    km_status status = km_structure_read_file(f, path, model, nullptr, ret, err);
    km_input_close(f);
    return status;
}

extern "C" km_status km_structure_read_file(FILE *f, const char *path, int model, const char *opt_assembly,
                                            km_structure **ret, km_err *err)
{
    *ret = nullptr;
    km_structure *s = KM_NEW(km_structure);
    s->system = km_system_new();
    try {
        std::string text = km_gemmi::read_text(f);
        if (km_gro_is(text.data(), std::min(text.size(), size_t(1024)))) {
            if (model > 1 || opt_assembly) throw std::runtime_error("a GRO file has one model and no assemblies");
            km_structure_free(s);
            return km_structure_of_gro(text.data(), text.size(), path, ret, err);
        }
        read_into(s, text, path, model, opt_assembly);
        *ret = s;
        return KM_OK;
    } catch (const std::exception &e) {
        std::string why = e.what();
        std::replace(why.begin(), why.end(), '\n', ' ');
        bool is_system = why.compare(0, 6, "cannot") == 0;
        km_structure_free(s);
        return km_fail(err, is_system ? KM_SYSTEM : KM_INPUT, "%.100s: %.140s", path, why.c_str());
    } catch (...) {
        km_structure_free(s);
        return km_fail(err, KM_INPUT, "%.100s: cannot be read", path);
    }
}

extern "C" void km_structure_free(km_structure *s)
{
    if (!s) return;
    for (int32_t c = 0; s->system && c < s->system->n_chains; c++) free(s->sequence[c]);
    km_system_free(s->system);
    free(s->coords);
    free(s->is_polymer);
    free(s->is_het);
    free(s->label_seq);
    free(s->opt_occupied);
    free(s->sequence);
    free(s->alt_dropped);
    free(s);
}
