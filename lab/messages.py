"""Messages to and from an engine host, and the names of their groups.

Each may be lost (Channels drops over capacity), so each carries the whole state of
its subject: the text so far, not the last piece. All fields are JSON. No Django.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal

LAB_GROUP = "lab"
"""EngineStatus of all hosts: every page names them all."""


def frames_group(engine_host_id: str) -> str:
    """Group of one host's deltas between keyframes: messages {"type": "lab.frame",
    "engine_host_id", "engine_run", "seq", "is_keyframe", "frame"}."""
    return f"lab.frames.{engine_host_id}"


def keyframes_group(engine_host_id: str) -> str:
    """Group of one host's keyframes, the same messages: who shows a host small needs no
    others. One connection to Redis has both groups in the order they were sent."""
    return f"lab.keyframes.{engine_host_id}"


def memory_group(engine_host_id: str) -> str:
    """Group of one host's MemorySample, one a second."""
    return f"lab.memory.{engine_host_id}"


RequestPhase = Literal[
    "accepted", "engine_starting", "waiting", "prefill", "decode", "finished"
]
"""accepted: a host holds it · engine_starting: held until the engine is ready ·
waiting: in vLLM's queue at ``place`` · prefill · decode · finished: a report came."""

FinishReason = Literal[
    "stop", "length", "repetition", "aborted", "error", "interrupted"
]

EngineState = Literal[
    "starting",
    "ready",
    "not answering",
    "draining",
    "restarting",
    "failed",
    "unavailable",
    "stopped",
]
"""not answering: its step loop is silent · draining: it is being stopped, and ends
what it has · failed: the engine does not start,
``reason`` says why · unavailable: vLLM cannot run on this machine."""


MENTOR_FIRST = 0
MEASURING_NEXT = 1
DEMONSTRATIONS_LAST = 2
"""Priorities of requests; vLLM takes the smaller one first."""
STEPPING_BACK = 3
"""Of what an experiment lets others go before."""
PRIORITIES = [MENTOR_FIRST, MEASURING_NEXT, DEMONSTRATIONS_LAST, STEPPING_BACK]
_BY_PURPOSE = {
    "mentor": MENTOR_FIRST,
    "quiz": MEASURING_NEXT,
    "rates": MEASURING_NEXT,
}


NAMED_PURPOSES = tuple(_BY_PURPOSE)
"""With a priority of their own; all others have the demonstrations'."""


def priority_of(purpose: str, steps_back: bool = False) -> int:
    """Who goes first: a learner who waits for an answer, then what is measured for
    one, then demonstrations, recorded traffic and all else. It follows from what a
    request is for and is never asked for; one may step back, behind all of these."""
    return (
        STEPPING_BACK if steps_back else _BY_PURPOSE.get(purpose, DEMONSTRATIONS_LAST)
    )


ROUNDS = 1_000_000


def order_of(priority: int, round_: int) -> int:
    """What vLLM orders requests by, the smaller first: the priority, and among those of
    one priority the round (EngineRequest.round)."""
    return priority * ROUNDS + min(max(round_, 0), ROUNDS - 1)


def request_group(request_id: str) -> str:
    """Group of one request's events; join only after an ownership check."""
    return f"request.{request_id}"


ENGINE_QUEUE = "engine"
"""Celery queue of requests that any engine host may take."""


def queue_of(engine_host_id: str) -> str:
    """Celery queue of requests for this host alone."""
    return f"{ENGINE_QUEUE}.{engine_host_id}"


def queue_keys(queue: str) -> list[str]:
    """Redis keys of a Celery queue: kombu has a list for each priority but the first,
    named with a mark of its own (kombu.transport.redis, Channel.sep)."""
    return [queue, *(f"{queue}\x06\x16{p}" for p in PRIORITIES if p)]


STATUS_KEY_PREFIX = "lab:engine:"
"""Key in Redis of an EngineStatus: this and the host's id."""

METRICS_KEY_PREFIX = "lab:metrics:"
"""Key in Redis of a host's metric families (lab.worker.metrics.Family): this and the
host's id."""


@dataclass(frozen=True)
class Generation:
    """What to generate. Limits are checked here and again in the engine host."""

    messages: list[dict[str, str]]
    """Chat messages, each {"role": "system"|"user"|"assistant", "content": …}."""
    max_tokens: int
    temperature: float = 0.0
    ignore_eos: bool = False
    """Generate exactly max_tokens (demonstrations)."""
    structured: dict[str, Any] | None = None
    """What the answer must match: one of {"json": schema}, {"regex": text} and
    {"choice": texts}, as vLLM's StructuredOutputsParams has them."""
    cache_salt: str | None = None
    """Separates prefix caching where another's traffic must not change the result."""
    steps_back: bool = False
    """Whether all others go first, whatever it is for."""


