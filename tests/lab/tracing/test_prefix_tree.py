"""The tree of shared beginnings."""

import random
from array import array

from lab.live_state import PrefixNode
from lab.tracing.mirror import RequestMirror
from lab.tracing.prefix_tree import prefix_tree
from lab.tracing.trace import RequestState


def _holder(short_id: int, block_ids: list[int]) -> RequestMirror:
    request = RequestMirror(short_id, RequestState.RUNNING, 1)
    request.block_ids = array("I", block_ids)
    return request


def test_blocks_that_the_same_requests_hold_are_one_node() -> None:
    tree = prefix_tree(
        [
            _holder(1, [5, 6, 7]),
            _holder(2, [5, 6, 8, 9]),
            _holder(3, [4]),
            _holder(4, []),
            _holder(5, [5, 6]),
        ]
    )
    assert tree == [
        PrefixNode(0, 0, [5, 6], [1, 2, 5]),
        PrefixNode(1, 2, [7], [1]),
        PrefixNode(1, 2, [8, 9], [2]),
        PrefixNode(0, 0, [4], [3]),
    ]


def test_each_table_is_the_way_to_one_of_its_nodes() -> None:
    draw = random.Random(1)
    for _ in range(50):
        roots = [list(range(n)) for n in (2, 4)]
        fresh = iter(range(100, 10_000))
        tables = {
            short_id: draw.choice(roots)[: draw.randrange(1, 5)]
            + [next(fresh) for _ in range(draw.randrange(3))]
            for short_id in range(1, 9)
        }
        tree = prefix_tree(_holder(*row) for row in tables.items())
        for short_id, table in tables.items():
            way = [node for node in tree if short_id in node.short_ids]
            assert [one for node in way for one in node.block_ids] == table
            assert [node.depth for node in way] == list(range(len(way)))
