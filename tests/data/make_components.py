#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Write tests/data/components.cif and components.bcif: one small dictionary as mmCIF and as BinaryCIF.

Usage: python3 tests/data/make_components.py   (Debian's python3-msgpack; nothing is random)

ATP, NAG, SEP and ZN are cut from tests/data/oracle/features-components.cif (wwPDB chemical component dictionary, CC0). MDL is
made up: its ideal coordinates are unknown, its model's are not. Every encoding of BinaryCIF occurs.
"""
import pathlib
import re
import struct

import msgpack

HERE = pathlib.Path(__file__).parent
MDL = """data_MDL
#
_chem_comp.id MDL
_chem_comp.type 'made up; "quoted"'
#
loop_
_chem_comp_atom.comp_id
_chem_comp_atom.atom_id
_chem_comp_atom.type_symbol
_chem_comp_atom.charge
_chem_comp_atom.pdbx_leaving_atom_flag
_chem_comp_atom.model_Cartn_x
_chem_comp_atom.model_Cartn_y
_chem_comp_atom.model_Cartn_z
MDL "C1'" C ? N 1 2.5 -3
MDL
;O1
;
o -1 N 0 1.25 4
MDL HO H 0 Y ? ? ?
#
loop_
_chem_comp_bond.comp_id
_chem_comp_bond.atom_id_1
_chem_comp_bond.atom_id_2
_chem_comp_bond.value_order
MDL "C1'" O1 doub
MDL "C1'" HO SING
#
"""
COLUMNS = {
    "_chem_comp": ["id", "type"],
    "_chem_comp_atom": ["comp_id", "atom_id", "type_symbol", "charge", "pdbx_leaving_atom_flag", "pdbx_model_Cartn_x_ideal",
                        "pdbx_model_Cartn_y_ideal", "pdbx_model_Cartn_z_ideal", "model_Cartn_x", "model_Cartn_y", "model_Cartn_z"],
    "_chem_comp_bond": ["comp_id", "atom_id_1", "atom_id_2", "value_order"],
}


def words(text):
    """The words of a CIF, each with whether it was quoted."""
    pattern = r"(?:^|\n);(.*?)\n;|'(.*?)'(?=\s)|\"(.*?)\"(?=\s)|#[^\n]*|(\S+)"
    for m in re.finditer(pattern, text, re.S):
        for i in (1, 2, 3, 4):
            if m.group(i) is not None:
                yield m.group(i), i != 4


def rows_of(text):
    """{category: [{column: value}]} of the three categories; None for ? and . values."""
    out, items = {c: [] for c in COLUMNS}, list(words(text))
    tag = lambda w: not w[1] and w[0].startswith("_")
    end = lambda w: not w[1] and (w[0] == "loop_" or w[0].startswith(("data_", "_")))
    value = lambda w: None if w[0] in "?." and not w[1] else w[0]
    i, single = 0, {}

    def add(row):
        for name, v in row.items():
            category, column = name.split(".")
            if category in out:
                out[category].append({n.split(".")[1]: x for n, x in row.items()})
                return

    while i < len(items):
        if items[i][0] == "loop_":
            i += 1
            names = []
            while tag(items[i]):
                names.append(items[i][0])
                i += 1
            while i < len(items) and not end(items[i]):
                add(dict(zip(names, map(value, items[i:i + len(names)]))))
                i += len(names)
        elif tag(items[i]):
            single.setdefault(items[i][0].split(".")[0], {})[items[i][0]] = value(items[i + 1])
            i += 2
        else:
            for row in single.values():
                add(row)
            single = {}
            i += 1
    for row in single.values():
        add(row)
    return out


def byte_array(values, code):
    kind = {1: "b", 2: "h", 3: "i", 4: "B", 5: "H", 6: "I", 32: "f", 33: "d"}[code]
    return struct.pack(f"<{len(values)}{kind}", *values), [{"kind": "ByteArray", "type": code}]


def packed(values, width=1, signed=True):
    high, low = ((1 << (8 * width - signed)) - 1, -(1 << (8 * width - 1)) if signed else None)
    out = []
    for v in values:
        while v >= high:
            out.append(high)
            v -= high
        while low is not None and v <= low:
            out.append(low)
            v -= low
        out.append(v)
    data, how = byte_array(out, {(1, True): 1, (2, True): 2, (1, False): 4, (2, False): 5}[width, signed])
    return data, [{"kind": "IntegerPacking", "byteCount": width, "isUnsigned": not signed, "srcSize": len(values)}] + how


def runs(values, then=packed):
    out = []
    for v in values:
        if out and out[-2] == v:
            out[-1] += 1
        else:
            out += [v, 1]
    data, how = then(out)
    return data, [{"kind": "RunLength", "srcType": 3, "srcSize": len(values)}] + how


def deltas(values, then=packed):
    origin = values[0] if values else 0
    data, how = then([v - (values[i - 1] if i else origin) for i, v in enumerate(values)])
    return data, [{"kind": "Delta", "origin": origin, "srcType": 3}] + how


def texts(values, how_indices):
    known = sorted({v for v in values if v is not None})
    offsets, at = [0], 0
    for v in known:
        at += len(v)
        offsets.append(at)
    where, how_offsets = deltas(offsets)
    data, how = how_indices([known.index(v) if v is not None else -1 for v in values])
    return data, [{"kind": "StringArray", "dataEncoding": how, "stringData": "".join(known), "offsetEncoding": how_offsets,
                   "offsets": where}]


def numbers(values, column):
    filled = [float(v or 0) for v in values]
    if column.startswith("model"):  # steps of a quarter
        data, how = packed([round((v + 4) * 4) for v in filled], 2, False)
        return data, [{"kind": "IntervalQuantization", "min": -4.0, "max": 4.0, "numSteps": 33, "srcType": 32}] + how
    if column.endswith("z_ideal"):
        return byte_array(filled, 33)
    data, how = deltas([round(v * 1000) for v in filled], lambda x: packed(x, 2))
    return data, [{"kind": "FixedPoint", "factor": 1000, "srcType": 33}] + how


def column_of(name, values):
    if name == "charge":
        data, how = runs([int(v or 0) for v in values])
    elif "Cartn" in name:
        data, how = numbers(values, name)
    else:
        data, how = texts(values, runs if name == "comp_id" else deltas if name == "type_symbol" else packed)
    mask = None
    if None in values:
        gone, how_mask = runs([2 * (v is None) for v in values], lambda x: packed(x, 1, False))
        mask = {"data": gone, "encoding": how_mask}
    return {"name": name, "data": {"data": data, "encoding": how}, "mask": mask}


def main():
    source = (HERE / "oracle/features-components.cif").read_text()
    blocks = {b.split(None, 1)[0]: "data_" + b for b in source.split("data_")[1:]}
    text = "".join(blocks[n] for n in ("ZN", "SEP", "ATP", "NAG")) + MDL
    (HERE / "components.cif").write_text(text)
    categories = []
    for name, rows in rows_of(text).items():
        columns = [column_of(c, [r.get(c) for r in rows]) for c in COLUMNS[name]]
        categories.append({"name": name, "rowCount": len(rows), "columns": columns})
    document = {"version": "0.3.0", "encoder": "make_components.py", "dataBlocks": [{"header": "ALL", "categories": categories}]}
    (HERE / "components.bcif").write_bytes(msgpack.packb(document))


if __name__ == "__main__":
    main()
