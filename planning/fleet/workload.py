"""Requests as the simulator takes them: times, and seconds of work for each.

prefill = computed input tokens ÷ prefill rate   of the whole worker
decode  = overhead + output tokens ÷ decode rate alone in its batch
          + the way of the prompt's KV cache, where prompts have cards of their own

Tokens that the prefix cache has are not computed. They are context all the same: a step
of an answer reads the KV of the whole prompt, so decoding is as without a cache.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from planning.catalog.traffic_shapes import Shape, shape
from planning.errors import BadSetting
from planning.fleet.arrivals import CHUNK, Source, flashes, source_of, usual_rate
from planning.fleet.plan import MAX_RATE_PER_S, Plan, Requests, Service
from planning.fleet.request_file import RequestFile

Array = npt.NDArray[np.float64]
Lengths = Callable[[int, np.random.Generator], tuple[Array, Array]]
"""Input and output tokens of n requests."""


@dataclass(frozen=True)
class Chunk:
    """Requests in the order of their times."""

    times: Array
    prefills: Array
    """Seconds of the whole worker that each prompt takes."""
    decodes: Array
    """Seconds that each answer takes alone in its batch."""
    num_input_tokens: float
    num_output_tokens: float
    num_cached_tokens: float = 0.0
    """Of the input tokens, those from the prefix cache."""


class Workload(Protocol):
    """What can be simulated."""

    rate_per_s: float
    """Mean of the month."""
    rare: list[tuple[float, float]]
    """Stretches [s] that a sample of the month must not miss."""
    rare_rate_per_s: float
    """Mean rate in them."""

    def chunks(
        self, start_s: float, end_s: float, random: np.random.Generator
    ) -> Iterator[Chunk]:
        """The requests of start_s <= t < end_s."""


class RandomWorkload:
    """Arrivals from a pattern, lengths from a distribution."""

    def __init__(self, plan: Plan) -> None:
        traffic = plan.traffic
        known = shape(traffic.shape) if traffic.pattern == "shape" else None
        self.rate_per_s = traffic.rate_per_s
        self.rare = flashes(traffic) if traffic.pattern == "flash" else []
        self.rare_rate_per_s = usual_rate(traffic) * traffic.flash_factor
        self._source: Source = source_of(traffic, known.counts if known else None)
        self._lengths = _quantiles(known) if known else _log_normal(plan.requests)
        self._service, self._cached_pct = plan.service, plan.requests.cached_pct

    def chunks(
        self, start_s: float, end_s: float, random: np.random.Generator
    ) -> Iterator[Chunk]:
        """See Workload."""
        for times in self._source(start_s, end_s, random):
            inputs, outputs = self._lengths(len(times), random)
            yield chunk_of(times, inputs, outputs, self._service, self._cached_pct)


class FileWorkload:
    """The requests of a file, one after the other, repeated for the whole month.

    A short file is laid end to end until a round of it fills a chunk.
    """

    def __init__(self, plan: Plan, recorded: RequestFile) -> None:
        self.rare: list[tuple[float, float]] = []
        copies = max(CHUNK // len(recorded.times), 1)
        starts = np.arange(copies) * recorded.period_s
        times = (starts[:, None] + recorded.times).ravel()
        self._times = times / plan.traffic.file_speed
        self._inputs = np.tile(recorded.inputs, copies)
        self._outputs = np.tile(recorded.outputs, copies)
        self._period = copies * recorded.period_s / plan.traffic.file_speed
        self.rate_per_s = len(self._times) / self._period
        if self.rate_per_s > MAX_RATE_PER_S:
            raise BadSetting(
                "file_speed",
                f"is {plan.traffic.file_speed:g}, which makes {self.rate_per_s:,.4g} "
                f"requests/s of the file; allowed are {MAX_RATE_PER_S}.",
            )
        self.rare_rate_per_s = self.rate_per_s
        self._service, self._cached_pct = plan.service, plan.requests.cached_pct

    def chunks(
        self, start_s: float, end_s: float, random: np.random.Generator
    ) -> Iterator[Chunk]:
        """See Workload. Nothing here is random."""
        round_number = int(start_s // self._period)
        while round_number * self._period < end_s:
            offset = round_number * self._period
            first, last = np.searchsorted(
                self._times, [start_s - offset, end_s - offset]
            )
            for begin in range(int(first), int(last), CHUNK):
                rows = slice(begin, min(begin + CHUNK, int(last)))
                yield chunk_of(
                    self._times[rows] + offset,
                    self._inputs[rows],
                    self._outputs[rows],
                    self._service,
                    self._cached_pct,
                )
            round_number += 1


def workload_of(plan: Plan, recorded: RequestFile | None = None) -> Workload:
    """The plan's requests. The pattern file needs ``recorded``."""
    if plan.traffic.pattern == "file":
        assert recorded is not None, "the pattern file needs its rows"
        return FileWorkload(plan, recorded)
    return RandomWorkload(plan)


