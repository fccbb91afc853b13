#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Second opinions on secondary structure: for each trajectory the shares of helix and
strand over all frames, and a checksum of the whole assignment (sum over frames f and residues r, from 1, of f r class modulo 1000003).

    python3 make_structure.py >> second.txt
"""
import os
import numpy as np, mdtraj as md

here = os.path.dirname(os.path.abspath(__file__))
for name, top in (("md", "start"), ("model", "start"), ("strands", "strands")):
    t = md.load(f"{here}/{name}.xtc", top=f"{here}/{top}.pdb")
    c = np.select([(s := md.compute_dssp(t)) == "H", s == "E"], [1, 2], 0)
    f, r = np.meshgrid(np.arange(1, len(c) + 1), np.arange(1, c.shape[1] + 1), indexing="ij")
    print(f"dssp.{name}.helix {(c == 1).mean():.10g}\ndssp.{name}.strand {(c == 2).mean():.10g}\ndssp.{name}.sum {(f * r * c).sum() % 1000003}")
