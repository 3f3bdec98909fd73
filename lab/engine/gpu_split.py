"""Where the memory of a card went, from what CUDA and PyTorch said on the way. Pure.

    weights + KV cache + graphs + activations + non-torch
        = growth of what CUDA calls used, from the end of init_device to the end of
          warm-up

What was in use before that (driver, CUDA context, other processes) is ``at_start``.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class CardUse:
    """Two readings at one moment, in bytes."""

    used: int
    """Total minus free of the card, as cudaMemGetInfo has them: of all processes."""
    reserved: int = 0
    """What PyTorch's allocator of this process holds."""


@dataclass(frozen=True)
class Capture:
    """Readings around the capture of CUDA graphs."""

    before: CardUse
    after: CardUse

    @property
    def num_bytes(self) -> int:
        """All that the graphs took: their pool and the driver's part."""
        return max(self.after.used - self.before.used, 0)

    @property
    def torch_bytes(self) -> int:
        """Of it in PyTorch's pool."""
        grown = self.after.reserved - self.before.reserved
        return min(max(grown, 0), self.num_bytes)


def split_of(
    weights: int, kv_cache: int, at_start: CardUse, at_end: CardUse, capture: Capture
) -> dict[str, int]:
    """The fields of lab.worker.memory.EngineSplit, in bytes."""
    activations = at_end.reserved - weights - kv_cache - capture.torch_bytes
    outside = (at_end.used - at_end.reserved) - (at_start.used - at_start.reserved)
    return {
        "weights_bytes": weights,
        "kv_cache_bytes": kv_cache,
        "graphs_bytes": capture.num_bytes,
        "activations_bytes": activations,
        "non_torch_bytes": outside - (capture.num_bytes - capture.torch_bytes),
        "at_start_bytes": at_start.used,
    }