@dataclass(frozen=True)
class RequestEvent:
    """Progress of one request, on its own group as type ``request.event``."""

    request_id: str
    engine_host_id: str
    phase: RequestPhase
    short_id: int | None = None
    """The number that frames show it under; None before the engine has it."""
    place: int | None = None
    """Place in vLLM's waiting queue, from 1."""
    num_waiting: int | None = None
    """How many wait in it; about a second old."""
    least_wait_s: float | None = None
    wait_s: float | None = None
    """About how long it will wait, rounded: from ``least_wait_s`` to this; None when
    nothing is known."""
    is_wait_bound: bool = False
    """Whether ``wait_s`` is only what the longest answers allowed make it at most."""
    text: str = ""
    """All text so far."""
    num_output_tokens: int = 0
    num_prompt_tokens: int | None = None
    num_cached_tokens: int | None = None
    num_preemptions: int = 0
    report: "RequestReport | None" = None

    def message(self) -> dict[str, Any]:
        """The channel-layer message."""
        return {"type": "request.event", **asdict(self)}


@dataclass(frozen=True)
class RequestReport:
    """How one request ended: sent on its group and to the task lab.finish_request."""

    request_id: str
    engine_host_id: str
    finish_reason: FinishReason
    text: str = ""
    error: str | None = None
    """A sentence for the learner when finish_reason is error or interrupted."""
    short_id: int | None = None
    num_prompt_tokens: int = 0
    num_cached_tokens: int | None = None
    """None where the engine does not say."""
    num_output_tokens: int = 0
    num_preemptions: int = 0
    num_lost_tokens: int = 0
    """Computed tokens that it gave up when it was preempted."""
    num_blocks: int | None = None
    """Physical blocks in its block table, at most; None where no trace tells."""
    num_blocks_shared: int | None = None
    """Those of them taken from the prefix cache."""
    block_seconds: float | None = None
    """Blocks in its table, added up over time; None when traces were lost."""
    mean_running: float | None = None
    """Requests in a step that it was in, itself among them, on the average."""
    ttft_s: float | None = None
    """Arrival at the engine host to first token."""
    queue_s: float | None = None
    e2el_s: float | None = None
    output_tokens_per_s: float | None = None
    """(num_output_tokens - 1) / (last token - first token)."""
    itls_s: list[float] = field(default_factory=list)
    """Inter-token latencies: the gaps between outputs, to 0.1 ms; not kept."""
    arrived_at: float | None = None
    """time.time() at the engine host when the request came."""
    stop_s: float | None = None
    """Of an aborted request: from the command at the engine host to the step in which
    its blocks were free."""
    is_recorded: bool = False
    """True when a recorded trace was replayed and no engine ran."""

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "RequestReport":
        """From its JSON object; what a newer host adds is left out."""
        return cls(**_known(cls, data))


@dataclass(frozen=True)
class PhaseTiming:
    """One phase of a cold start; ``seconds`` is None while it runs."""

    name: str
    started_s: float
    """Seconds after process start of the engine."""
    seconds: float | None = None


@dataclass(frozen=True)
class NapTiming:
    """One time asleep and awake again; without figures where that failed."""

    level: int
    """vLLM's: 1 keeps the weights in the host's memory, 2 drops them."""
    sleep_s: float | None = None
    wake_s: float | None = None
    """To the first token."""
    freed_bytes: int | None = None
    """Of the card's memory; None where the driver does not tell."""
    reads_weights: bool = False
    """Whether waking read the weights from the disk again."""


