"""How vLLM groups the layers that keep something, and what a block then is.

Each layer's cache is a spec: pages of ``page_bytes`` for ``block_size`` tokens. Layers
whose specs agree share one block table. Where kinds mix, all pages are brought to one
size, and each kind is divided into groups of equally many layers, each with a table of
its own, out of one pool (vLLM 0.26 and 0.32, v1/core/kv_cache_utils.py, 0.33,
v1/core/kv_cache_planning.py: get_kv_cache_groups, unify_kv_cache_spec_page_size and
_get_kv_cache_groups_uniform_page_size):

    10 layers that see all, 52 with a window:   group size 10
    group 0  full  full  …  (10)          a block = 16 tokens × 10 layers
    group 1  wind. wind. …  (10)
      …                                    a request takes blocks in all 7 groups
    group 6  wind. wind. pad. …  (2 + 8 of padding)
"""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum
from functools import cached_property

_LOPSIDED = 1.5
"""Up to this ratio of layers of two kinds the larger number is the group size."""


class Kind(Enum):
    """What decides which blocks a layer keeps of a request."""

    FULL = "full"
    """All tokens."""
    WINDOW = "window"
    """The last ``reach`` tokens."""
    CHUNK = "chunk"
    """The tokens of the chunk under way, ``reach`` at most."""
    STATE = "state"
    """One state, however long the request."""


@dataclass(frozen=True)
class Spec:
    """vLLM's KVCacheSpec of one layer, as far as it decides memory."""

    kind: Kind
    block_size: int
    """Tokens of a block; of a state all that one stands for."""
    page_bytes: int
    """Of a block in this layer on one GPU."""
    reach: int = 0
    """Tokens of the window or the chunk."""
    is_row: bool = False
    """Whether it holds MLA's rows, whose pages cannot be padded."""
    heads: tuple[int, int] = (0, 0)
    """KV heads on one GPU and their size: layers that differ in them, as a drafter's
    may, share no table once pages are brought to one size."""

    def blocks(self, num_tokens: int, in_flight: int, state_pages: int) -> int:
        """Blocks that vLLM reserves for a request of that length.

        ``in_flight``: tokens of the steps not yet settled, whose blocks a window or a
        chunk still holds; a window may also begin in the middle of a block (vLLM,
        v1/kv_cache_interface.py, max_admission_blocks_per_request).
        """
        if self.kind is Kind.STATE:
            return state_pages
        if self.kind is Kind.FULL:
            return math.ceil(num_tokens / self.block_size)
        if self.kind is Kind.CHUNK:
            kept = min(self.reach + in_flight, num_tokens)
            return math.ceil(kept / self.block_size)
        kept = min(self.reach - 1 + in_flight, num_tokens)
        return math.ceil(kept / self.block_size) + 1


@dataclass(frozen=True)
class Cache:
    """What one layer of the model keeps; a layer may keep more than one thing."""

    layer: int
    """From 0, over all pipeline stages."""
    spec: Spec


@dataclass(frozen=True)
class Group:
    """Layers of one block table."""

    caches: tuple[Cache, ...]

    @property
    def kind(self) -> Kind:
        """The same in all of them."""
        return self.caches[0].spec.kind

    @property
    def block_size(self) -> int:
        """Tokens of a block."""
        return self.caches[0].spec.block_size

    def page_bytes(self, layers: range) -> int:
        """Bytes of a block on the GPU that has these layers."""
        return sum(one.spec.page_bytes for one in self.caches if one.layer in layers)

    @cached_property
    def specs(self) -> frozenset[Spec]:
        """Of its layers, each once: a thousand of them are of two or three."""
        return frozenset(one.spec for one in self.caches)

    def blocks(self, num_tokens: int, in_flight: int, state_pages: int) -> int:
        """Blocks of a request in this table."""
        return max(
            spec.blocks(num_tokens, in_flight, state_pages) for spec in self.specs
        )


def groups_of(caches: Sequence[Cache]) -> tuple[Group, ...]:
    """The groups that vLLM forms of all layers of the model; none without caches.

    Raises ValueError where pages can be brought to no common size.
    """
    if not caches:
        return ()
    if _is_of_one_kind([one.spec for one in caches]):
        return (Group(tuple(caches)),)
    alike: defaultdict[Spec, list[Cache]] = defaultdict(list)
    for one in _with_one_page_size(caches):
        alike[one.spec].append(one)
    size = _group_size([len(some) for some in alike.values()])
    groups = []
    for some in alike.values():
        number = math.ceil(len(some) / size)
        groups += [Group(tuple(some[i::number])) for i in range(number)]
    return tuple(groups)


def _is_of_one_kind(specs: Sequence[Spec]) -> bool:
    """Whether all need the same blocks; their pages may still differ."""
    first = specs[0]
    if first.kind is Kind.STATE and any(
        s.page_bytes != first.page_bytes for s in specs
    ):
        return False
    return all(
        (s.kind, s.block_size, s.reach) == (first.kind, first.block_size, first.reach)
        for s in specs
    )


def _with_one_page_size(caches: Sequence[Cache]) -> list[Cache]:
    specs = dict.fromkeys(one.spec for one in caches)
    largest = max(spec.page_bytes for spec in specs)
    enlarged = {spec: _enlarged(spec, largest) for spec in specs}
    return [Cache(one.layer, enlarged[one.spec]) for one in caches]


def _enlarged(spec: Spec, page_bytes: int) -> Spec:
    """With more tokens a block where that fits, else with padding."""
    ratio, rest = divmod(page_bytes, spec.page_bytes)
    if rest == 0 and spec.kind is not Kind.STATE:
        return replace(spec, page_bytes=page_bytes, block_size=spec.block_size * ratio)
    if spec.is_row:
        raise ValueError(f"{spec.page_bytes} bytes do not divide {page_bytes}")
    return replace(spec, page_bytes=page_bytes)


def _group_size(numbers: Sequence[int]) -> int:
    fewest, most = min(numbers), max(numbers)
    return most if most < fewest * _LOPSIDED else fewest
