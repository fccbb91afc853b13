#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Real molecular dynamics of short peptides, from nothing but their sequences.

    pip install openmm numpy PeptideBuilder
    make_peptide_md.py --out data --ns 5 --save 10 AAAA GSTV KWDE      # simulate
    make_peptide_md.py --bench --ns 0.2 --platform CPU --threads 1 AAAA # ns/day only, writes nothing
    make_peptide_md.py --copies copies.so --ns 1 --save 1 AAAA          # replicas 0 to 15 at once (copies.py)

For each sequence S it writes DIR/S/topology.pdb (all atoms, angstrom, the minimised structure),
DIR/S/traj.xtc (nm, ps, frame 0 at t = 0 after equilibration) and DIR/S/meta.json.  A second replica R > 0 is
traj-rR.xtc and meta-rR.json, which starts from other backbone angles and other velocities.

Heavy atoms are placed by PeptideBuilder at random backbone angles, hydrogens by OpenMM's Modeller.  Force field
amber14 (ff14SB) or amber19 (ff19SB), generalised-Born solvent, no cutoff, no box; bonds to H constrained,
hydrogens of 3 amu (mass repartitioned), Langevin middle integrator.
With --copies the same system is moved by copies.c, sixteen replicas in one go and about fifty times faster in all, after
its forces have been compared with OpenMM's.
A run is repeatable on one machine with one platform, thread count and OpenMM version; no more is promised.
"""
import argparse, json, math, os, random, sys, time, zlib

import numpy as np
import openmm as mm
from openmm import app, unit
from openmm.app.internal.customgbforces import GBSAOBC2Force
import PeptideBuilder
from PeptideBuilder import Geometry

FF = {"amber14": "amber14/protein.ff14SB.xml", "amber19": "amber19/protein.ff19SB.xml"}
GB = {"obc2": None, "gbn2": "implicit/gbn2.xml"}                # obc2 is added by add_obc2
BASINS = [(-65, 145), (-120, 130), (-65, -40), (-100, 0)]     # ppII, beta, alpha, bridge


def build(seq, caps, rng, helix=False):
    """Topology and positions (nm) of the heavy atoms of seq; caps adds ACE and NME, else both ends are charged."""
    letters = ("G" + seq + "G") if caps else seq
    chain = None
    for letter in letters:
        geo = Geometry.geometry(letter)
        phi, psi = (-60, -45) if helix else BASINS[rng.integers(len(BASINS))]
        if letter == "P":
            phi = -65
        geo.phi, geo.psi_im1 = phi, psi
        chain = PeptideBuilder.initialize_res(geo) if chain is None else PeptideBuilder.add_residue(chain, geo)
    if not caps:
        PeptideBuilder.add_terminal_OXT(chain)
    residues = list(chain.get_residues())

    top, xyz = app.Topology(), []
    c = top.addChain("A")
    for i, res in enumerate(residues):
        name, keep = res.get_resname(), None
        if caps and i == 0:
            name, keep = "ACE", {"CA": "CH3", "C": "C", "O": "O"}
        elif caps and i == len(residues) - 1:
            name, keep = "NME", {"N": "N", "CA": "C"}
        r = top.addResidue(name, c, str(i if caps else i + 1))
        for atom in res:
            label = atom.get_name() if keep is None else keep.get(atom.get_name())
            if label is None:
                continue
            top.addAtom(label, app.Element.getBySymbol(atom.get_name()[0]), r)
            xyz.append(mm.Vec3(*(float(v) / 10 for v in atom.coord)))
    top.createStandardBonds()
    return top, unit.Quantity(xyz, unit.nanometer)


def add_obc2(system, top):
    """The same energy as implicit/obc2.xml (checked to 1e-4 kJ/mol), but a built-in force: 3 to 4 times faster."""
    charges = next(f for f in system.getForces() if isinstance(f, mm.NonbondedForce))
    gb = mm.GBSAOBCForce()
    gb.setSoluteDielectric(1.0)
    gb.setSolventDielectric(78.5)
    gb.setNonbondedMethod(mm.GBSAOBCForce.NoCutoff)
    for i, (radius, scale) in enumerate(GBSAOBC2Force.getStandardParameters(top)):
        gb.addParticle(charges.getParticleParameters(i)[0], radius, scale)
    system.addForce(gb)


def prepare(seq, o, seed, variants=None):
    """Simulation, state at rest and what addHydrogens chose for each residue (a histidine's tautomer hangs on the
    coordinates), which gives the next start the same atoms."""
    rng = np.random.default_rng(seed)
    random.seed(seed)                       # Modeller draws the first hydrogen places from it
    ff = app.ForceField(*filter(None, (FF[o.ff], GB[o.gb])))
    for _ in range(20):                     # random angles may put two chains through each other: draw again
        model = app.Modeller(*build(seq, o.caps, rng, o.helix))
        chosen = model.addHydrogens(ff, pH=7.0, variants=variants)
        system = ff.createSystem(model.topology, nonbondedMethod=app.NoCutoff, constraints=app.HBonds,
                                 hydrogenMass=3.0 * unit.amu)
        if o.gb == "obc2":
            add_obc2(system, model.topology)
        integ = mm.LangevinMiddleIntegrator(o.temperature * unit.kelvin, o.friction / unit.picosecond,
                                            o.dt * unit.femtosecond)
        integ.setRandomNumberSeed(seed % 2**31)
        props = {"Threads": str(o.threads)} if o.platform == "CPU" else {}
        sim = app.Simulation(model.topology, system, integ, mm.Platform.getPlatformByName(o.platform), props)
        sim.context.setPositions(model.positions)
        sim.minimizeEnergy()
        st = sim.context.getState(getEnergy=True, getPositions=True)
        if chirality_ok(model.topology, st.getPositions(asNumpy=True)._value):
            return sim, st, chosen
    sys.exit(f"{seq}: no sound start structure in 20 tries")


def chirality_ok(top, xyz):
    """L at every CA, trans at every peptide bond not before proline, no NaN."""
    if not np.isfinite(xyz).all():
        return False
    chains = [[{a.name: xyz[a.index] for a in r.atoms()} for r in c.residues()] for c in top.chains()]
    for r in sum(chains, []):
        if all(k in r for k in ("N", "CA", "C", "CB")):
            if np.dot(np.cross(r["N"] - r["CA"], r["C"] - r["CA"]), r["CB"] - r["CA"]) < 0:
                return False
    for a, b in ((a, b) for c in chains for a, b in zip(c, c[1:])):
        ca1, ca2 = a.get("CA", a.get("CH3")), b.get("CA", b.get("C"))
        if abs(dihedral(ca1, a["C"], b["N"], ca2)) < 120:
            return False
    return True


def dihedral(a, b, c, d):
    b0, b1, b2 = a - b, c - b, d - c
    b1 = b1 / np.linalg.norm(b1)
    v, w = b0 - b0.dot(b1) * b1, b2 - b2.dot(b1) * b1
    return math.degrees(math.atan2(np.dot(np.cross(b1, v), w), np.dot(v, w)))


def temperature(sim):
    s = sim.system
    dof = 3 * sum(s.getParticleMass(i)._value > 0 for i in range(s.getNumParticles())) - s.getNumConstraints() - 3
    ke = sim.context.getState(getEnergy=True).getKineticEnergy()
    return (2 * ke / (dof * unit.MOLAR_GAS_CONSTANT_R)).value_in_unit(unit.kelvin)


def seed_of(seq, o, replica):
    return zlib.crc32(f"{seq}/{replica}/{o.seed}".encode()) & 0x7fffffff


def steps_per_frame(o):
    per = round(o.save * 1000 / o.dt)
    if abs(per * o.dt - o.save * 1000) > 1e-6:
        sys.exit(f"--save {o.save} ps is not a whole number of {o.dt} fs steps")
    return per


def write_meta(d, suffix, seq, o, replica, sim, frames, temps, speed, engine):
    meta = {"sequence": seq, "caps": "ACE/NME" if o.caps else "none (zwitterion)", "replica": replica,
            "atoms": sim.topology.getNumAtoms(), "frames": frames + 1, "save_interval_ps": o.save, "length_ns": o.ns,
            "equilibration_ns": o.equil, "temperature_K": o.temperature,
            "temperature_measured_K": round(float(np.mean(temps)), 1), "force_field": FF[o.ff],
            "solvent": {"obc2": "generalised Born OBC2", "gbn2": "generalised Born GBn2"}[o.gb],
            "integrator": "LangevinMiddle", "timestep_fs": o.dt, "friction_per_ps": o.friction,
            "constraints": "HBonds", "hydrogen_mass_amu": 3.0, "cutoff": "none", "box": "none",
            "seed": seed_of(seq, o, replica), **engine, "ns_per_day": round(speed, 1)}
    with open(os.path.join(d, f"meta{suffix}.json"), "w") as f:
        json.dump(meta, f, indent=1)
        f.write("\n")


def simulate(seq, o):
    seed, per = seed_of(seq, o, o.replica), steps_per_frame(o)
    sim, st, _ = prepare(seq, o, seed)
    frames = round(o.ns * 1000 / o.save)
    sim.context.setVelocitiesToTemperature(o.temperature * unit.kelvin, seed % 2**31)
    sim.step(round(o.equil * 1e6 / o.dt))
    sim.currentStep = 0
    sim.context.setTime(0)
    sim.context.setStepCount(0)

    if o.bench:
        t0, c0 = time.perf_counter(), time.process_time()
        sim.step(round(o.ns * 1e6 / o.dt))
        wall, cpu = time.perf_counter() - t0, time.process_time() - c0
        print(json.dumps({"seq": seq, "atoms": sim.topology.getNumAtoms(), "platform": o.platform, "threads": o.threads,
                          "ff": o.ff, "gb": o.gb, "ns_per_day": round(o.ns * 86400 / wall, 1),
                          "ns_per_cpu_day": round(o.ns * 86400 / cpu, 1), "wall_s": round(wall, 2)}), flush=True)
        return

    d = os.path.join(o.out, seq)
    os.makedirs(d, exist_ok=True)
    suffix = f"-r{o.replica}" if o.replica else ""
    top = os.path.join(d, "topology.pdb")
    if not o.replica or not os.path.exists(top):
        with open(top, "w") as f:
            app.PDBFile.writeFile(sim.topology, st.getPositions(), f, keepIds=True)
    temps, t0 = [], time.perf_counter()
    tmp = os.path.join(d, f"traj{suffix}.part.xtc")
    if os.path.exists(tmp):
        os.remove(tmp)
    rep = app.XTCReporter(tmp, per)
    rep.report(sim, sim.context.getState(getPositions=True))
    sim.reporters.append(rep)
    for _ in range(frames):
        sim.step(per)
        temps.append(temperature(sim))
    wall = time.perf_counter() - t0
    del sim.reporters[:], rep
    os.replace(tmp, os.path.join(d, f"traj{suffix}.xtc"))
    write_meta(d, suffix, seq, o, o.replica, sim, frames, temps, o.ns * 86400 / wall,
               {"engine": f"OpenMM {mm.__version__}", "platform": o.platform, "threads": o.threads})
    print(f"{seq} r{o.replica}: {frames + 1} frames, {sim.topology.getNumAtoms()} atoms, {np.mean(temps):.1f} K, "
          f"{o.ns * 86400 / wall:.0f} ns/day", flush=True)


def starts_of(seq, o):
    """Simulations with their states, one for each of o.starts, from angles of their own; warm, as forces at rest are
    too small to be compared."""
    variants = None
    for r in range(o.starts):
        sim, _, variants = prepare(seq, o, seed_of(seq, o, r), variants)
        sim.context.setVelocitiesToTemperature(o.temperature * unit.kelvin, seed_of(seq, o, r) % 2**31)
        sim.step(500)
        yield sim, sim.context.getState(getEnergy=True, getForces=True, getPositions=True)


def simulate_copies(seq, o):
    from copies import COPIES, Copies
    sims, states = zip(*starts_of(seq, o))
    sim, per, frames = sims[0], steps_per_frame(o), round(o.ns * 1000 / o.save)
    many = Copies(o.copies, sim.system, states, o.temperature, o.friction, o.dt, seed_of(seq, o, 0))
    many.run(round(o.equil * 1e6 / o.dt))
    d = os.path.join(o.out, seq)
    os.makedirs(d, exist_ok=True)
    with open(os.path.join(d, "topology.pdb"), "w") as f:
        app.PDBFile.writeFile(sim.topology, states[0].getPositions(), f, keepIds=True)
    saved, temps, t0 = np.empty((frames + 1, *many.x.shape), np.float32), [], time.process_time()
    saved[0] = many.x
    for k in range(frames):
        many.run(per)
        saved[k + 1] = many.x
        temps.append(many.temperature())
    cpu = time.process_time() - t0
    for c in reversed(range(o.keep)):       # replica 0 last: its meta.json stands for all of them
        suffix = f"-r{c}" if c else ""
        part = os.path.join(d, f"traj{suffix}.part.xtc")
        if os.path.exists(part):
            os.remove(part)
        xtc = app.XTCFile(part, sim.topology, o.save)
        for frame in saved[:, :, :, c]:
            xtc.writeModel(frame)
        os.replace(part, os.path.join(d, f"traj{suffix}.xtc"))
        write_meta(d, suffix, seq, o, c, sim, frames, temps, o.ns * COPIES * 86400 / cpu,
                   {"engine": f"copies.c, system and check by OpenMM {mm.__version__}", "copies": COPIES, "starts": o.starts})
    print(f"{seq}: {o.keep} x {frames + 1} frames, {many.x.shape[0]} atoms, {np.mean(temps):.1f} K, "
          f"{o.ns * COPIES * 86400 / cpu:.0f} ns/day", flush=True)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("sequence", nargs="+", help="one-letter codes of the 20 standard residues")
    p.add_argument("--out", default=".", help="folder to write to")
    p.add_argument("--ns", type=float, default=5)
    p.add_argument("--save", type=float, default=10, help="saving interval, ps")
    p.add_argument("--equil", type=float, default=0.2, help="ns thrown away first")
    p.add_argument("--temperature", type=float, default=310)
    p.add_argument("--friction", type=float, default=1.0, help="per ps")
    p.add_argument("--dt", type=float, default=4.0, help="fs")
    p.add_argument("--ff", choices=FF, default="amber14")
    p.add_argument("--gb", choices=GB, default="obc2")
    p.add_argument("--caps", action="store_true", help="ACE and NME instead of charged ends")
    p.add_argument("--helix", action="store_true", help="start as an alpha helix")
    p.add_argument("--replica", type=int, default=0)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--platform", default="CPU")
    p.add_argument("--threads", type=int, default=1)
    p.add_argument("--copies", metavar="LIBRARY", help="copies.c compiled: sixteen replicas at once")
    p.add_argument("--starts", type=int, default=4, help="with --copies: start structures dealt out to the replicas")
    p.add_argument("--keep", type=int, default=16, help="with --copies: replicas written")
    p.add_argument("--bench", action="store_true", help="measure speed, write nothing")
    o = p.parse_args()
    for seq in o.sequence:
        if not seq or set(seq) - set("ACDEFGHIKLMNPQRSTVWY"):
            p.error(f"not a peptide sequence: {seq!r}")
    for seq in o.sequence:
        (simulate_copies if o.copies else simulate)(seq, o)


if __name__ == "__main__":
    main()
