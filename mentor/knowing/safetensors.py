"""Tensors of a ``.safetensors`` file, mapped into memory and shared by processes."""

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Tensor = NDArray[np.float32]
_HEADER = 8
"""The file begins with its header's length in as many bytes, then JSON, then data."""


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Every 32-bit tensor by name; no byte is read before it is used."""
    raw = np.memmap(path, dtype=np.uint8, mode="r")
    start = _HEADER + int.from_bytes(raw[:_HEADER].tobytes(), "little")
    header = json.loads(raw[_HEADER:start].tobytes())
    tensors = {}
    for name, row in header.items():
        if name != "__metadata__" and row["dtype"] == "F32":
            begin, end = (start + offset for offset in row["data_offsets"])
            tensors[name] = raw[begin:end].view(np.float32).reshape(row["shape"])
    return tensors
