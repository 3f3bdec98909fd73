"""A worker's rates as the fields of a fleet's plan, for any model and card.

    prefill   tokens of a prompt ÷ the seconds of its steps, short prompts in one step
    decode    1 ÷ the seconds of a step with one request, in the middle of its answer
    slowdown  so that a full worker's step has the seconds that the roofline gives it
    experts   how much longer a step takes once all of them are read
    at once   what the KV cache holds of such requests, and vLLM's max_num_seqs
    transfer  link ÷ KV cache of a token, where prompts have cards of their own

All are for requests of one length: that of the plan's means.
"""

from dataclasses import dataclass, replace

from planning.catalog.gpus import Gpu
from planning.errors import BadSetting
from planning.fleet.limits import Limit
from planning.fleet.plan_fields import limit_of
from planning.interval import Interval
from planning.memory.sizing import MemoryEstimate
from planning.service.model_cost import ModelCost, model_cost
from planning.service.roofline import Roofline
from planning.service.shares import SHARES

NETWORK_GBS = 50.0
"""Each way of a GPU's own port of 400 Gb/s, over which its KV cache leaves the host:
https://blog.desigeek.com/post/2026/04/benchmarking-oss-llms/ (opened 2026-11-26) has
eight of them for eight H200."""
FP8_WEIGHTS = frozenset({"fp8", "fp8-block"})


@dataclass(frozen=True)
class Lengths:
    """Mean tokens of a request."""

    input: float
    output: float

    @property
    def context(self) -> float:
        """In the middle of its answer."""
        return self.input + self.output / 2


@dataclass(frozen=True)
class WorkerRates:
    """What one worker gives; a worker is one engine, on one card or several."""

    prefill_tokens_per_s: Interval
    decode_tokens_per_s: Interval
    slowdown_pct: float
    expert_slowdown_pct: float
    expert_share_pct: float
    step_tokens: int
    concurrency: int
    is_known_card: bool
    """Whether speeds of its architecture were fitted."""
    transfer_tokens_per_s: float | None = None
    """Where prompts have cards of their own."""

    def fields(self) -> dict[str, float | int | str | None]:
        """As fields of a plan, within their limits."""
        found: dict[str, float | int] = {
            "prefill_tokens_per_s": _three(self.prefill_tokens_per_s.value),
            "decode_tokens_per_s": _three(self.decode_tokens_per_s.value),
            "slowdown_pct": _three(self.slowdown_pct),
            "expert_slowdown_pct": _three(self.expert_slowdown_pct),
            "expert_share_pct": _three(self.expert_share_pct),
            "step_tokens": self.step_tokens,
            "concurrency": self.concurrency,
        }
        within = {name: _within(limit_of(name), n) for name, n in found.items()}
        sent = self.transfer_tokens_per_s
        return within | {
            "prefill_on": "shared" if sent is None else "separate",
            "transfer_tokens_per_s": None if sent is None else _three(sent),
        }


def worker_rates(estimate: MemoryEstimate, card: Gpu, lengths: Lengths) -> WorkerRates:
    """Of the engine whose memory was estimated; raises BadSetting where it holds not
    one such request."""
    settings = estimate.settings
    cost = model_cost(settings)
    dtype = "fp8" if settings.model.scheme.id in FP8_WEIGHTS else "fp16"
    machine = SHARES.machine(card, settings.num_gpus, dtype)
    line, low_high = Roofline(cost, machine), SHARES.doubt(card.arch)
    prompt = max(1, round(lengths.input))
    budget = settings.max_num_batched_tokens
    concurrency = _at_once(estimate, card, lengths)
    alone = line.step_s(1, lengths.context)
    experts = _expert_slowdown(cost, line, alone)
    full = line.step_s(concurrency, lengths.context) / alone - 1
    unread: float = (1 - cost.expert_share) ** (concurrency - 1)
    further = max(concurrency - 1, 1)
    return WorkerRates(
        prefill_tokens_per_s=_around(
            prompt / line.crowded_prompt_s(prompt, budget), low_high
        ),
        decode_tokens_per_s=_around(1 / alone, low_high),
        slowdown_pct=100 * max(0.0, full - experts * (1 - unread)) / further,
        expert_slowdown_pct=100 * experts,
        expert_share_pct=100 * cost.expert_share,
        step_tokens=budget,
        concurrency=concurrency,
        is_known_card=card.arch in SHARES.compute,
    )


def split_rates(
    answers: tuple[MemoryEstimate, Gpu],
    prompts: tuple[MemoryEstimate, Gpu],
    lengths: Lengths,
) -> WorkerRates:
    """Of a worker whose prompts have cards of their own: an engine of each kind."""
    decode, prefill = worker_rates(*answers, lengths), worker_rates(*prompts, lengths)
    settings = prompts[0].settings
    cost, context = model_cost(settings), max(lengths.input, 1.0)
    kept = sum(one.token_bytes * one.seen(context) for one in cost.attention)
    link = NETWORK_GBS * 1e9 * settings.num_gpus
    return replace(
        decode,
        prefill_tokens_per_s=prefill.prefill_tokens_per_s,
        step_tokens=max(prefill.step_tokens, decode.concurrency),
        is_known_card=decode.is_known_card and prefill.is_known_card,
        transfer_tokens_per_s=link / ((kept + cost.state_bytes) / context),
    )


def _expert_slowdown(cost: ModelCost, line: Roofline, alone: float) -> float:
    """Seconds of reading the experts that one token leaves, ÷ those of its step."""
    if not cost.expert_bytes:
        return 0.0
    packed = line.machine.packed_share if cost.has_packed_experts else 1
    rest = cost.expert_bytes - cost.read_experts(1)
    return rest / packed / line.machine.bytes_per_s / alone


def _at_once(estimate: MemoryEstimate, card: Gpu, lengths: Lengths) -> int:
    settings, layout = estimate.settings, estimate.layout
    tokens = round(lengths.input + lengths.output)
    each = layout.blocks_per_request(tokens, layout.in_flight)
    held = int(estimate.num_blocks.value // max(each, 1))
    if held < 1:
        cards = f"{settings.num_gpus} × {card.name}" if settings.tp > 1 else card.name
        raise BadSetting(
            "rates",
            f"are none: {settings.model.name} on {cards} leaves no KV cache for a "
            f"request of {tokens:,} tokens. More cards or fewer bits a weight help.",
        )
    most = int(limit_of("concurrency").high)
    return min(held, settings.max_num_seqs, settings.max_num_batched_tokens, most)


def _around(value: float, low_high: tuple[float, float]) -> Interval:
    low, high = low_high
    return Interval(low * value, value, high * value)


def _three(value: float) -> float:
    """Three digits: more are not known."""
    return float(f"{value:.3g}")


def _within(limit: Limit, value: float | int) -> float | int:
    return min(max(value, type(value)(limit.low)), type(value)(limit.high))
