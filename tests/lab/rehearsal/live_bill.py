"""LiveBill: the bill of an engine while it runs, and what its client hears."""

from typing import Any

from lab.tracing.ledger import Ledger
from lab.tracing.mirror import PoolMirror
from lab.tracing.replay_notes import is_replay_note
from lab.tracing.trace import SteadyReader, decode


class LiveBill:
    """Of one run from its start."""

    def __init__(self, engine: dict[str, Any]) -> None:
        """``engine``: arguments that name blocks and their size."""
        num_blocks, block_size = engine["num_gpu_blocks_override"], engine["block_size"]
        self._mirror = PoolMirror(num_blocks, block_size)
        self._ledger = Ledger()
        self._steady = SteadyReader()
        self._num_prompt_tokens = self._num_cached_tokens = 0

    def served(self, outputs: list[Any]) -> None:
        """RequestOutputs of a step."""
        for output in outputs:
            if output.finished:
                self._num_prompt_tokens += len(output.prompt_token_ids)
                self._num_cached_tokens += output.num_cached_tokens

    def follow(self, records: list[bytes]) -> list[bytes]:
        """Take in what a step told; the same records."""
        for record in records:
            full = None if is_replay_note(record) else self._steady.expand(record)
            if full is not None:
                trace = decode(full)
                self._mirror.apply(trace)
                self._ledger.note(trace, self._mirror)
        return records

    def told(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "num_prompt_tokens": self._num_prompt_tokens,
            "num_cached_tokens": self._num_cached_tokens,
            "num_again_tokens": self._ledger.bill().num_again_tokens,
        }
