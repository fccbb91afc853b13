/* SPDX-License-Identifier: MIT
 * Biological assemblies (pdbx_struct_assembly_gen, REMARK 350). gemmi's own does not know products of operators, lists
 * any number of them, names all copies anew, and lays a grid over whatever coordinates there are. */
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <map>
#include <stdexcept>
#include <unordered_map>

#include <gemmi/mmread.hpp>

#include "formats/structure_gemmi.hh"

namespace {

using Renamed = std::map<std::string, std::string>; /* chains of one operator: their names in the assembly */

using Operators = std::vector<gemmi::Assembly::Operator>;

const size_t MAX_ATOMS = 20000000, MAX_OPERATORS = 100000;
const double SAME_PLACE = 0.2; /* angstrom: an atom on an axis is its own copy */

bool among(const std::string &name, const std::vector<std::string> &list)
{
    return std::find(list.begin(), list.end(), name) != list.end();
}

size_t count_atoms(const gemmi::Model &model)
{
    size_t n = 0;
    for (const gemmi::Chain &chain : model.chains)
        for (const gemmi::Residue &r : chain.residues) n += r.atoms.size();
    return n;
}

/* What a generator takes of a chain: PDB names chains, mmCIF their parts. */
gemmi::Chain taken(const gemmi::Assembly::Gen &gen, const gemmi::Chain &chain)
{
    gemmi::Chain part(chain.name);
    bool whole = among(chain.name, gen.chains);
    for (const gemmi::Residue &r : chain.residues)
        if (whole || among(r.subchain, gen.subchains)) part.residues.push_back(r);
    return part;
}

class Copier
{
    std::map<std::string, int> copies;                            /* of each chain so far */
    std::unordered_map<int, std::vector<gemmi::Position>> places; /* of each atom so far, by number */

    bool is_there(int serial, const gemmi::Position &x)
    {
        std::vector<gemmi::Position> &before = places[serial];
        for (const gemmi::Position &p : before)
            if (p.dist(x) < SAME_PLACE) return true;
        before.push_back(x);
        return false;
    }

public:
    gemmi::Model model;
    std::vector<Renamed> renamed; /* by operator */

    explicit Copier(const std::string &name) : model(name) {}

    void copy(const gemmi::Assembly::Gen &gen, const gemmi::Transform &operation, const gemmi::Model &from)
    {
        Renamed names;
        for (const gemmi::Chain &chain : from.chains) {
            gemmi::Chain part = taken(gen, chain);
            if (part.residues.empty()) continue;
            for (gemmi::Residue &r : part.residues) {
                for (gemmi::Atom &a : r.atoms) a.pos = gemmi::Position(operation.apply(a.pos));
                r.atoms.erase(std::remove_if(r.atoms.begin(), r.atoms.end(),
                                             [&](const gemmi::Atom &a) { return is_there(a.serial, a.pos); }),
                              r.atoms.end());
            }
            part.residues.erase(std::remove_if(part.residues.begin(), part.residues.end(),
                                               [](const gemmi::Residue &r) { return r.atoms.empty(); }),
                                part.residues.end());
            if (part.residues.empty()) continue;
            std::string &name = names[chain.name]; /* a chain may come in several parts */
            if (name.empty()) {
                int n = ++copies[chain.name];
                name = n == 1 ? chain.name : chain.name + "-" + std::to_string(n);
            }
            part.name = name;
            model.chains.push_back(part);
        }
        renamed.push_back(names);
    }
};

/* Links between chains that one operator moved together. */
std::vector<gemmi::Connection> copied(const std::vector<gemmi::Connection> &connections,
                                      const std::vector<Renamed> &renamed)
{
    std::vector<gemmi::Connection> all;
    for (const gemmi::Connection &c : connections)
        for (const Renamed &names : renamed) {
            auto one = names.find(c.partner1.chain_name), two = names.find(c.partner2.chain_name);
            if (one == names.end() || two == names.end()) continue;
            all.push_back(c);
            all.back().partner1.chain_name = one->second;
            all.back().partner2.chain_name = two->second;
        }
    return all;
}

const gemmi::Assembly &find(const gemmi::Structure &st, const std::string &name)
{
    std::string known;
    for (const gemmi::Assembly &a : st.assemblies) {
        if (a.name == name) return a;
        known += " " + a.name;
    }
    if (known.empty()) throw std::runtime_error("it lists no biological assembly");
    throw std::runtime_error("there is no biological assembly '" + name + "', only" + known);
}

Operators read_operators(gemmi::cif::Block &block)
{
    std::vector<std::string> tags = {"id"};
    for (char row = '1'; row <= '3'; row++) {
        for (char column = '1'; column <= '3'; column++)
            tags.push_back(std::string("matrix[") + row + "][" + column + "]");
        tags.push_back(std::string("vector[") + row + "]");
    }
    Operators all;
    for (auto row : block.find("_pdbx_struct_oper_list.", tags)) {
        gemmi::Assembly::Operator o;
        double sum = 0;
        o.name = row.str(0);
        for (int i = 0; i < 3; i++) {
            for (int k = 0; k < 3; k++) sum += o.transform.mat[i][k] = gemmi::cif::as_number(row[1 + 4 * i + k]);
            sum += o.transform.vec.at(i) = gemmi::cif::as_number(row[4 + 4 * i]);
        }
        if (!std::isfinite(sum)) throw std::runtime_error("operator '" + o.name + "' has no numbers");
        all.push_back(o);
    }
    return all;
}

/* The operators of a list like 1,3-5,P. */
Operators listed(const std::string &list, const Operators &known)
{
    Operators all;
    auto add = [&](const std::string &name) {
        auto same = [&](const gemmi::Assembly::Operator &o) { return o.name == name; };
        auto at = std::find_if(known.begin(), known.end(), same);
        if (at == known.end() || all.size() >= MAX_OPERATORS)
            throw std::runtime_error("operators that are not listed, in '" + list.substr(0, 40) + "'");
        all.push_back(*at);
    };
    for (size_t at = 0; at <= list.size();) {
        size_t end = std::min(list.find(',', at), list.size());
        std::string item = list.substr(at, end - at);
        size_t minus = item.find('-');
        if (minus == std::string::npos || minus == 0) add(item);
        else
            for (long n = std::strtol(item.c_str(), nullptr, 10),
                      last = std::strtol(item.c_str() + minus + 1, nullptr, 10);
                 n <= last; n++)
                add(std::to_string(n));
        at = end + 1;
    }
    return all;
}

/* An expression: a list, or (list)(list)..., of which the last is applied first. */
Operators operators_of(const std::string &expression, const Operators &known)
{
    if (expression.empty() || expression[0] != '(') return listed(expression, known);
    Operators product;
    for (size_t at = 0; at < expression.size();) {
        size_t end = expression.find(')', at);
        if (expression[at] != '(' || end == std::string::npos)
            throw std::runtime_error("operators that are not understood: '" + expression.substr(0, 40) + "'");
        Operators factor = listed(expression.substr(at + 1, end - at - 1), known), all;
        for (const auto &o : product)
            for (const auto &p : factor) {
                if (all.size() >= MAX_OPERATORS) throw std::runtime_error("more than 100000 operators");
                all.push_back(o);
                all.back().transform = o.transform.combine(p.transform);
            }
        product = at ? all : factor;
        at = end + 1;
    }
    return product;
}

} // namespace

