"""The prefix cache as the browser shows it: who shares, and who goes next. Pure."""

from typing import Any

from lab.live_state import LiveState, PrefixNode

MOST_IDS = 8
OFF = (
    "Prefix caching is off in this engine: no request takes a block of another, and "
    "none is kept for a later one."
)
NO_WHOLE_TABLES = (
    "The tree of shared beginnings is empty: it is drawn of block tables that keep all "
    "blocks of a request, and this model has none. Its layers look at a window or a "
    "chunk of the tokens, or keep a state, and give the blocks before that up."
)
NOBODY = "The tree of shared beginnings is empty: no request holds a block now."


def cache_message(
    state: LiveState, *, has_prefix_caching: bool = True
) -> dict[str, Any]:
    """The message "cache": rows of words, and the blocks that they are about; ``lacks``
    is why there are none of some."""
    return {
        "type": "cache",
        "engine_host_id": state.engine_host_id,
        "step": state.step,
        "lacks": " ".join(_lacks(state, has_prefix_caching)),
        "tree": [_node(node, state.own) for node in state.tree],
        "candidates": [
            {
                "block": one.block_id,
                "cells": [f"{one.num_hits:,}", f"{one.last_step:,}"],
            }
            for one in state.candidates
        ],
        "choices": [
            {
                "block": one.block_id,
                "cells": [
                    f"{one.step:,}",
                    _name(one.taken_by, state.own),
                    ", ".join(map(str, one.candidates)),
                ],
            }
            for one in reversed(state.choices)
        ],
    }


def _lacks(state: LiveState, has_prefix_caching: bool) -> list[str]:
    said = [] if has_prefix_caching else [OFF]
    if not state.has_whole_tables:
        return [*said, NO_WHOLE_TABLES]
    return said if state.tree else [*said, NOBODY]


def _node(node: PrefixNode, own: list[int]) -> dict[str, Any]:
    last = node.first + len(node.block_ids) - 1
    index = f"{node.first:,}" if last == node.first else f"{node.first:,} to {last:,}"
    names = [_name(one, own) for one in node.short_ids]
    return {
        "depth": node.depth,
        "block": node.block_ids[0],
        "cells": [index, _some(list(map(str, node.block_ids))), _some(names)],
    }


def _some(words: list[str]) -> str:
    more = len(words) - MOST_IDS
    return ", ".join(words[:MOST_IDS]) + (f" and {more:,} more" if more > 0 else "")


def _name(short_id: int | None, own: list[int]) -> str:
    if short_id is None:
        return "not seen"
    return f"{short_id:03x}{' (yours)' if short_id in own else ''}"
