/* SPDX-License-Identifier: MIT
 * Templates through gemmi. No exception leaves this file. */
#include <cmath>
#include <cstring>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include <gemmi/align.hpp>
#include <gemmi/mmread.hpp>
#include <gemmi/modify.hpp>
#include <gemmi/polyheur.hpp>

#include "formats/structure_gemmi.hh"

#define _Noreturn [[noreturn]]
extern "C" {
#include "formats/template.h"
#include "lib/base/io.h"
#include "lib/base/mem.h"
}

namespace {

/* A PDB file's chains have one letter for polymer and ligands: each part gets a number. */
void number_subchains(gemmi::Structure &st)
{
    std::map<std::string, int> count;
    std::map<std::string, std::string> renamed;
    for (gemmi::Chain &chain : st.models[0].chains) {
        for (gemmi::Residue &r : chain.residues) {
            auto found = renamed.find(r.subchain);
            if (found == renamed.end())
                found = renamed.emplace(r.subchain, chain.name + std::to_string(++count[chain.name])).first;
            r.subchain = found->second;
        }
    }
    for (gemmi::Entity &e : st.entities)
        for (std::string &name : e.subchains)
            if (renamed.count(name)) name = renamed[name];
}

bool every_part_known(gemmi::Structure &st)
{
    for (gemmi::Chain &chain : st.models[0].chains)
        for (gemmi::ResidueSpan part : chain.subchains())
            if (!st.get_entity_of(part)) return false;
    return true;
}

gemmi::Structure parse(std::string &text, const char *path)
{
    auto kind = gemmi::coor_format_from_content(text.data(), text.data() + text.size());
    gemmi::Structure st;
    if (kind == gemmi::CoorFormat::Mmcif) {
        gemmi::cif::Document doc = gemmi::cif::read_memory(text.data(), text.size(), path);
        km_gemmi::take_assemblies(doc.blocks.at(0), nullptr);
        st = gemmi::make_structure(std::move(doc));
        if (!st.models.empty() && !every_part_known(st)) gemmi::setup_entities(st);
    } else if (kind == gemmi::CoorFormat::Pdb) {
        km_gemmi::prepare_pdb(text);
        st = gemmi::read_pdb_from_memory(text.data(), text.size(), path, gemmi::PdbReadOptions());
        gemmi::setup_entities(st);
        if (!st.models.empty()) number_subchains(st);
    }
    if (st.models.empty()) throw std::runtime_error("no atoms found (neither PDB nor mmCIF with coordinates)");
    st.merge_chain_parts();
    gemmi::remove_waters(st);
    gemmi::remove_hydrogens(st);
    gemmi::remove_alternative_conformations(st);
    st.remove_empty_chains();
    if (st.models.empty()) throw std::runtime_error("no atoms found (nothing but water)");
    return st;
}

void put_name(km_name out, const std::string &name, const char *what)
{
    if (name.size() >= sizeof(km_name))
        throw std::runtime_error(std::string(what) + " name '" + name.substr(0, 40) + "' is longer than 7 characters");
    std::memset(out, 0, sizeof(km_name));
    std::memcpy(out, name.data(), name.size());
}

template <class T> T *next(T *&rows, int32_t &n)
{
    if ((n & (n - 1)) == 0) /* room doubles at powers of two */
        rows = static_cast<T *>(km_realloc(rows, size_t(n ? 2 * n : 1) * sizeof *rows));
    T *row = &rows[n++];
    std::memset(row, 0, sizeof *row);
    return row;
}

void add_atoms(km_template *t, km_template_residue *to, const gemmi::Residue &from)
{
    to->present = true;
    for (const gemmi::Atom &a : from.atoms) {
        km_template_atom *atom = next(t->atoms, t->n_atoms);
        put_name(atom->name, gemmi::to_upper(a.name), "atom");
        const double x[3] = {a.pos.x, a.pos.y, a.pos.z};
        for (int k = 0; k < 3; k++) {
            atom->pos[k] = float(x[k]);
            if (!std::isfinite(atom->pos[k]))
                throw std::runtime_error("residue " + from.str() + ": no finite coordinates");
        }
        to->n_atoms++;
    }
}

/* A place of the sequence with a bar in the alignment takes the model's next residue. */
void add_chain(km_template *t, const gemmi::ResidueSpan &part, const gemmi::Entity &entity)
{
    std::vector<std::string> sequence;
    for (const std::string &s : entity.full_sequence) sequence.push_back(gemmi::Entity::first_mon(s));
    if (sequence.empty())
        for (const gemmi::Residue &r : part.first_conformer()) sequence.push_back(r.name);
    std::string match = gemmi::align_sequence_to_polymer(sequence, part, entity.polymer_type, gemmi::AlignmentScoring())
                            .match_string;
    km_template_chain *c = next(t->chains, t->n_chains);
    c->name = km_strdup(part.subchain_id().c_str());
    c->letters = km_strdup(gemmi::one_letter_code(sequence).c_str());
    c->first_residue = t->n_residues;
    c->n_residues = int32_t(sequence.size());
    size_t i = 0;
    for (size_t k = 0; k < sequence.size(); k++) {
        km_template_residue *r = next(t->residues, t->n_residues);
        put_name(r->name, sequence[k], "residue");
        r->first_atom = t->n_atoms;
        if (k >= match.size() || match[k] != '|') continue;
        if (i >= size_t(part.size()) || part[i].name != sequence[k])
            throw std::runtime_error(std::string("chain ") + c->name + ": the model does not fit its sequence at " +
                                     sequence[k] + " " + std::to_string(k + 1));
        add_atoms(t, r, part[i++]);
    }
}

void read_into(km_template *t, FILE *f, const char *path)
{
    std::string text = km_gemmi::read_text(f);
    gemmi::Structure st = parse(text, path);
    for (gemmi::Chain &chain : st.models[0].chains)
        for (gemmi::ResidueSpan part : chain.subchains()) {
            const gemmi::Entity *e = st.get_entity_of(part);
            if (e && e->entity_type == gemmi::EntityType::Polymer && e->polymer_type == gemmi::PolymerType::PeptideL)
                add_chain(t, part, *e);
        }
    if (t->n_chains == 0) throw std::runtime_error("no protein chain");
}

} // namespace

extern "C" km_status km_template_read(const char *path, km_template **ret, km_err *err)
{
    FILE *f;
    *ret = nullptr;
    KM_TRY(km_input_open(path, &f, err));
    km_template *t = KM_NEW(km_template);
    km_status status = KM_OK;
    try {
        read_into(t, f, path);
    } catch (const std::exception &e) {
        std::string what = e.what();
        if (what.rfind(path, 0) == 0) what.erase(0, std::strlen(path)); /* gemmi's own begin with it */
        while (!what.empty() && (what[0] == ':' || what[0] == ' ')) what.erase(0, 1);
        for (char &c : what)
            if (static_cast<unsigned char>(c) < 32) c = ' ';
        status = km_fail(err, KM_INPUT, "%.100s: %.140s", path, what.c_str());
    }
    km_input_close(f);
    if (status == KM_OK) *ret = t;
    else km_template_free(t);
    return status;
}

extern "C" void km_template_free(km_template *t)
{
    if (!t) return;
    for (int32_t i = 0; i < t->n_chains; i++) free(t->chains[i].name), free(t->chains[i].letters);
    free(t->chains), free(t->residues), free(t->atoms);
    free(t);
}