std::vector<gemmi::Assembly> km_gemmi::take_assemblies(gemmi::cif::Block &block, const char *opt_name)
{
    std::vector<gemmi::Assembly> all;
    const std::vector<std::string> tags = {"assembly_id", "oper_expression", "asym_id_list"};
    for (auto row : block.find("_pdbx_struct_assembly_gen.", tags)) {
        auto same = [&](const gemmi::Assembly &a) { return a.name == row.str(0); };
        auto at = std::find_if(all.begin(), all.end(), same);
        if (at == all.end()) at = all.insert(at, gemmi::Assembly(row.str(0)));
        if (opt_name && row.str(0) == opt_name) {
            gemmi::Assembly::Gen gen;
            gen.subchains = gemmi::split_str(row.str(2), ',');
            gen.operators = operators_of(row.str(1), read_operators(block));
            at->generators.push_back(gen);
        }
        row[1] = ".";
    }
    return all;
}

void km_gemmi::to_assembly(gemmi::Structure &st, const std::string &name)
{
    const gemmi::Assembly &assembly = find(st, name);
    std::vector<Renamed> renamed;
    size_t operators = 0, atoms = 0;
    for (const gemmi::Assembly::Gen &gen : assembly.generators) operators += gen.operators.size();
    for (const gemmi::Model &model : st.models) atoms += count_atoms(model);
    if (operators > MAX_ATOMS / (atoms + 1)) throw std::runtime_error("the assembly is larger than 20 million atoms");
    for (gemmi::Model &model : st.models) {
        Copier copier(model.name);
        for (const gemmi::Assembly::Gen &gen : assembly.generators)
            for (const gemmi::Assembly::Operator &o : gen.operators) copier.copy(gen, o.transform, model);
        if (copier.model.chains.empty()) throw std::runtime_error("nothing is in assembly '" + name + "'");
        int serial = 0;
        for (gemmi::Chain &chain : copier.model.chains)
            for (gemmi::Residue &r : chain.residues)
                for (gemmi::Atom &a : r.atoms) a.serial = ++serial;
        model = std::move(copier.model);
        if (renamed.empty()) renamed = std::move(copier.renamed);
    }
    st.connections = copied(st.connections, renamed);
}
