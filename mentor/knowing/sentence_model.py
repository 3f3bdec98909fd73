"""all-MiniLM-L6-v2 with numpy alone: a sentence to a vector of its meaning.

Six layers of a BERT encoder of 384 numbers and 12 heads, the mean over the tokens,
length 1 (Wang et al., 2020; Reimers and Gurevych, 2019). A question of a dozen tokens
takes some milliseconds on one core, so that web processes need neither torch nor an
engine.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from mentor.knowing.safetensors import Tensor
from mentor.knowing.wordpiece import WordPiece

LAYERS, HEADS, WIDTH = 6, 12, 384
MAX_TOKENS = 128
"""What follows is not read: the model was trained on 128 tokens."""
BATCH = 16
_EPSILON = np.float32(1e-12)


class SentenceModel:
    """Weights by name as in the publisher's file, and its vocabulary."""

    def __init__(self, weights: Mapping[str, Tensor], tokens: WordPiece) -> None:
        self._weights, self._tokens = weights, tokens

    def embed(self, texts: Sequence[str]) -> Tensor:
        """(texts × 384), each row of length 1: their product is the cosine."""
        by_length: dict[int, list[tuple[int, list[int]]]] = defaultdict(list)
        for number, text in enumerate(texts):
            ids = self._tokens.encode(text, MAX_TOKENS)
            by_length[len(ids)].append((number, ids))
        vectors = np.zeros((len(texts), WIDTH), dtype=np.float32)
        for rows in by_length.values():
            for start in range(0, len(rows), BATCH):
                some = rows[start : start + BATCH]
                numbers = [number for number, _ in some]
                vectors[numbers] = self._encode(np.array([ids for _, ids in some]))
        return vectors

    def _encode(self, ids: np.ndarray) -> Tensor:
        """Vectors of sequences of one length (sequences × tokens)."""
        get = self._weights.__getitem__
        x = get("embeddings.word_embeddings.weight")[ids]
        x = x + get("embeddings.position_embeddings.weight")[: ids.shape[1]]
        x = x + get("embeddings.token_type_embeddings.weight")[0]
        x = self._norm(x, "embeddings.LayerNorm")
        for layer in range(LAYERS):
            name = f"encoder.layer.{layer}"
            attended = self._dense(
                self._attend(x, f"{name}.attention.self"),
                f"{name}.attention.output.dense",
            )
            x = self._norm(x + attended, f"{name}.attention.output.LayerNorm")
            inner = _gelu(self._dense(x, f"{name}.intermediate.dense"))
            outer = self._dense(inner, f"{name}.output.dense")
            x = self._norm(x + outer, f"{name}.output.LayerNorm")
        mean = x.mean(axis=1)
        length = np.linalg.norm(mean, axis=1, keepdims=True)
        return np.asarray(mean / length, dtype=np.float32)

    def _attend(self, x: Tensor, name: str) -> Tensor:
        rows, tokens, _ = x.shape

        def heads(part: str) -> Tensor:
            projected = self._dense(x, f"{name}.{part}")
            return projected.reshape(rows, tokens, HEADS, -1).transpose(0, 2, 1, 3)

        query, key, value = heads("query"), heads("key"), heads("value")
        scores = query @ key.transpose(0, 1, 3, 2) / np.float32(np.sqrt(WIDTH // HEADS))
        scores = np.exp(scores - scores.max(axis=-1, keepdims=True))
        mixed = scores / scores.sum(axis=-1, keepdims=True) @ value
        joined = mixed.transpose(0, 2, 1, 3).reshape(rows, tokens, WIDTH)
        return np.asarray(joined, dtype=np.float32)

    def _dense(self, x: Tensor, name: str) -> Tensor:
        weight = self._weights[f"{name}.weight"]
        flat = x.reshape(-1, x.shape[-1]) @ weight.T
        flat += self._weights[f"{name}.bias"]
        return flat.reshape(*x.shape[:-1], weight.shape[0])

    def _norm(self, x: Tensor, name: str) -> Tensor:
        centred = x - x.mean(axis=-1, keepdims=True)
        deviation = np.sqrt((centred**2).mean(axis=-1, keepdims=True) + _EPSILON)
        scaled = centred / deviation * self._weights[f"{name}.weight"]
        return np.asarray(scaled + self._weights[f"{name}.bias"], dtype=np.float32)


def _gelu(x: Tensor) -> Tensor:
    """x Φ(x), the error function by Abramowitz and Stegun 7.1.26 (error ≤ 1.5e-7)."""
    z = np.abs(x) * np.float32(2**-0.5)
    t = 1 / (1 + np.float32(0.3275911) * z)
    powers = np.float32(1.061405429) * t
    for factor in (-1.453152027, 1.421413741, -0.284496736, 0.254829592):
        powers = (powers + np.float32(factor)) * t
    erf = np.copysign(1 - powers * np.exp(-z * z), x)
    return np.asarray(np.float32(0.5) * x * (1 + erf), dtype=np.float32)
