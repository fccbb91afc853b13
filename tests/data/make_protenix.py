#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Make protenix.cif and protenix.txt, what BioKinema's own parser, tokeniser and featuriser say of it:

  git clone https://github.com/IDEA-XL/BioKinema
  python make_protenix.py BioKinema oracle/features-components.cif

Needs biotite, pandas and rdkit. Two copies of ALA ARG SEP GLY, DG DT, A U and ATP, residues 14 A apart at the ideal
coordinates of the components; GLY has its atoms in reverse and OXT, the first ARG its NH1 and NH2 confused. In place of
torch stand arrays, in place of its conformers (RDKit's) the ideal coordinates, and the atoms do not go through its
reader of mmCIF. The text has a line for each token (restype residue_index asym_id entity_id sym_id), bond of tokens and
atom (token element charge mask name uid x y z, the conformer not turned). Nothing is drawn at random."""
import sys
import types

import numpy as np


def module(name, **what):
    m = types.ModuleType(name)
    m.__dict__.update(what)
    sys.modules[name] = m
    if "." in name:
        setattr(sys.modules[name.rsplit(".", 1)[0]], name.rsplit(".", 1)[1], m)


class Array(np.ndarray):
    def long(self):
        return self.astype(np.int64).view(Array)


def array(x=(), **_):
    return np.array(x, np.float32).view(Array)


code, components = sys.argv[1:3]
sys.path.insert(0, code)
module("torch", Tensor=array, arange=lambda *a: np.arange(*a).view(Array), nn=None, device=str, dtype=object)
for name in ("torch.nn", "torch.nn.functional", "torch.nn.parameter", "torch.utils", "torch.utils.data",
             "torch.distributed", "sklearn", "sklearn.neighbors", "ml_collections", "ml_collections.config_dict", "yaml",
             "optree"):
    module(name, Module=object, Parameter=object, Dataset=object, KDTree=None, ConfigDict=dict)
sys.modules["torch"].Tensor = type("Tensor", (), {"__new__": lambda cls, x=(): array(x)})
module("protenix", __path__=[code + "/protenix"])
module("configs")
module("configs.configs_data",
       data_configs={"ccd_components_file": components, "ccd_components_rdkit_mol_file": "none", "msa": {}})

import biotite.structure as struc  # noqa: E402
import biotite.structure.io.pdbx as pdbx  # noqa: E402

pdbx.convert.PDBX_COVALENT_TYPES = []
from protenix.data import ccd  # noqa: E402

CIF = pdbx.CIFFile.read(components)


def conformer(ccd_code, return_perm=True):
    if ccd_code not in CIF:
        return {}
    a = CIF[ccd_code]["chem_comp_atom"]
    x = np.stack([a[f"pdbx_model_Cartn_{k}_ideal"].as_array(str) for k in "xyz"], -1)
    known = (x != "?").all(-1)
    return {"atom_map": {n: i for i, n in enumerate(a["atom_id"].as_array(str))},
            "coord": np.where(known[:, None], x, "0").astype(float), "mask": known.astype(int),
            "charge": a["charge"].as_array(int)}


ccd.get_ccd_ref_info = conformer
ccd.get_one_letter_code = dict(zip("ALA ARG GLY DG DT A U".split(), "ARGGTAU")).get
from protenix.data import parser  # noqa: E402
from protenix.data.featurizer import Featurizer  # noqa: E402
from protenix.data.tokenizer import AtomArrayTokenizer  # noqa: E402

parser.get_ccd_ref_info = conformer
parser.AddAtomArrayAnnot.add_res_perm = staticmethod(lambda atoms, *rest: [[0]] * len(atoms))

CHAINS = [("A", "1", ["ALA", "ARG", "SEP", "GLY"]), ("B", "1", ["ALA", "ARG", "SEP", "GLY"]), ("C", "2", ["DG", "DT"]),
          ("D", "3", ["A", "U"]), ("E", "4", ["ATP"])]


def make_rows():
    """chain, entity, component, label_seq_id, atom, element, place"""
    out, shift = [], 0
    for chain, entity, residues in CHAINS:
        for number, residue in enumerate(residues, 1):
            a, c = CIF[residue]["chem_comp_atom"], conformer(residue)
            names, elements = list(c["atom_map"]), a["type_symbol"].as_array(str)
            leaves = a["pdbx_leaving_atom_flag"].as_array(str)
            kept = [i for i, n in enumerate(names) if elements[i] != "H" and
                    (leaves[i] != "Y" or entity == "4" or (residue, n) == ("GLY", "OXT"))]
            for i in kept[::-1] if residue == "GLY" else kept:
                swap = {"NH1": "NH2", "NH2": "NH1"} if (chain, residue) == ("A", "ARG") else {}
                place = [f"{x:.3f}" for x in c["coord"][i] + [shift, 0, 0]]
                out.append((chain, entity, residue, "." if entity == "4" else str(number), swap.get(names[i], names[i]),
                            elements[i], *place))
            shift += 14
    return out


def make_atoms(rows):
    a = struc.AtomArray(len(rows))
    a.coord = np.array([r[6:] for r in rows], np.float32)
    a.chain_id, a.res_name, a.atom_name, a.element = (np.array([r[i] for r in rows]) for i in (0, 2, 4, 5))
    a.res_id = np.array([1 if r[3] == "." else int(r[3]) for r in rows])
    for name, i in (("label_asym_id", 0), ("auth_asym_id", 0), ("label_entity_id", 1), ("label_seq_id", 3)):
        a.set_annotation(name, np.array([r[i] for r in rows]))
    a.set_annotation("auth_seq_id", a.res_id.astype(str))
    a.set_annotation("occupancy", np.ones(len(rows)))
    a.set_annotation("charge", np.zeros(len(rows), int))
    a.bonds = struc.connect_via_residue_names(a, inter_residue=False)
    return a


class Parser(parser.InferenceMMCIFParser):
    def __init__(self, atoms):
        import pathlib
        self.atoms, self._mmcif_file = atoms, pathlib.Path("protenix.cif")

    def get_structure(self):
        a = ccd.add_inter_residue_bonds(self.atoms, exclude_struct_conn_pairs=True, remove_far_inter_chain_pairs=True)
        return ccd.add_inter_residue_bonds(self.replace_auth_with_label(a), exclude_struct_conn_pairs=True)


def no_frames(token_array, **_):
    n = len(token_array)
    token_array.set_annotation("has_frame", [0] * n)
    token_array.set_annotation("frame_atom_index", [[0, 0, 0]] * n)
    return token_array


def write_cif(rows):
    columns = ("group_PDB id type_symbol label_atom_id label_alt_id label_comp_id label_asym_id label_entity_id "
               "label_seq_id Cartn_x Cartn_y Cartn_z occupancy B_iso_or_equiv auth_seq_id auth_asym_id "
               "pdbx_PDB_model_num").split()
    with open("protenix.cif", "w") as f:
        print("data_protenix\nloop_\n_entity.id\n_entity.type", file=f)
        for entity in "1234":
            print(entity, "non-polymer" if entity == "4" else "polymer", file=f)
        print("loop_\n_entity_poly.entity_id\n_entity_poly.type", file=f)
        for entity, kind in zip("123", ("polypeptide(L)", "polydeoxyribonucleotide", "polyribonucleotide")):
            print(entity, f"'{kind}'", file=f)
        print("loop_\n_entity_poly_seq.entity_id\n_entity_poly_seq.num\n_entity_poly_seq.mon_id", file=f)
        for chain, entity, residues in CHAINS:
            for number, residue in enumerate(residues, 1):
                if chain not in "BE":
                    print(entity, number, residue, file=f)
        print("loop_", *(f"_atom_site.{c}" for c in columns), sep="\n", file=f)
        for i, (chain, entity, residue, number, name, element, *place) in enumerate(rows, 1):
            print("HETATM" if residue in ("SEP", "ATP") else "ATOM", i, element,
                  f'"{name}"' if "'" in name else name, ".", residue, chain, entity, number, *place, "1.00 0.00",
                  1 if number == "." else number, chain, 1, file=f)


def main():
    rows = make_rows()
    write_cif(rows)
    atoms = Parser(make_atoms(rows)).get_structure_dict()["atom_array"]
    of = Featurizer(AtomArrayTokenizer(atoms).get_token_array(), atoms, ref_pos_augment=False)
    of.get_token_frame = no_frames
    f = {**of.get_token_features(), **of.get_bond_features(), **of.get_extra_features(), **of.get_reference_features()}
    with open("protenix.txt", "w") as out:
        for t in range(len(f["asym_id"])):
            print("token", int(np.argmax(f["restype"][t])), *(int(f[k][t]) for k in (
                "residue_index", "asym_id", "entity_id", "sym_id")), file=out)
        for i, j in np.argwhere(np.asarray(f["token_bonds"]) > 0):
            if i < j:
                print("bond", i, j, file=out)
        for a in range(len(f["ref_pos"])):
            name = "".join(chr(int(np.argmax(c)) + 32) for c in f["ref_atom_name_chars"][a]).strip()
            print("atom", int(f["atom_to_token_idx"][a]), int(np.argmax(f["ref_element"][a])), int(f["ref_charge"][a]),
                  int(f["ref_mask"][a]), name, int(f["ref_space_uid"][a]), *(f"{x:.3f}" for x in f["ref_pos"][a]),
                  file=out)


main()
