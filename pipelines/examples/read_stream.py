#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""read_stream.py LIBKM.SO FILE.km: systems and frames of a stream, read through the C library with nothing but ctypes.

One line a system: its name and numbers of atoms, residues and chains; one line a frame: trajectory, time in ns, and the mean of
the coordinates in angstrom. Ends with status 3 and the library's message when the stream is damaged."""
import ctypes as c
import sys

SYSTEM, FRAME = 1, 5  # of km_msg_type


class Err(c.Structure):  # km_err
    _fields_ = [("code", c.c_int), ("msg", c.c_char * 256)]


class SystemHead(c.Structure):  # the first members of km_system
    _fields_ = [("name", c.c_char_p), ("n_atoms", c.c_int32), ("n_residues", c.c_int32), ("n_chains", c.c_int32)]


class Frame(c.Structure):  # km_frame
    _fields_ = [("time_fs", c.c_int64), ("trajectory", c.c_int32), ("given", c.c_bool), ("n_atoms", c.c_int32),
                ("coords", c.POINTER(c.c_float))]


class Msg(c.Structure):  # km_msg
    _fields_ = [("type", c.c_int), ("system", c.POINTER(SystemHead)), ("msa", c.c_void_p), ("templates", c.c_void_p),
                ("trunk", c.c_void_p), ("frame", Frame), ("n_frames", c.c_int64), ("raw", c.c_void_p),
                ("raw_bytes", c.c_size_t), ("raw_kind", c.c_char * 16), ("record", c.c_int32)]


def main(library, path):
    km, libc = c.CDLL(library), c.CDLL(None)
    libc.fopen.restype, libc.fopen.argtypes = c.c_void_p, [c.c_char_p, c.c_char_p]
    km.km_reader_new.restype, km.km_reader_new.argtypes = c.c_void_p, [c.c_void_p, c.c_char_p]
    km.km_reader_next.argtypes = [c.c_void_p, c.POINTER(Msg), c.POINTER(Err)]

    f = libc.fopen(path.encode(), b"rb")
    if not f:
        sys.exit(f"read_stream.py: cannot open {path}")
    reader, msg, err = km.km_reader_new(f, path.encode()), Msg(), Err()
    while (status := km.km_reader_next(reader, c.byref(msg), c.byref(err))) == 1:
        if msg.type == SYSTEM:
            s = msg.system.contents
            print(f"system {s.name.decode()} {s.n_atoms} atoms {s.n_residues} residues {s.n_chains} chains")
        elif msg.type == FRAME:
            n = msg.frame.n_atoms
            x = msg.frame.coords[: 3 * n]
            print(f"frame {msg.frame.trajectory} {msg.frame.time_fs / 1e6:g} ns", *(f"{sum(x[k::3]) / n:.3f}" for k in range(3)))
    if status < 0:
        print(f"read_stream.py: {err.msg.decode()}", file=sys.stderr)
        sys.exit(-status)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
