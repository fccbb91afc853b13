# SPDX-License-Identifier: MIT
"""Reference trajectories of the formats that are only read here, written by other programs, for test_netcdf, test_traj_text
and test_traj_h5.

python3 make_formats.py (mdtraj 1.11.1, MDAnalysis 2.11.0, biotite 1.6.0, tables 3, h5py 3, netCDF4; seed 11). NAME.raw holds,
as little-endian float32 in angstrom, what those programs read back. The dates in titles apart, the same on every run."""
import warnings

import biotite.structure as struc
import biotite.structure.io.pdbx as pdbx
import h5py
import MDAnalysis as mda
import mdtraj as md
import netCDF4
import numpy as np
from mdtraj.formats import AmberNetCDFRestartFile, GroTrajectoryFile, HDF5TrajectoryFile, NetCDFTrajectoryFile

warnings.filterwarnings("ignore")
rng = np.random.default_rng(11)
FRAMES, ATOMS = 3, 7
NAMES = ["N", "CA", "CB", "C", "O", "OXT", "H"]
LENGTHS, ANGLES = [30, 40, 50], [80, 75, 110]

x = np.cumsum(rng.normal(0, 0.85, (FRAMES, ATOMS, 3)), 1)
x = (np.round(x * 64) / 64).astype("f4")  # exact in nanometres too
top = md.Topology()
residue = top.add_residue("ALA", top.add_chain(), resSeq=5)
for name in NAMES:
    top.add_atom(name, md.element.get_by_symbol(name[0]), residue)
t = md.Trajectory(x / 10, top, time=np.arange(FRAMES) * 2.5, unitcell_lengths=np.tile(LENGTHS, (FRAMES, 1)) / 10,
                  unitcell_angles=np.tile(ANGLES, (FRAMES, 1)))


def raw(name, angstrom):
    np.asarray(angstrom).astype("<f4").tofile(name + ".raw")


# Amber NetCDF
with NetCDFTrajectoryFile("mdtraj.nc", "w", force_overwrite=True) as f:
    f.write(x, time=t.time, cell_lengths=np.tile(LENGTHS, (FRAMES, 1)), cell_angles=np.tile(ANGLES, (FRAMES, 1)))
with NetCDFTrajectoryFile("mdtraj.nc") as f:
    raw("mdtraj.nc", f.read()[0])
u = mda.Universe.empty(ATOMS, trajectory=True)
with mda.coordinates.TRJ.NCDFWriter("mdanalysis.nc", n_atoms=ATOMS, dt=2.5) as w:
    for i in range(FRAMES):
        u.atoms.positions, u.dimensions, u.trajectory.ts.time, u.trajectory.ts.frame = x[i], LENGTHS + ANGLES, 2.5 * i, i
        w.write(u.atoms)
raw("mdanalysis.nc", [ts.positions.copy() for ts in mda.coordinates.TRJ.NCDFReader("mdanalysis.nc")])
for kind in ("NETCDF3_64BIT_DATA", "NETCDF3_CLASSIC"):  # CDF-5 and CDF-1: numbers in float64, another unit, a scale
    with netCDF4.Dataset({"NETCDF3_CLASSIC": "cdf1.nc"}.get(kind, "cdf5.nc"), "w", format=kind) as f:
        f.Conventions, f.ConventionVersion = "AMBER", "1.0"
        for name, n in (("frame", None), ("spatial", 3), ("atom", ATOMS)):
            f.createDimension(name, n)
        note = f.createVariable("note", "i2", ("frame", "spatial"))  # a record that is padded
        at = f.createVariable("time", "f8", ("frame",))
        c = f.createVariable("coordinates", "f8", ("frame", "atom", "spatial"))
        at.units, c.units, c.scale_factor = "nanosecond", "nanometer", 2.0
        f.set_auto_scale(False)
        for i in range(FRAMES):
            note[i], at[i], c[i] = [1, 2, 3], 0.0025 * i, x[i].astype("f8") / 20
