"""How much of a trace's prompts a prefix cache could have: from the blocks it names.

Rows of Mooncake's format list the ids of a prompt's blocks, ``hash_ids``. A block is
found where it came, after the same blocks, in an earlier prompt. That is a cache
without a limit that all workers share: no real one has more.

The blocks' size is not in the rows. It is the one power of two for which the number of
ids is ⌈tokens ÷ size⌉ in nearly all of them; where none or several are, none is said.
"""

import math
from collections.abc import Sequence

SIZES = tuple(2**power for power in range(3, 13))
"""Tokens of a block."""
NEARLY_ALL = 0.95

Ids = tuple[object, ...]


def block_size(inputs: Sequence[int], ids: Sequence[Ids]) -> int | None:
    """Tokens of a block; None where no one size explains the rows."""
    rows = [(n, len(one)) for n, one in zip(inputs, ids, strict=True) if one]
    found = [size for size in SIZES if rows and _explained(rows, size) >= NEARLY_ALL]
    return found[0] if len(found) == 1 else None


def _explained(rows: list[tuple[int, int]], size: int) -> float:
    right = sum(math.ceil(tokens / size) == number for tokens, number in rows)
    return right / len(rows)


def hit_tokens(inputs: Sequence[int], ids: Sequence[Ids], size: int) -> list[int]:
    """Of each prompt, in the order of their times, the tokens found in the cache."""
    nodes: dict[tuple[int, object], int] = {}
    hits = []
    for tokens, blocks in zip(inputs, ids, strict=True):
        node, found, is_found = 0, 0, True
        for block in blocks:
            known = nodes.get((node, block))
            is_found = is_found and known is not None
            found += is_found
            node = nodes.setdefault((node, block), len(nodes) + 1)
        hits.append(min(found * size, max(tokens - 1, 0)))
    return hits
