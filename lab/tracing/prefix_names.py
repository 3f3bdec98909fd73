"""PrefixNames: a number for each beginning that requests have in common. Pure.

A replay has to know where two requests begin alike, and must not know how. So a
beginning of n *granules* (a few tokens each) has a name: a number, made up per engine
run in the order in which beginnings are first met. Two requests have a name in common
as far as their tokens are the same, and no further; a name tells nothing of the tokens.
"""

from array import array
from collections.abc import Hashable, Sequence
from math import gcd

MOST_GRANULE = 8
"""Tokens: block sizes that a replay may be asked for are multiples of the granule."""
LEAST_KEPT = 1 << 15

Names = array  # of type code "I"


def granule_of(block_size: int) -> int:
    """Tokens of a granule: a divisor of the block size, 8 at most."""
    return gcd(block_size, MOST_GRANULE)


class PrefixNames:
    """Names beginnings of requests; bounded without a scan.

    A beginning is kept as the name of the one that is a granule shorter, and the
    tokens of its last granule. When the young generation is full it becomes the old
    one, and what nobody met since the one before is forgotten: met again, it gets
    another name. ``kept`` is of one generation; that of a pool is twice its granules,
    so that what is in the prefix cache is remembered.
    """

    def __init__(self, granule: int, kept: int = LEAST_KEPT) -> None:
        self.granule = granule
        self._kept = max(kept, LEAST_KEPT)
        self._next = 1
        self._young: dict[Hashable, int] = {}
        self._old: dict[Hashable, int] = {}

    def root(self, salt: Hashable) -> int:
        """What a request begins from: beginnings under different salts are different,
        whatever their tokens. None is the same for all requests without one."""
        return self._name(("root", salt))

    def new_root(self) -> int:
        """A root that nobody has in common with this one."""
        made, self._next = self._next, self._next + 1
        return made

    def extend(self, names: "array[int]", root: int, tokens: Sequence[int]) -> None:
        """Append to ``names`` the name of each whole granule of ``tokens``, which go
        on where ``names`` ends; tokens of a granule that is not whole are left out."""
        packed = array("I", tokens).tobytes()
        size = 4 * self.granule
        name = names[-1] if names else root
        for at in range(0, len(packed) - size + 1, size):
            name = self._name(name.to_bytes(4, "little") + packed[at : at + size])
            names.append(name)

    def _name(self, key: Hashable) -> int:
        name = self._young.get(key)
        if name is not None:
            return name
        name = self._old.pop(key, None)
        if name is None:
            name, self._next = self._next, self._next + 1
        self._young[key] = name
        if len(self._young) >= self._kept:
            self._young, self._old = {}, self._young
        return name
