#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Makes tiny.safetensors with the format's own writer (pip install safetensors numpy; made with safetensors 0.4 or later).
# No random numbers: element i of every tensor is i / 4 - 1 (floats) or i - 1 (whole numbers).
import numpy as np
from safetensors.numpy import save_file


def ramp(dtype, *shape):
    i = np.arange(int(np.prod(shape)))
    return (i / 4 - 1 if np.issubdtype(dtype, np.floating) else i - 1).astype(dtype).reshape(shape)


save_file(
    {
        "layer.weight": ramp(np.float32, 2, 3),
        "layer.bias": ramp(np.float64, 3),
        "half": ramp(np.float16, 5),
        "small": ramp(np.int8, 3),
        "long": ramp(np.int64, 2, 1, 2),
        "scalar": np.array(7.5, np.float32),
        "empty": np.zeros((0, 4), np.float32),
    },
    "tiny.safetensors",
    metadata={"format": "np", "note": "caf\u00e9 \"quoted\""},
)
