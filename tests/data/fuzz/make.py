#!/usr/bin/python3
# SPDX-License-Identifier: MIT
# Makes the first files of the corpora h5/, km/, safetensors/, schema/, sdf/, structure/, template/, torch/ and zip/ and of traj/ all but XTC and DCD (run in this directory); what a fuzzer finds is added beside them.
import gzip
import json
import os
import struct
import subprocess
import zipfile

import msgpack
import zstandard


def put(path, data):
    with open(path, "wb") as f:
        f.write(data)


os.makedirs("km", exist_ok=True)
os.makedirs("safetensors", exist_ok=True)
os.makedirs("structure", exist_ok=True)
os.makedirs("traj", exist_ok=True)
os.makedirs("msa", exist_ok=True)
stream = subprocess.run(["/usr/bin/python3", "../make_stream.py", "1", "1"], stdout=subprocess.PIPE, check=True).stdout
put("km/stream", stream)
put("km/stream-cut", stream[:-40])
for i, m in enumerate(msgpack.Unpacker(zstandard.ZstdDecompressor().stream_reader(stream, read_across_frames=True))):
    if m["type"] != "rows":
        put("km/message-" + m["type"], msgpack.packb(m))
put("km/content-2-60", bytes([0x28, 0xB5, 0x2F, 0xFD, 0xE4, 0, 0, 0, 0, 0, 0, 0, 0x10, 1, 0, 0]))
put("km/deep", b"\x91" * 3000)
put("km/long-array", b"\x82\xa4type\xa1x\xa1y\xdd\xff\xff\xff\xff")
put("km/wide-trunk", msgpack.packb(dict(type="trunk", n_tokens=0, token_s=65536, token_z=65536, recycles=0)))


