"""What the frames of an engine tell of its requests and of its pool. Pure.

A frame sums up some steps, so that each of these numbers is known to a frame.
"""

from collections.abc import Set
from dataclasses import dataclass

from lab.allocators.shadow import Served
from lab.tracing.frame_reader import Seen, SeenRequest
from lab.tracing.trace import RequestState


@dataclass
class _Progress:
    steps: int = 0
    """In which it ran and had not lost what it had,"""
    most_tokens: int = 0
    was_running: bool = False


class Observed:
    """Takes frames as they are read; has every request that was in one of them."""

    def __init__(self) -> None:
        self.served: dict[int, Served] = {}
        """By short id, in the order in which they came."""
        self.frames: list[Seen] = []
        self._progress: dict[int, _Progress] = {}

    def note(self, seen: Seen) -> None:
        """The next frame."""
        num_steps = seen.step - self.frames[-1].step if self.frames else 1
        self.frames.append(seen)
        for request in seen.requests:
            if request.short_id not in self.served:
                self.served[request.short_id] = Served(
                    seen.step, request.num_prompt_tokens
                )
                self._progress[request.short_id] = _Progress()
            self._note_progress(request, num_steps)
        for short_id in self._progress.keys() - {r.short_id for r in seen.requests}:
            steps = self._progress.pop(short_id).steps
            self.served[short_id].num_steps = max(1, steps + num_steps)

    def _note_progress(self, request: SeenRequest, num_steps: int) -> None:
        progress = self._progress[request.short_id]
        is_running = request.state is RequestState.RUNNING and bool(request.block_ids)
        tokens = request.num_computed_tokens
        if is_running and tokens >= progress.most_tokens:
            progress.steps += num_steps if progress.was_running else 1
            progress.most_tokens = tokens
            served = self.served[request.short_id]
            served.steps.append(progress.steps)
            served.tokens.append(tokens)
        progress.was_running = is_running


@dataclass(frozen=True)
class PagedBands:
    """Where the places of the block pool were as of one frame, in tokens."""

    tokens: int
    """Hold keys and values of these requests, a shared block's once."""
    empty: int
    """In their blocks, not filled yet: internal fragmentation."""
    others: int
    """In blocks of other requests."""
    free: int
    """In the free block queue, cached ones of ended requests included."""
    num_held: int
    """These requests that have blocks,"""
    num_waiting: int
    """and those that wait for some."""

    @property
    def pool(self) -> int:
        """All of them."""
        return self.tokens + self.empty + self.others + self.free


def paged_bands(seen: Seen, own: Set[int], block_size: int) -> PagedBands:
    """Of the requests ``own``, short ids; block 0, the null block, is none's."""
    mine = [one for one in seen.requests if one.short_id in own]
    filled: dict[int, int] = {}
    for one in mine:
        for at, block_id in enumerate(one.block_ids):
            fill = min(block_size, max(0, one.num_computed_tokens - at * block_size))
            filled[block_id] = max(fill, filled.get(block_id, 0))
    tokens, counters = sum(filled.values()), seen.counters
    num_used = counters.num_blocks - 1 - counters.num_free_blocks
    num_held = sum(bool(one.block_ids) for one in mine)
    return PagedBands(
        tokens=tokens,
        empty=len(filled) * block_size - tokens,
        others=(num_used - len(filled)) * block_size,
        free=counters.num_free_blocks * block_size,
        num_held=num_held,
        num_waiting=len(mine) - num_held,
    )
