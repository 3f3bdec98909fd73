"""One GPU's memory as a bar to scale: each part's place in per cent of the width."""

from dataclasses import dataclass

from planning.memory.sizing import MemoryEstimate

_LETTERS = "abcdefgh"
_LABELLED_FROM_PCT = 2.5
"""Narrower parts have their letter in the table only."""


@dataclass(frozen=True)
class Part:
    """A stretch of the bar; ``name`` is its CSS class and its row in the table."""

    name: str
    letter: str
    left_pct: float
    width_pct: float

    @property
    def middle_pct(self) -> float:
        """Where the letter stands."""
        return self.left_pct + self.width_pct / 2

    @property
    def has_label(self) -> bool:
        """Whether the letter has room."""
        return self.width_pct >= _LABELLED_FROM_PCT


@dataclass(frozen=True)
class Bar:
    """All parts, and the edge of the card where something goes beyond it."""

    parts: tuple[Part, ...]
    edge_pct: float
    low_pct: float
    high_pct: float
    """Where weights and overhead end, at the ends of the interval."""

    def letters(self) -> dict[str, str]:
        """Of each part, by its name; the users' KV cache may have two parts."""
        letters = {part.name: part.letter for part in self.parts}
        beyond = [letters[name] for name in ("kv", "over") if name in letters]
        return letters | {"kv": " ".join(beyond)}


def bar_of(estimate: MemoryEstimate) -> Bar:
    """Weights, overhead, graphs beside, the users' KV cache, what is left, the rest.

    What does not fit is drawn beyond the card's edge.
    """
    fixed = estimate.fixed.value
    used = min(estimate.kv_bytes_asked, estimate.pool.value)
    lengths = {
        "weights": estimate.weights.value,
        "overhead": estimate.overhead.budgeted.value,
        "kv": used,
        "free": estimate.pool.value - used,
        "kept": max(0.0, estimate.total.value - max(estimate.requested.value, fixed)),
        "over": _beyond(estimate, used),
    }
    whole = sum(lengths.values())
    scale = 100 / whole
    present = [(name, length) for name, length in lengths.items() if length > 0]
    parts, left = [], 0.0
    for letter, (name, length) in zip(_LETTERS, present, strict=False):
        parts.append(Part(name, letter, left, length * scale))
        left += length * scale
    ends = estimate.fixed
    edge = min(100.0, estimate.total.value * scale)
    return Bar(tuple(parts), edge, ends.low * scale, min(100.0, ends.high * scale))


def _beyond(estimate: MemoryEstimate, used: float) -> float:
    """Bytes of the users' KV cache that have no place."""
    return max(0.0, estimate.kv_bytes_asked - used)