def tensors(header, data=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def tensor(dtype, shape, begin, end):
    return dict(dtype=dtype, shape=shape, data_offsets=[begin, end])


put("safetensors/tiny", open("../safetensors/tiny.safetensors", "rb").read())
put("safetensors/askew", tensors({"a": tensor("U8", [1], 0, 1), "b": tensor("F64", [2], 1, 17)}, bytes(17)))
put("safetensors/hole", tensors({"a": tensor("F32", [1], 4, 8)}, bytes(8)))
put("safetensors/overflow", tensors({"a": tensor("F32", [2**32, 2**32, 2], 0, 0)}))
put("safetensors/huge-header", b"\xff" * 16)
put("safetensors/deep", tensors(b'{"a":' + b"[" * 3000 + b"]" * 3000 + b"}"))
put("safetensors/twice", tensors(b'{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"a":{}}'))
put("safetensors/empty", b"")


def atom(serial, name, residue, chain, number, x, y, z, record="ATOM  ", alt=" ", icode=" ", element=None, charge="  "):
    return (f"{record}{serial:>5} {name:^4}{alt}{residue:>3} {chain}{number:>4}{icode}   {x:8.3f}{y:8.3f}{z:8.3f}  1.00  0.00"
            f"          {element or name[0]:>2}{charge}\n")


backbone = [("N", -1.2, 0.8, 0.1), ("CA", 0.1, 0.3, 0.5), ("C", 1.2, 1.2, -0.2), ("O", 1.0, 2.4, -0.3), ("CB", 0.3, -1.2, 0.2)]
peptide = "".join(atom(5 * r + i + 1, n, "ALA", "A", r + 1, x + 2.6 * r, y, z) for r in range(3) for i, (n, x, y, z) in enumerate(backbone))
put("structure/peptide.pdb", peptide.encode())
put("structure/peptide.pdb.gz", gzip.compress(peptide.encode(), mtime=0))
put("structure/cut.pdb.gz", gzip.compress(peptide.encode(), mtime=0)[:-30])
put("structure/models.pdb", "".join(f"MODEL     {i:>4}\n{peptide}ENDMDL\n" for i in (1, 2)).encode())
put("structure/odd.pdb", ("SEQRES   1 A    3  ALA MSE GLY\n" + peptide[:81] + atom("A0000", "CA", "ALA", "A", "A000", 9, 9, 9, alt="B")
                          + atom(-1, "CA", "ALA", "A", -9, 9, 8, 7, icode="Z") + "TER\n"
                          + atom(8, "ZN", "ZN", "B", 1, 5, 5, 5, record="HETATM", element="ZN", charge="2+")
                          + atom(9, "O", "HOH", "B", 2, 4, 5, 6, record="HETATM") + "CONECT    1    2    2\nEND\n").encode())
put("structure/bonds.pdb", b"CONECT    1    2    3    4    5\nLINK         SG  CYS A   1                 SG  CYS A   6\n")
link = "LINK         SG  CYS A   1                 SG  CYS A   6     1555   1555"
put("structure/distance-cut.pdb", (peptide + link + " \nSSBOND" + link[6:] + " \n").encode())
put("structure/zero-byte.pdb", (peptide + link + "  \0 2.03\n").encode())
put("structure/long-line.pdb", b"ATOM " * 4000)
items = ["group_PDB", "id", "type_symbol", "label_atom_id", "label_comp_id", "label_asym_id", "label_entity_id", "label_seq_id",
         "Cartn_x", "Cartn_y", "Cartn_z", "auth_seq_id", "auth_asym_id", "pdbx_PDB_model_num"]
rows = "".join(f"ATOM {i + 1} {n[0]} {n} GLY A 1 1 {x} {y} {z} 1 A 1\n" for i, (n, x, y, z) in enumerate(backbone[:4]))
cif = "data_x\nloop_\n" + "".join(f"_atom_site.{i}\n" for i in items) + rows
put("structure/residue.cif", (cif + "loop_\n_entity_poly_seq.entity_id\n_entity_poly_seq.num\n_entity_poly_seq.mon_id\n1 1 GLY\n").encode())
put("structure/short-row.cif", cif[:-8].encode())
put("structure/quotes.cif", (cif + "_a.b '\n;\n;x\n").encode())
put("structure/zeros", bytes(200))
gro = "t= 1.0\n    3\n    1SER      N    1  -0.100   0.200   1.500\n    1SER     CA    2   0.000   0.310   1.400\n"
gro += "    2NA      NA    3   1.000   1.000   1.000\n   2.00000   2.10000   2.20000\n"
put("structure/frame.gro", gro.encode())
put("structure/cut.gro", gro[:90].encode())
benzamidine = open("../perceive.txt").read().split("molecule ")[1].splitlines()
atoms = [line.split() for line in benzamidine if line.startswith("atom")]
put("structure/ligand.pdb", "".join(
    atom(i + 1, f"{a[1]}{i}", "LIG", "A", 1, *map(float, a[3:]), record="HETATM", element=a[1])
    for i, a in enumerate(atoms)).encode())

for name in ("mdtraj.trr", "mdanalysis.trr", "double.trr"):
    put("traj/" + name, open("../traj/" + name, "rb").read())
trr = open("../traj/mdtraj.trr", "rb").read()
put("traj/cut.trr", trr[:80])
for name in ("mdtraj.nc", "cdf5.nc", "restart.nc", "gromacs.pdb", "mdtraj.gro", "biotite.cif"):
    put("traj/" + name, open("../traj/" + name, "rb").read())
nc = open("../traj/mdtraj.nc", "rb").read()
put("traj/many-dimensions.nc", nc[:12] + b"\x7f\xff\xff\xff" + nc[16:])
put("traj/cut.nc", nc[:300])
put("traj/no-end.cif", b"data_x\nloop_\n_atom_site.Cartn_x\n_atom_site.Cartn_y\n_atom_site.Cartn_z\n1 2 3\n4 '5")
put("traj/many-atoms.trr", trr[:52] + struct.pack(">4i", 1200000000, 0, 0, 100000000) + trr[68:])

a3m = b"#c\n>query\nACDEF\n>one OX=9606\nA-dkDEF\n>two\nacACD\nEF\n>three\nAC-EFwy\n"
put("msa/small.a3m", a3m)
put("msa/small.a3m.gz", gzip.compress(a3m, mtime=0))
put("msa/cut.a3m.gz", gzip.compress(a3m, mtime=0)[:-12])
put("msa/small.csv", b'key,sequence\n0,ACDEF\n,A-dkDEF\n3.0,"acACDEF"\n')
put("msa/small.sto", b"# STOCKHOLM 1.0\n#=GS one OX 9606\n\nquery --A.C\none ..A--\n\nquery DEF\none DEF\n//\n")
put("msa/notes.sto", b"# STOCKHOLM 1.0\n#=GS b DE x\n#=GS\n#=GS c OX 1\na ACD\nb ACD\n//\n")
put("msa/zero-byte", b">q\nA\0CD\n")
put("msa/long-line", b">q\n" + b"AC" * 9000 + b"\n")

os.makedirs("torch", exist_ok=True)
for name in "views", "config":
    whole = "../torch/" + name + ".ckpt"
    put("torch/" + name, open(whole, "rb").read())
    put("torch/pickle-" + name, zipfile.ZipFile(whole).read("archive/data.pkl"))
put("torch/pickle-deep", b"\x80\2" + b"]" * 3000 + b"a" * 2999 + b".")
put("torch/pickle-doubling", b"\x80\2]q\0" + b"h\0h\0\x86q\0" * 40 + b".")
put("torch/pickle-long-text", b"\x80\2X\xff\xff\xff\xffa.")
components = open("../components.cif", "rb").read()
binary = open("../components.bcif", "rb").read()
put("ccd/small.bcif", binary)
put("ccd/cut.bcif", binary[:400])
put("ccd/cut.cif", components[:900])
put("ccd/alone.cif", b'data_X\n_chem_comp_atom.comp_id X\n_chem_comp_atom.atom_id "C1"\n_chem_comp_atom.type_symbol C\n;text\n;\n')

os.makedirs("zip", exist_ok=True)


def archive(path, comment=b"", limits=(0x7fffffff, 0xffff)):
    zipfile.ZIP64_LIMIT, zipfile.ZIP_FILECOUNT_LIMIT = limits
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as z:
        for name in "a/", "a/text", "b/link", "b/long":
            info = zipfile.ZipInfo(name)
            info.create_system, info.external_attr = 3, (0o120777 if "link" in name else 0o100644) << 16
            z.writestr(info, {"a/": b"", "b/long": b"long " * 200}.get(name, name.encode()), zipfile.ZIP_DEFLATED)
        z.comment = comment
    return open(path, "rb").read()


plain = archive("zip/plain.zip", b"a comment")
archive("zip/zip64.zip", limits=(10, 1))
put("zip/cut.zip", plain[:-30])
put("zip/empty.zip", b"PK\5\6" + bytes(18))
put("zip/many.zip", b"PK\5\6" + bytes(4) + b"\xff\xff\xff\xff" + bytes(10))


def inputs(case):
    """The texts of a reference case's input."""
    with open("../oracle/" + case, "rb") as f:
        header = json.loads(f.read(struct.unpack("<Q", f.read(8))[0]))
    return json.loads(header["__metadata__"]["inputs"])


for folder in "template", "schema", "sdf":
    os.makedirs(folder, exist_ok=True)
templates = {k: v for k, v in inputs("template_features_single.safetensors").items() if k.endswith((".cif", ".pdb"))}
for name, text in templates.items():
    put("template/" + os.path.basename(name), text.encode())
    put("template/cut-" + os.path.basename(name), text.encode()[:-700])
put("template/peptide.pdb", b"SEQRES   1 A    2  ALA SER\n" + open("../dipeptide.pdb", "rb").read())
for case in "constraints", "peptide":
    put("schema/" + case + ".yaml", inputs(f"features-{case}.safetensors")[case + ".yaml"].encode())
put("schema/two.fasta", b">A|protein\nACDEF\nGHI\n>B|dna\nACGT\n>C|ccd\nZN\n")
put("schema/ring.yaml", b"sequences: [{protein: {id: [A, B], sequence: ACDC, cyclic: true}}]\n"
    b"constraints: [{bond: {atom1: [A, 2, SG], atom2: [B, 4, SG]}}, {contact: {token1: [A, 1], token2: [B, 1]}}]\n")
put("schema/deep.yaml", b"sequences: " + b"[" * 3000)
put("schema/aliases.yaml", b"sequences: &a [*a, *a]\n")
put("sdf/acetate.sdf", b"acetate\n\n\n  4  3  0  0  0  0  0  0  0  0999 V2000\n"
    b"    0.0000    0.0000    0.1000 C   0  0\n    1.5000    0.0000    0.0000 C   0  0\n"
    b"    2.1000    1.0500    0.0000 O   0  0\n    2.1000   -1.1000    0.0000 O   0  5\n"
    b"  1  2  1  0\n  2  3  2  0\n  2  4  1  0\nM  CHG  1   4  -1\nM  END\n")
put("sdf/cut.sdf", open("sdf/acetate.sdf", "rb").read()[:150])
put("sdf/water.mol", b"\n\n\n  0  0  0     0  0            999 V3000\nM  V30 BEGIN CTAB\nM  V30 COUNTS 2 1 0 0 0\n"
    b"M  V30 BEGIN ATOM\nM  V30 1 O 0 0 0 0 CHG=-1\nM  V30 2 C 1.2 0 -\nM  V30 0 0\nM  V30 END ATOM\n"
    b"M  V30 BEGIN BOND\nM  V30 1 1 1 2\nM  V30 END BOND\nM  V30 END CTAB\nM  END\n")
put("structure/assembly.pdb", b"REMARK 350 BIOMOLECULE: 1\nREMARK 350 APPLY THE FOLLOWING TO CHAINS: A\n"
    + b"".join(b"REMARK 350   BIOMT%d   %d %9.6f %9.6f %9.6f %14.5f\n" % (i + 1, k, *((s if j == i else 0) for j in range(3)), 50 * (k - 1))
               for k, s in ((1, 1), (2, -1)) for i in range(3)) + open("structure/peptide.pdb", "rb").read())
put("structure/assembly.cif", open("structure/residue.cif", "rb").read() + b"\n#\nloop_\n_pdbx_struct_assembly_gen.assembly_id\n"
    b"_pdbx_struct_assembly_gen.oper_expression\n_pdbx_struct_assembly_gen.asym_id_list\n1 (1)(1-99999999) A\n#\n"
    b"_pdbx_struct_oper_list.id 1\n_pdbx_struct_oper_list.type x\n"
    + b"".join(b"_pdbx_struct_oper_list.matrix[%d][%d] %d\n" % (i, k, i == k) for i in (1, 2, 3) for k in (1, 2, 3))
    + b"".join(b"_pdbx_struct_oper_list.vector[%d] 0\n" % i for i in (1, 2, 3)))


def h5(name, *sets):
    """A file of fuzz_h5.c: (number of the path, type, shape, bytes that fill it[, unit])."""
    out = b""
    for number, kind, shape, fill, *unit in sets:
        width = [kind >> 8] if kind % 8 == 6 else []
        out += bytes([number, kind & 255, len(shape), *shape, *width, *(unit or [5]), len(fill)]) + fill
    put("h5/" + name, out)


os.makedirs("h5", exist_ok=True)
F4, F8, I8, TEXT, WORDS, PACKED = 0, 1, 2, 6, 7, 48
places = bytes(range(0, 250, 7))
order = "N H H2 H3 CA HA CB HB1 HB2 HB3 C O OXT".split()
number = bytes({"N": 7, "C": 6, "O": 8, "H": 1}[a[0]] for a in order)
columns = (12, I8, (13,), number), (13, I8, (13,), bytes([26] + 10 * [24] + [30, 30])), (14, I8, (13,), b"\2"), (15, F8, (1,), b"\0")
h5("misato", (11, F8 | PACKED, (4, 13, 3), places), *columns)
h5("misato-short", (11, F8, (4, 12, 3), places), *columns)
h5("misato-ligand", (11, F8, (4, 13, 3), places), *columns[:2], (14, I8, (13,), b"\0"), (15, I8, (3,), bytes([0, 5, 9])))
line = atom(1, "CA", "GLY", "A", 1, 1, 2, 3) + atom(2, "C", "GLY", "A", 1, 2, 2, 3)
h5("mdcath", (16, WORDS, (), line.encode()[:250]), (17, F4, (3, 2, 3), places, 1), (18, F8, (3, 3), b"\x09\0\0\0"), (19, F4, (3, 2, 3), places))
h5("mdcath-fixed", (16, TEXT | 99 << 8, (), line.encode()[:100]), (17, I8, (3, 2, 3), places))
h5("stranger", (3, F4 | 16, (3, 4, 3), places, 0), (4, F8, (3,), bytes([0, 10, 20]), 2), (5, F8, (3, 3), b"\x09", 0))
h5("stranger-fixed", (3, F8, (3, 4, 3), places, 64), (4, I8, (), b"\7", 3), (6, F4, (3, 3), b"\x09", 1))
h5("mdtraj", (7, F4 | PACKED, (5, 6, 3), places, 128), (8, F4, (5,), bytes(range(5)), 130), (9, F4, (5, 3), b"\x09", 128), (10, F4, (5, 3), b"\x5a", 132))
system = msgpack.packb(next(m for m in msgpack.Unpacker(zstandard.ZstdDecompressor().stream_reader(stream, read_across_frames=True)) if m["type"] == "system"))
put("h5/ours", bytes([0]) + struct.pack("<H", len(system)) + system + bytes([1, F4 | 16, 3, 2, 16, 3, 1, 4, 1, 2, 3, 4, 2, F8, 1, 2, 2, 2, 0, 9]))
