"""FreeQueue: vLLM's queue of free blocks, in the order in which they will be taken.

Followed by the notes FRONT and BACK, and by what became of each block. Blocks without a
hash stand before those that are cached, so the cached ones' order is that in which they
will be evicted. Pure.
"""

from collections import OrderedDict
from collections.abc import Iterable, Iterator

from lab.tracing.notes import Freed
from lab.tracing.trace import REF_CNT_MASK, StepTrace


class FreeQueue:
    """Block ids from the first to be taken on."""

    def __init__(self) -> None:
        self._order: OrderedDict[int, None] = OrderedDict()

    def __iter__(self) -> Iterator[int]:
        return iter(self._order)

    def __contains__(self, block_id: int) -> bool:
        return block_id in self._order

    def __len__(self) -> int:
        return len(self._order)

    def put(self, freed: Freed) -> None:
        """Blocks that came free."""
        if freed.is_front:
            for block_id in reversed(freed.block_ids):
                self._order[block_id] = None
                self._order.move_to_end(block_id, last=False)
            return
        for block_id in freed.block_ids:
            self._order[block_id] = None
            self._order.move_to_end(block_id)

    def take(self, block_ids: Iterable[int]) -> None:
        """Out with these."""
        for block_id in block_ids:
            self._order.pop(block_id, None)

    def take_held(self, trace: StepTrace) -> None:
        """Out with those that somebody holds at the end of the record."""
        block_ids, states = trace.blocks
        self.take(block_ids[(states & REF_CNT_MASK) != 0].tolist())
