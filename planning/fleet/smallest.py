"""The smallest of many keys, kept in a tree: a change costs log n, a look nothing.

``tree`` holds the keys in its second half, ``num_leaves`` of them (a power of two), and
in each node before that the smaller of its two children: tree[1] is the smallest of
all. Compiled.
"""

import numpy as np
import numpy.typing as npt

from planning.fleet.compiled import compiled

Array = npt.NDArray[np.float64]


@compiled
def set_key(tree: Array, num_leaves: int, place: int, key: float) -> None:
    """Give the leaf at ``place`` another key."""
    node = num_leaves + place
    tree[node] = key
    while node > 1:
        smaller = min(tree[node], tree[node ^ 1])
        node >>= 1
        if tree[node] == smaller:
            break
        tree[node] = smaller


@compiled
def place_of_smallest(tree: Array, num_leaves: int) -> int:
    """Where the smallest key is; the first of equal ones."""
    node = 1
    while node < num_leaves:
        node *= 2
        if tree[node] > tree[node + 1]:
            node += 1
    return node - num_leaves


def fill_tree(tree: Array, keys: Array, num_leaves: int) -> None:
    """All keys at once; the leaves after them are infinite."""
    tree[: 2 * num_leaves] = np.inf
    tree[num_leaves : num_leaves + len(keys)] = keys
    first = num_leaves
    while first > 1:
        pairs = tree[first : 2 * first].reshape(-1, 2)
        tree[first // 2 : first] = pairs.min(axis=1)
        first //= 2
