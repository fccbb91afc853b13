# SPDX-License-Identifier: MIT
"""Sixteen copies of one peptide at once, a vector lane each: copies.c, fed with a system that OpenMM has built.

    cc -O3 -march=native -ffast-math -fopenmp-simd -shared -fPIC -o copies.so copies.c -lm

Before anything moves, energies and forces of every start are compared with OpenMM's own: another force field, a force
that copies.c lacks or a compiler's fault ends the run."""
import ctypes

import numpy as np
import openmm as mm
from openmm import unit

COPIES, COULOMB, GAS = 16, 138.935456, 8.31446262e-3
FORCE_ERROR = 1e-4          # relative, root mean square; float32 gives 5e-6
ARRAYS = ("mass charge radius scale repulsion dispersion coulomb bond angle torsion constraint "
          "bond_shape angle_shape torsion_shape length").split()


class Molecule(ctypes.Structure):
    _fields_ = [(k, ctypes.c_int32) for k in "atoms bonds angles torsions constraints".split()] + \
               [(k, ctypes.c_void_p) for k in ARRAYS]


def rows(count, get):
    return [[v._value if unit.is_quantity(v) else v for v in get(i)] for i in range(count)]


def pairs(force, atoms):
    """4 eps sigma^12, 4 eps sigma^6 and the Coulomb factor of all pairs i < j, exceptions included."""
    own = np.array(rows(atoms, force.getParticleParameters))
    i, j = np.triu_indices(atoms, 1)
    charge, sigma, eps = own[i, 0] * own[j, 0], (own[i, 1] + own[j, 1]) / 2, np.sqrt(own[i, 2] * own[j, 2])
    place = np.zeros((atoms, atoms), int)
    place[i, j] = np.arange(len(i))
    for a, b, *changed in rows(force.getNumExceptions(), force.getExceptionParameters):
        k = place[min(a, b), max(a, b)]
        charge[k], sigma[k], eps[k] = changed
    return {"charge": own[:, 0], "repulsion": 4 * eps * sigma**12, "dispersion": 4 * eps * sigma**6,
            "coulomb": COULOMB * charge}


def tables(system):
    """What copies.c takes of an OpenMM system, as arrays by name."""
    n, t = system.getNumParticles(), {}
    constraints = rows(system.getNumConstraints(), system.getConstraintParameters)
    t["mass"] = [system.getParticleMass(i)._value for i in range(n)]
    t["constraint"], t["length"] = [c[:2] for c in constraints], [c[2] for c in constraints]
    for f in system.getForces():
        if isinstance(f, mm.NonbondedForce):
            t.update(pairs(f, n))
        elif isinstance(f, mm.GBSAOBCForce):
            own = np.array(rows(n, f.getParticleParameters))
            t["radius"], t["scale"] = own[:, 1], own[:, 2]
        elif isinstance(f, mm.HarmonicBondForce):
            bonds = rows(f.getNumBonds(), f.getBondParameters)
            t["bond"], t["bond_shape"] = [b[:2] for b in bonds], [b[2:] for b in bonds]
        elif isinstance(f, mm.HarmonicAngleForce):
            angles = rows(f.getNumAngles(), f.getAngleParameters)
            t["angle"], t["angle_shape"] = [a[:3] for a in angles], [a[3:] for a in angles]
        elif isinstance(f, mm.PeriodicTorsionForce):
            torsions = [r for r in rows(f.getNumTorsions(), f.getTorsionParameters) if r[6]]
            t["torsion"], t["torsion_shape"] = [r[:4] for r in torsions], [r[4:] for r in torsions]
        elif not isinstance(f, mm.CMMotionRemover):
            raise ValueError(f"copies.c has no {f.getName()}")
    return {k: np.ascontiguousarray(v, np.int32 if k in ("bond", "angle", "torsion", "constraint") else np.float32)
            for k, v in t.items()}


def lanes(*shape):
    """Zeros of float32 at an address that vectors may be loaded from."""
    size = int(np.prod(shape))
    raw = np.zeros(size + 16, np.float32)
    first = -raw.ctypes.data // 4 % 16
    return raw[first:first + size].reshape(shape)


def pointer(a):
    return a.ctypes.data_as(ctypes.c_void_p)


class Copies:
    """Coordinates (nm) and velocities [atoms, 3, COPIES] of the copies; starts are OpenMM states with forces and energy,
    dealt out to the copies in turn."""

    def __init__(self, library, system, starts, temperature, friction, dt, seed):
        self.library, self.tables = ctypes.CDLL(library), tables(system)
        n, t = system.getNumParticles(), self.tables
        self.molecule = Molecule(n, *(len(t[k]) for k in "bond angle torsion constraint".split()),
                                 *(t[k].ctypes.data for k in ARRAYS))
        self.x, self.v, self.kt = lanes(n, 3, COPIES), lanes(n, 3, COPIES), GAS * temperature
        self.dt, self.friction = dt / 1000, friction
        rng = np.random.default_rng(seed)
        self.state = rng.integers(1, 2**32 - 1, (4, COPIES), dtype=np.uint32)
        for c in range(COPIES):
            self.x[:, :, c] = starts[c % len(starts)].getPositions(asNumpy=True)._value
        self.v[:] = rng.normal(size=self.v.shape) * np.sqrt(self.kt / t["mass"])[:, None, None]
        self.compare(starts)

    def compare(self, starts):
        f, e = lanes(*self.x.shape), lanes(COPIES)
        if self.library.copies_forces(ctypes.byref(self.molecule), pointer(self.x), pointer(f), pointer(e)):
            raise MemoryError("copies.c: out of memory")
        for c in range(COPIES):
            start = starts[c % len(starts)]
            want, energy = start.getForces(asNumpy=True)._value, start.getPotentialEnergy()._value
            off = np.sqrt(((f[:, :, c] - want)**2).sum() / (want**2).sum())
            if not (off < FORCE_ERROR and abs(e[c] - energy) < FORCE_ERROR * abs(energy)):
                raise ArithmeticError(f"copies.c differs from OpenMM: forces by {off:.1e}, energy {e[c]} for {energy}")

    def run(self, steps):
        r = self.library.copies_run(ctypes.byref(self.molecule), pointer(self.x), pointer(self.v), pointer(self.state), steps,
                                    *map(ctypes.c_float, (self.dt, self.kt, self.friction)))
        if r or not np.isfinite(self.x).all():
            raise ArithmeticError("copies.c: out of memory" if r == -1 else "copies.c: constraints failed or not finite")

    def temperature(self):
        dof = self.x[:, :, 0].size - len(self.tables["length"])
        return float(((self.v**2).sum(1) * self.tables["mass"][:, None]).sum() / (dof * COPIES * GAS))