def chunk_of(
    times: Array,
    inputs: Array,
    outputs: Array,
    service: Service,
    cached_pct: float = 0.0,
) -> Chunk:
    """A chunk whose work follows from tokens and rates."""
    cached = cached_tokens(inputs, cached_pct)
    return Chunk(
        times,
        (inputs - cached) / service.prefill_tokens_per_s,
        service.overhead_s
        + outputs / service.decode_tokens_per_s
        + inputs * service.transfer_s,
        float(inputs.sum()),
        float(outputs.sum()),
        float(cached.sum()),
    )


def cached_tokens(inputs: Array, cached_pct: float) -> Array:
    """Of each prompt's tokens those that the prefix cache has. The last token is
    computed always, for its logits: vllm/v1/core/kv_cache_manager.py,
    ``get_computed_blocks`` (max_cache_hit_length = num_tokens - 1)."""
    most = np.maximum(inputs - 1.0, 0.0)
    return np.asarray(np.minimum(inputs * (cached_pct / 100), most))


@dataclass(frozen=True)
class Work:
    """Mean seconds of one request alone on a worker."""

    prefill_s: float
    decode_s: float

    @property
    def total_s(self) -> float:
        """Both."""
        return self.prefill_s + self.decode_s


def mean_work(plan: Plan, recorded: RequestFile | None = None) -> Work:
    """Of the plan's requests."""
    inputs, outputs = plan.requests.input_tokens, plan.requests.output_tokens
    if plan.traffic.pattern == "shape":
        known = shape(plan.traffic.shape)
        inputs, outputs = (
            _mean_of_quantiles(known.input_tokens),
            _mean_of_quantiles(known.output_tokens),
        )
    elif recorded is not None:
        inputs, outputs = recorded.inputs.mean(), recorded.outputs.mean()
    one = chunk_of(
        np.zeros(1),
        np.array([inputs]),
        np.array([outputs]),
        plan.service,
        plan.requests.cached_pct,
    )
    return Work(float(one.prefills[0]), float(one.decodes[0]))


def _mean_of_quantiles(quantiles: Array) -> float:
    return float((quantiles[1:] + quantiles[:-1]).mean() / 2)


def log_normal(mean: float, cv: float, num: int, random: np.random.Generator) -> Array:
    """Log-normal values of that mean and coefficient of variation."""
    if cv == 0:
        return np.full(num, float(mean))
    variance = np.log1p(cv * cv)
    normal = random.standard_normal(num)
    return np.asarray(mean * np.exp(np.sqrt(variance) * normal - variance / 2))


def _log_normal(requests: Requests) -> Lengths:
    def draw(num: int, random: np.random.Generator) -> tuple[Array, Array]:
        return (
            log_normal(requests.input_tokens, requests.input_cv, num, random),
            log_normal(requests.output_tokens, requests.output_cv, num, random),
        )

    return draw


def _quantiles(known: Shape) -> Lengths:
    """Each length from its own quantiles: what ties the two together is not kept."""

    def one(quantiles: Array, num: int, random: np.random.Generator) -> Array:
        places = random.random(num) * (len(quantiles) - 1)
        return np.interp(places, np.arange(len(quantiles)), quantiles)

    def draw(num: int, random: np.random.Generator) -> tuple[Array, Array]:
        return (
            one(known.input_tokens, num, random),
            one(known.output_tokens, num, random),
        )

    return draw
