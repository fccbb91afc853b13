#!/usr/bin/python3
# SPDX-License-Identifier: MIT
# Makes the first files of the corpora km/ and safetensors/ (run in this directory); what a fuzzer finds is added beside them.
import json
import os
import struct
import subprocess

import msgpack
import zstandard


def put(path, data):
    with open(path, "wb") as f:
        f.write(data)


os.makedirs("km", exist_ok=True)
os.makedirs("safetensors", exist_ok=True)
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
