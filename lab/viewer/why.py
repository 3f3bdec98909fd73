"""Why a request came out so, as the browser shows it: sentences and a table. Pure."""

from typing import Any

from lab.live_state import LiveState, RequestFacts, Told
from lab.messages import EngineStatus
from lab.reasons import Lookup, groups, hit_words, total_words, untold_words, wait_words

UNSEEN = "This trace does not say why: it began after the request was admitted."
WAITS = "Its prompt is looked up in the prefix cache when it is admitted."
GONE = "The engine has no such request, and none that ended lately."


def why_message(told: Told, status: EngineStatus, short_id: int) -> dict[str, Any]:
    """The message "why" of one request; ``texts`` of a learner's own alone."""
    state = told.state
    request, lookup = state.request(short_id), state.lookup(short_id)
    who = _Names(state)
    return {
        "type": "why",
        "engine_host_id": state.engine_host_id,
        "short_id": short_id,
        "step": state.step,
        "title": f"Why: {who(short_id)}",
        "is_yours": short_id in state.own,
        "sentences": _sentences(state, status, request, lookup, who),
        "rows": _rows(lookup, who) if lookup else [],
        "apart": told.apart,
        "texts": told.blocks,
        "bill": f"All requests: {total_words(state.bill)}" if state.tells_hits else "",
    }


class _Names:
    """Who somebody is; whose it is is said of the learner's own alone."""

    def __init__(self, state: LiveState) -> None:
        self._own = state.own

    def __call__(self, short_id: int | None) -> str:
        if short_id is None:
            return "a request that the trace does not name"
        yours = "your " if short_id in self._own else ""
        return f"{yours}request {short_id:03x}"


def _sentences(
    state: LiveState,
    status: EngineStatus,
    request: RequestFacts | None,
    lookup: Lookup | None,
    who: _Names,
) -> list[str]:
    if request is None:
        return [GONE]
    said = []
    if request.place is not None:
        place = f"It waits at place {request.place} of {len(state.waiting)}."
        said += [place, *wait_words(state.queue_of(request, status), who)]
    if lookup is not None:
        return said + hit_words(lookup, who, state.difference(request.short_id))
    if request.place is not None:
        return [*said, WAITS]
    return [*said, UNSEEN if state.tells_hits else untold_words(state.untold)]


def _rows(lookup: Lookup, who: _Names) -> list[list[str]]:
    """Logical blocks, their tokens, and what the prefix cache had of them."""
    if lookup.groups:
        return groups.table_rows(lookup, who)
    rows = []
    size, hit = lookup.block_size, lookup.num_hit_blocks
    if hit:
        rows.append(_row(0, hit, size, "taken from the prefix cache"))
    for one in lookup.lost:
        if one.is_cached:
            what = "still cached, out of reach behind the one before"
        elif one.step is None:
            what = "was cached once; who took it was not seen"
        else:
            what = (
                f"block {one.block_id:,} held the first until step {one.step:,}, when "
                f"{who(one.taken_by)} took it"
            )
        rows.append(_row(one.first, one.count, size, what))
    known = hit + sum(one.count for one in lookup.lost)
    if new := lookup.most_blocks - known:
        rows.append(_row(known, new, size, "never cached before"))
    start = max(lookup.most_blocks, known) * size
    if lookup.num_tokens > start:
        tokens = f"{start:,} to {lookup.num_tokens - 1:,}"
        rows.append([f"{start // size:,}", tokens, "always computed: the last token"])
    return rows


def _row(first: int, count: int, size: int, what: str) -> list[str]:
    last = first + count - 1
    blocks = f"{first:,}" if count == 1 else f"{first:,} to {last:,}"
    return [blocks, f"{first * size:,} to {(last + 1) * size - 1:,}", what]
