# SPDX-License-Identifier: MIT
"""python3 make_perceive.py >perceive.txt: molecules with hydrogens at RDKit's conformers (ETKDG, seed 7, MMFF where it
can), shaken by 0.03 angstrom, and RDKit's bonds of them: `molecule NAME`, `atom ELEMENT CHARGE X Y Z`,
`bond A B 1|2|3|a` of heavy atoms, counted from 0 as they are listed. RDKit 2026.09."""
import numpy as np
from rdkit import Chem
from rdkit.Chem import AllChem

MOLECULES = {
    "benzamidinium": "NC(=[NH2+])c1ccccc1",
    "aspirin": "CC(=O)Oc1ccccc1C(=O)[O-]",
    "caffeine": "Cn1cnc2c1c(=O)n(C)c(=O)n2C",
    "imatinib": "Cc1ccc(NC(=O)c2ccc(CN3CCN(C)CC3)cc2)cc1Nc1nccc(-c2cccnc2)n1",
    "nitrobenzene": "O=[N+]([O-])c1ccccc1",
    "celecoxib": "Cc1ccc(-c2cc(C(F)(F)F)nn2-c2ccc(S(N)(=O)=O)cc2)cc1",
    "dimethyl sulfoxide": "CS(C)=O",
    "biotin": "O=C1N[C@H]2CS[C@@H](CCCCC(=O)[O-])[C@H]2N1",
    "penicillin": "CC1(C)S[C@@H]2[C@H](NC(=O)Cc3ccccc3)C(=O)N2[C@H]1C(=O)O",
    "histamine": "[NH3+]CCc1c[nH]cn1",
    "imidazolium": "[NH3+]CCc1c[nH]c[nH+]1",
    "arginine": "NC(=[NH2+])NCCC[C@H](N)C(=O)O",
    "pentynenitrile": "N#CCCC#C",
    "pyridine oxide": "[O-][n+]1ccccc1",
    "thioacetamide": "CC(N)=S",
    "methylphosphonate": "CP(=O)([O-])O",
    "bromoiodobenzene": "Brc1ccccc1I",
    "phenylboronic acid": "OB(O)c1ccccc1",
    "guanosine": "Nc1nc2c(ncn2[C@@H]2O[C@H](CO)[C@@H](O)[C@H]2O)c(=O)[nH]1",
    "adenosine triphosphate": "Nc1ncnc2c1ncn2[C@@H]1O[C@H](COP(=O)([O-])OP(=O)([O-])OP(=O)([O-])[O-])[C@@H](O)[C@H]1O",
    "nicotinamide dinucleotide":
        "NC(=O)c1ccc[n+]([C@@H]2O[C@H](COP(=O)([O-])OP(=O)([O-])OC[C@"
        "H]3O[C@@H](n4cnc5c(N)ncnc54)[C@H](O)[C@@H]3O)[C@@H](O)[C@H]2O)c1",
    "quinone": "O=C1C=CC(=O)C=C1",
    "indigo": "O=C1/C(=C2/Nc3ccccc3C2=O)Nc2ccccc21",
    "selenomethionine": "C[Se]CC[C@H]([NH3+])C(=O)[O-]",
    "benzenethiolate": "[S-]c1ccccc1",
    "allene": "CC=C=CC",
    "dasatinib": "Cc1nc(Nc2ncc(C(=O)Nc3c(C)cccc3Cl)s2)cc(N2CCN(CCO)CC2)n1",
    "trimethylammonium": "C[N+](C)(C)CCOC(C)=O",
    "retinal": "CC1=C(C(C)(C)CCC1)/C=C/C(C)=C/C=C/C(C)=C/C=O",
    "methotrexate": "CN(Cc1cnc2nc(N)nc(N)c2n1)c1ccc(C(=O)N[C@@H](CCC(=O)[O-])C(=O)[O-])cc1",
    "bisulfate": "OS(=O)(=O)[O-]",
    "dimethyl sulfone": "CS(C)(=O)=O",
    "trimethylphosphine oxide": "CP(C)(C)=O",
    "cubane": "C12C3C4C1C5C2C3C45",
    "pyrene": "c1cc2ccc3cccc4ccc(c1)c2c34",
}
rng = np.random.default_rng(7)
for name, smiles in MOLECULES.items():
    m = Chem.AddHs(Chem.MolFromSmiles(smiles))
    assert AllChem.EmbedMolecule(m, randomSeed=7) == 0, name
    better = Chem.Mol(m)  # a copy, whose bonds MMFF marks in its own way
    if AllChem.MMFFHasAllMoleculeParams(better):
        AllChem.MMFFOptimizeMolecule(better, maxIters=500)
    x = better.GetConformer().GetPositions() + rng.normal(0, 0.03, (m.GetNumAtoms(), 3))
    print("molecule", name)
    for a, p in zip(m.GetAtoms(), x):
        print("atom", a.GetSymbol(), a.GetFormalCharge(), *(f"{v:.3f}" for v in p))
    for b in m.GetBonds():
        i, j = sorted((b.GetBeginAtomIdx(), b.GetEndAtomIdx()))
        if m.GetAtomWithIdx(j).GetAtomicNum() > 1 and m.GetAtomWithIdx(i).GetAtomicNum() > 1:
            print("bond", i, j, "a" if b.GetIsAromatic() else int(b.GetBondTypeAsDouble()))
