#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Makes the checkpoints of this directory; needs PyTorch (1.13 was used). Run in this directory. Elements count up, so that the
# tests know them.
#   views.ckpt    shared storages, strides, every type, a parameter, a torch.Size
#   config.ckpt   hyper-parameters as omegaconf pickles them: containers and nodes with links to their parents, and their classes
#   old.ckpt      views.ckpt with another prefix, unaligned
#   lower.ckpt    a lower-case function in place of a tensor: must be refused
import collections
import io
import pathlib
import sys
import types
import zipfile

import torch


def save(path, value, name="archive"):
    buffer = io.BytesIO()
    torch.save(value, buffer)
    with zipfile.ZipFile(buffer) as z:
        print(path, len(buffer.getvalue()), z.namelist()[0])
    open(path, "wb").write(buffer.getvalue())


block = torch.arange(24, dtype=torch.float32).reshape(2, 3, 4)
state = collections.OrderedDict()
state["matrix"] = block[1].t()                    # column-major, offset 12
state["row"] = block[0, 1]                        # in place, offset 4
state["strided"] = block.reshape(-1)[1::3]
state["expanded"] = torch.tensor([1.5, -2.0]).expand(3, 2)
state["scalar"] = torch.tensor(2.5)
state["empty"] = torch.zeros(0, 4)
state._metadata = collections.OrderedDict(version=1)
values = [1, 0, 2]
extra = {str(t)[6:]: torch.tensor(values, dtype=t) for t in (torch.float64, torch.float16, torch.bfloat16, torch.int64, torch.int32,
                                                            torch.int16, torch.int8, torch.uint8, torch.bool)}
extra["list"] = [torch.tensor([7.0]), (torch.tensor([8.0]),)]
extra["parameter"] = torch.nn.Parameter(torch.tensor([9.0]))
save("views.ckpt", {"epoch": 3, "state_dict": state, "extra": extra, "size": torch.Size([3, 4]), "long": 1 << 40, "negative": -1 << 40,
                    "huge": 1 << 100, "real": 0.25, "none": None, "bytes": b"ab", "set": {1}, "path": pathlib.PosixPath("a/b"),
                    "yes": True, "text": "caf\u00e9"})

with zipfile.ZipFile("views.ckpt") as z, zipfile.ZipFile("old.ckpt", "w") as old:
    for n in z.namelist():
        if not n.endswith("byteorder"):
            old.writestr(zipfile.ZipInfo(n.replace("archive/", "boltz2_conf/")), z.read(n))


def module(name, **classes):
    m = types.ModuleType(name)
    sys.modules[name] = m
    for k, v in classes.items():
        v.__module__, v.__qualname__ = name, k
        setattr(m, k, v)
    return m


module("omegaconf")
nodes = module("omegaconf.nodes", AnyNode=type("AnyNode", (), {}))
dicts = module("omegaconf.dictconfig", DictConfig=type("DictConfig", (), {}))
lists = module("omegaconf.listconfig", ListConfig=type("ListConfig", (), {}))


def wrap(value, parent=None):
    if isinstance(value, dict):
        c = dicts.DictConfig()
        content = {k: wrap(v, c) for k, v in value.items()}
    elif isinstance(value, list):
        c = lists.ListConfig()
        content = [wrap(v, c) for v in value]
    else:
        c = nodes.AnyNode()
        c.__dict__.update(_metadata=dict(owner=type(c)), _parent=parent, _val=value)
        return c
    c.__dict__.update(_metadata=collections.defaultdict(list), _parent=parent, _content=content)
    return c


loop = []
loop.append(loop)
save("config.ckpt", {"hyper_parameters": {"token_s": 8, "score_model_args": wrap({"depth": 2, "scale": 1.5, "list": [1, "two", None],
                     "inner": {"flag": True}}), "cycle": loop, "nan": float("nan"), 5: "five"}, "state_dict": {}})


class Call:
    def __reduce__(self):
        return eval, ("print('this must never be printed')",)


save("lower.ckpt", {"state_dict": {"w": torch.zeros(2)}, "x": Call()})
