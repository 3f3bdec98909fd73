"""Which requests share which beginning: a tree over their block tables. Pure."""

from collections.abc import Iterable, Sequence

from lab.live_state import PrefixNode
from lab.tracing.mirror import RequestMirror

MOST_NODES = 200


def prefix_tree(
    requests: Iterable[RequestMirror], group: int | None = 0
) -> list[PrefixNode]:
    """Its nodes, of the block tables of one KV-cache group that gives no block up (none
    where there is no such group), each before its children; a node is a run of
    blocks that the same requests hold. At most MOST_NODES."""
    if group is None:
        return []
    holders = [(one.short_id, one.table(group)) for one in requests if one.table(group)]
    nodes: list[PrefixNode] = []
    _grow(sorted(holders), 0, 0, nodes)
    return nodes[:MOST_NODES]


def _grow(
    holders: Sequence[tuple[int, Sequence[int]]],
    at: int,
    depth: int,
    nodes: list[PrefixNode],
) -> None:
    """Nodes of tables that are alike up to logical index ``at``."""
    by_block: dict[int, list[tuple[int, Sequence[int]]]] = {}
    for holder in holders:
        if len(holder[1]) > at:
            by_block.setdefault(holder[1][at], []).append(holder)
    for same in by_block.values():
        if len(nodes) >= MOST_NODES:
            return
        end = _common(same, at)
        blocks = list(same[0][1][at:end])
        nodes.append(PrefixNode(depth, at, blocks, [one for one, _ in same]))
        _grow(same, end, depth + 1, nodes)


def _common(holders: Sequence[tuple[int, Sequence[int]]], at: int) -> int:
    """Where the tables, alike at ``at``, go apart or one of them ends."""
    first = holders[0][1]
    end = min(len(blocks) for _, blocks in holders)
    while at < end and all(blocks[at] == first[at] for _, blocks in holders):
        at += 1
    return at
