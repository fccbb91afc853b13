# SPDX-License-Identifier: MIT
"""Proteins for OpenMM's force fields, which want the second oxygen of a chain's end that models do not make."""
import numpy as np
from openmm import app, unit


def with_termini(topology, positions):
    """The same topology and positions with OXT on the last residue of every chain that has a CA, C and O there."""
    whole, made, x = app.Topology(), {}, []
    given = np.array(positions.value_in_unit(unit.nanometer))
    for chain in topology.chains():
        c = whole.addChain(chain.id)
        residues = list(chain.residues())
        for residue in residues:
            r = whole.addResidue(residue.name, c, residue.id)
            named = {a.name: a for a in residue.atoms()}
            for a in residue.atoms():
                made[a] = whole.addAtom(a.name, a.element, r)
                x.append(given[a.index])
            if residue is residues[-1] and {"CA", "C", "O"} <= named.keys() and "OXT" not in named:
                ca, carbon, o = (given[named[n].index] for n in ("CA", "C", "O"))
                axis, v = (carbon - ca) / np.linalg.norm(carbon - ca), o - carbon
                whole.addBond(made[named["C"]], whole.addAtom("OXT", app.element.oxygen, r))
                x.append(carbon + 2 * (v @ axis) * axis - v)
    for a, b in topology.bonds():
        whole.addBond(made[a], made[b])
    return whole, np.array(x) * unit.nanometer