@dataclass(frozen=True)
class EngineStatus:
    """State of one engine host; kept in Redis with an expiry, and sent on LAB_GROUP
    as type ``engine.status``."""

    engine_host_id: str
    state: EngineState
    updated_at: float
    """time.time() of the host."""
    reason: str | None = None
    phases: list[PhaseTiming] = field(default_factory=list)
    expected_start_s: float | None = None
    """What the last start took here; None when unknown."""
    started_at: float | None = None
    """time.time() at which this start began."""
    model: str = ""
    has_random_weights: bool = False
    """Whether the model has the right shape and no trained weights: blocks and times
    are real then, the text is not."""
    device: str = ""
    """"CPU engine" or the card's name."""
    machine: str = ""
    dtype: str = ""
    versions: dict[str, str] = field(default_factory=dict)
    block_size: int | None = None
    num_blocks: int | None = None
    max_model_len: int | None = None
    max_output_tokens: int | None = None
    max_concurrent_requests: int | None = None
    kv_cache_bytes: int | None = None
    """What the operator gave the KV cache; None where vLLM sizes it itself, by
    ``gpu_memory_utilization``."""
    gpu_memory_utilization: float | None = None
    """Share of the card that vLLM may take; None on the CPU."""
    max_num_batched_tokens: int | None = None
    """Tokens of one step at most."""
    has_prefix_caching: bool = True
    engine_run: int = 0
    """Counts engine starts of this host: short ids are unique within one run."""
    num_requests: int = 0
    beside: str = ""
    """Id of the main host where this is a second engine beside it."""
    reads_only: bool = False
    """Whether the engine is somebody else's: it is shown, and nothing is sent to it."""

    by_address: bool = False
    """Whether it is asked over HTTP: it answers questions, and no block is seen."""
    naps: list[NapTiming] = field(default_factory=list)
    """How often this run of the engine slept, as it was asked to."""

    def rank(self) -> tuple[bool, bool, int, str]:
        """Sorts hosts: main ones first, of those the ready ones, and of those the ones
        that take requests."""
        not_ready = self.state != "ready"
        elsewhere = self.by_address + 2 * self.reads_only
        return bool(self.beside), not_ready, elsewhere, self.engine_host_id

    @property
    def takes_requests(self) -> bool:
        """Whether what is sent is served at once, and measured as the lab's own."""
        return self.state == "ready" and not (self.reads_only or self.by_address)

    @property
    def is_asked(self) -> bool:
        """Whether an experiment may send to it now: as takes_requests, or by its
        address, where what needs its blocks stays unknown."""
        return self.state == "ready" and not self.reads_only

    @property
    def model_in_words(self) -> str:
        """The model as figures and recordings are labelled."""
        return (
            f"{self.model}, random weights" if self.has_random_weights else self.model
        )

    @property
    def label(self) -> str:
        """Model and device, e.g. "SmolLM2-135M-Instruct on CPU engine"."""
        parts = filter(None, (self.model_in_words, self.device))
        return " on ".join(parts)

    def message(self) -> dict[str, Any]:
        """The channel-layer message."""
        return {"type": "engine.status", **asdict(self)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "EngineStatus":
        """From its JSON object; what a newer host adds is left out."""
        values = _known(cls, data)
        values["phases"] = [PhaseTiming(**phase) for phase in data.get("phases", [])]
        values["naps"] = [NapTiming(**nap) for nap in data.get("naps", [])]
        return cls(**values)


@dataclass(frozen=True)
class CardSample:
    """One card of an engine host, as NVML tells it; None where it does not."""

    rank: int
    """Of the engine's worker on it, from 0."""
    name: str = ""
    total_bytes: int | None = None
    used_bytes: int | None = None
    utilisation_pct: float | None = None
    power_w: float | None = None
    temperature_c: float | None = None
    pcie_sent_bytes_per_s: float | None = None
    pcie_received_bytes_per_s: float | None = None
    nvlink_sent_bytes_per_s: float | None = None
    nvlink_received_bytes_per_s: float | None = None
    """Over all of its links; None too where it has none."""


@dataclass(frozen=True)
class MemorySample:
    """GPU memory, or the process's where there is no GPU; type ``memory.sample``.

    Bytes; None where it is not known (never made up)."""

    engine_host_id: str
    stamp: float
    device: str
    is_gpu: bool
    total_bytes: int | None = None
    used_bytes: int | None = None
    process_bytes: int | None = None
    """Resident memory of the engine's processes (CPU) or their share of the card."""
    utilisation_pct: float | None = None
    power_w: float | None = None
    temperature_c: float | None = None
    weights_bytes: int | None = None
    kv_cache_bytes: int | None = None
    graphs_bytes: int | None = None
    activations_bytes: int | None = None
    non_torch_bytes: int | None = None
    at_start_bytes: int | None = None
    """These four as in lab.worker.memory.EngineSplit."""
    gap_bytes: int | None = None
    """used_bytes minus all that the engine accounts for; at_start_bytes is within."""
    note: str = ""
    """A sentence when something could not be read."""
    cards: list[CardSample] = field(default_factory=list)
    """All cards of the engine, the first one among them; none on a CPU."""

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "MemorySample":
        """From its JSON object; raises TypeError for another's fields."""
        cards = [CardSample(**card) for card in data.get("cards", [])]
        return cls(**{**data, "cards": cards})

    def message(self) -> dict[str, Any]:
        """The channel-layer message."""
        return {"type": "memory.sample", **asdict(self)}


def _known(message: type, data: Mapping[str, Any]) -> dict[str, Any]:
    names = {one.name for one in fields(message)}
    return {name: value for name, value in data.items() if name in names}