with AmberNetCDFRestartFile("restart.nc", "w", force_overwrite=True) as f:
    f.write(x[:1].astype("f8"), time=7.5, cell_lengths=LENGTHS, cell_angles=ANGLES)

# text
t.save_pdb("mdtraj.pdb")
raw("mdtraj.pdb", [ts.positions.copy() for ts in mda.Universe("mdtraj.pdb").trajectory])
with open("gromacs.pdb", "w") as f:  # as trjconv writes frames: a title with the time, each its own box
    for i in range(FRAMES):
        f.write(f"TITLE     Protein t= {2.5 * i:9.5f} step= {500 * i}\nREMARK    THIS IS A SIMULATION BOX\n")
        f.write(f"CRYST1{30 + i:9.3f}{40:9.3f}{50:9.3f}{80:7.2f}{75:7.2f}{110:7.2f} P 1           1\nMODEL     {i + 1:4d}\n")
        for k, name in enumerate(NAMES):
            f.write(f"ATOM  {k + 1:5d}  {name:<3s} ALA     5    " + "".join(f"{v:8.3f}" for v in x[i, k]) + "  1.00  0.00\n")
        f.write("TER\nENDMDL\n")
with GroTrajectoryFile("mdtraj.gro", "w", force_overwrite=True) as f:
    f.write(t.xyz, top, time=t.time, unitcell_vectors=t.unitcell_vectors, precision=6)
raw("mdtraj.gro", md.load("mdtraj.gro").xyz.astype("f8") * 10)
stack = struc.AtomArrayStack(FRAMES, ATOMS)
stack.coord = x
stack.chain_id[:], stack.res_id[:], stack.res_name[:] = "A", 5, "ALA"
stack.atom_name, stack.element = np.array(["O5'"] + NAMES[1:]), np.array([n[0] for n in NAMES])
stack.box = np.tile(t.unitcell_vectors[0] * 10, (FRAMES, 1, 1))
cif = pdbx.CIFFile()
pdbx.set_structure(cif, stack, data_block="made_up")
cif.write("biotite.cif")
raw("biotite.cif", pdbx.get_structure(pdbx.CIFFile.read("biotite.cif")).coord)

# HDF5
t.save_hdf5("mdtraj.h5")
raw("mdtraj.h5", md.load("mdtraj.h5").xyz.astype("f8") * 10)
u = mda.Universe.empty(ATOMS, trajectory=True)
with mda.Writer("mdanalysis.h5md", n_atoms=ATOMS, lengthunit="nm", timeunit="ns", positions=True, velocities=False,
                forces=False) as w:
    for i in range(FRAMES):
        u.atoms.positions, u.dimensions = x[i], LENGTHS + ANGLES
        u.trajectory.ts.time, u.trajectory.ts.data["step"], u.trajectory.ts.dt = 2.5 * i, i, 2.5
        w.write(u.atoms)
raw("mdanalysis.h5md", x)
with h5py.File("stranger.h5", "w", libver="earliest") as f:  # compressed, a group's name of its own, no units, fixed times
    f.create_dataset("particles/empty/velocity/value", data=np.zeros((FRAMES, ATOMS, 3), "f4"))
    f.create_dataset("particles/trajectory0/position/value", data=x.astype("f8") / 10, chunks=(2, 4, 1), compression="gzip",
                     shuffle=True)
    f["particles/trajectory0/position/time"] = 2500.0
    f["particles/trajectory0/position/time"].attrs["unit"] = np.bytes_(b"fs")
    f["particles/trajectory0/position/time"].attrs["offset"] = 5000.0
    f["particles/trajectory0/box/edges"] = np.diag(LENGTHS) / 10
    f["10GS/trajectory_coordinates"] = x.astype("f8")
    f["box"] = np.diag(LENGTHS) / 10
