"""Vectors of the course's texts: shipped for what the tree holds, computed otherwise.

``vectors.npz`` is written by ``manage.py embedcourse``; a text that changed since is
embedded when the course is read, in some ten milliseconds each.
"""

import hashlib
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mentor.knowing.model import sentence_model
from mentor.knowing.safetensors import Tensor
from mentor.knowing.sentence_model import WIDTH

SHIPPED = Path(__file__).with_name("vectors.npz")
Keys = NDArray[np.uint64]


def vectors_of(texts: Sequence[str]) -> Tensor:
    """(texts × 384) of length 1, in the order of the texts."""
    known = _shipped()
    vectors = np.zeros((len(texts), WIDTH), dtype=np.float32)
    missing: dict[str, list[int]] = {}
    for number, (text, key) in enumerate(zip(texts, keys_of(texts), strict=True)):
        if int(key) in known:
            vectors[number] = known[int(key)]
        else:
            missing.setdefault(text, []).append(number)
    if missing:
        for text, vector in zip(
            missing, sentence_model().embed(list(missing)), strict=True
        ):
            vectors[missing[text]] = vector
    return vectors


def num_missing(texts: Sequence[str]) -> int:
    """How many of them are not in the shipped file."""
    return sum(int(key) not in _shipped() for key in keys_of(sorted(set(texts))))


def ship(texts: Sequence[str], path: Path = SHIPPED) -> int:
    """Write the file anew with these texts and no others; returns its bytes."""
    unique = sorted(set(texts))
    vectors = vectors_of(unique)
    largest = np.abs(vectors).max(axis=1, keepdims=True)
    rounded = np.round(vectors / largest * 127).astype(np.int8)
    np.savez_compressed(path, keys=keys_of(unique), vectors=rounded)
    _shipped.cache_clear()
    return path.stat().st_size


def keys_of(texts: Sequence[str]) -> Keys:
    """A number of 64 bits for each text."""
    digests = (hashlib.blake2b(text.encode(), digest_size=8) for text in texts)
    numbers = [int.from_bytes(digest.digest(), "little") for digest in digests]
    return np.array(numbers, dtype=np.uint64)


@cache
def _shipped() -> dict[int, Tensor]:
    if not SHIPPED.exists():
        return {}
    with np.load(SHIPPED) as file:
        vectors = file["vectors"].astype(np.float32)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        return dict(zip(map(int, file["keys"]), vectors, strict=True))
