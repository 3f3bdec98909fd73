"""One step of decoding against the number of requests in it: a card's upper bound.

    bytes   = weights, once + batch × KV cache of one request
    FLOP    = 2 × active parameters × batch
    seconds = the larger of bytes ÷ bandwidth and FLOP ÷ FLOP/s

Of the card's published figures; engines reach a part of them, so a real step is longer.
Communication between cards is not in it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from planning.catalog.gpus import Gpu
from planning.cluster.reading import dense_flops, kv_read_bytes, weight_read_bytes
from planning.errors import BadSetting
from planning.memory.engine_settings import EngineSettings
from planning.memory.ranking import Need, settings_for
from planning.service.model_cost import FLOPS_A_WEIGHT, weight_cost

MAX_BATCH = 65_536


@dataclass(frozen=True)
class DecodeStep:
    """One step of ``batch`` requests that hold ``tokens_each``; bytes of one GPU."""

    batch: int
    tokens_each: int
    weight_bytes: float
    kv_bytes: float
    """Of all requests together."""
    read_s: float
    compute_s: float

    @property
    def seconds(self) -> float:
        """The shortest that the step can be: also the shortest ITL."""
        return max(self.read_s, self.compute_s)

    @property
    def tokens_per_s(self) -> float:
        """Of all requests together, at most."""
        return self.batch / self.seconds

    @property
    def tokens_per_s_each(self) -> float:
        """Of one request, at most."""
        return 1 / self.seconds

    @property
    def is_kv_larger(self) -> bool:
        """Whether the step reads more of the cache than of the weights."""
        return self.kv_bytes > self.weight_bytes

    @property
    def is_computing(self) -> bool:
        """Whether arithmetic takes longer than reading."""
        return self.compute_s > self.read_s


def decode_step(
    need: Need, gpu: Gpu, batch: int = 1, tokens_each: int | None = None, tp: int = 1
) -> DecodeStep:
    """Of ``tp`` such cards that share each layer; raises BadSetting.

    ``tokens_each`` is the context of ``need`` where it is not given.
    """
    if not 1 <= batch <= MAX_BATCH:
        raise BadSetting(
            "batch", f"is a whole number from 1 to {MAX_BATCH:,}, not {batch:,}."
        )
    settings = _settled(settings_for(need, gpu, tp))
    tokens = need.context if tokens_each is None else tokens_each
    weights = weight_read_bytes(settings.model, batch, tp)
    cache = batch * kv_read_bytes(settings, tokens)
    flop = FLOPS_A_WEIGHT * weight_cost(settings.model).active_params * batch / tp
    return DecodeStep(
        batch=batch,
        tokens_each=tokens,
        weight_bytes=weights,
        kv_bytes=cache,
        read_s=(weights + cache) / (gpu.mem_bw_gbs * 1e9),
        compute_s=flop / dense_flops(gpu, settings.model),
    )


@dataclass(frozen=True)
class BatchCurve:
    """Steps of growing batches, and where one bound takes over from another."""

    steps: tuple[DecodeStep, ...]
    kv_overtakes_at: int | None
    """The first batch that reads more cache than weights; None: none."""
    arithmetic_overtakes_at: int | None
    """The first batch whose arithmetic takes longer than its reading."""


def batch_curve(
    need: Need, gpu: Gpu, batches: Sequence[int], tokens_each: int, tp: int = 1
) -> BatchCurve:
    """One step for each of ``batches``; raises BadSetting."""

    def step(batch: int) -> DecodeStep:
        return decode_step(need, gpu, batch, tokens_each, tp)

    return BatchCurve(
        steps=tuple(step(batch) for batch in batches),
        kv_overtakes_at=_first(lambda batch: step(batch).is_kv_larger),
        arithmetic_overtakes_at=_first(lambda batch: step(batch).is_computing),
    )


def _first(is_so: Callable[[int], bool]) -> int | None:
    """The first batch of which it is so, for what stays so once it is."""
    high = 1
    while not is_so(high):
        high *= 2
        if high > MAX_BATCH:
            return None
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if is_so(middle) else (middle, high)
    return high


def _settled(settings: EngineSettings) -> EngineSettings:
    """With the scheme that was asked for as the model's own."""
    if settings.scheme is None:
        return settings
    return replace(settings, model=replace(settings.model, scheme=settings.scheme))
