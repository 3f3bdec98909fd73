"""LiveState: what an engine's trace says of one moment, in numbers. No text, no Django.

A message as those of lab.messages: all fields are JSON. It is asked of the engine host,
which has applied every StepTrace; a web process has frames at best, and none at all
where nobody looks. Requests appear by their short ids alone.

All times are seconds before the moment (``…_ago_s``) or seconds that something took.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal

from lab.messages import EngineStatus
from lab.reasons import Bill, Difference, Lookup, Queue, Refusal

BlockState = Literal["null", "free", "cached", "used", "shared"]
RequestPhase = Literal["waiting", "preempted", "reading", "answering", "finished"]

NUM_EVENTS = 64
"""Evictions, preemptions and ended requests that are remembered, the newest last."""
MINUTE_S = 60.0


@dataclass(frozen=True)
class Holding:
    """A block in a request's block table."""

    short_id: int
    logical_index: int
    num_tokens: int
    """Tokens whose KV lies in the block."""
    block_size: int | None
    """Tokens that a block of its KV-cache group has room for; None: it holds a
    state."""


@dataclass(frozen=True)
class BlockFacts:
    """One physical block."""

    block_id: int
    state: BlockState
    ref_cnt: int
    has_hash: bool
    held_by: list[Holding] = field(default_factory=list)
    taken_by: int | None = None
    """The request that took it last, new or from the prefix cache; None if unseen."""
    taken_step: int | None = None
    evicted_step: int | None = None
    """When it lost its hash last, as far as that is remembered."""


@dataclass(frozen=True)
class RequestFacts:
    """One request in the engine, or one that ended."""

    short_id: int
    phase: RequestPhase
    num_prompt_tokens: int
    num_computed_tokens: int
    num_output_tokens: int
    num_cached_tokens: int | None
    """Prompt tokens from the prefix cache; None before its admission."""
    num_blocks: int
    num_blocks_shared: int = 0
    """Those of its blocks that another request holds as well."""
    num_preemptions: int = 0
    place: int | None = None
    """In the waiting queue, from 1."""
    arrived_ago_s: float | None = None
    """None where it came before the trace was followed."""
    waited_s: float | None = None
    """From its arrival to its first step; None while it waits."""
    finish: str = ""
    """stopped, length, aborted, error or repetition,"""
    ended_step: int | None = None
    """and at which step."""
    ended_ago_s: float | None = None


@dataclass(frozen=True)
class Eviction:
    """A block lost its hash to make room."""

    block_id: int
    step: int
    ago_s: float
    taken_by: int | None
    """The request that got the block; None where the trace does not say."""


@dataclass(frozen=True)
class Preemption:
    """A running request gave its blocks back and went to the front of the queue."""

    short_id: int
    step: int
    ago_s: float


@dataclass(frozen=True)
class SharedBlock:
    """A block that several requests hold."""

    block_id: int
    short_ids: list[int]


@dataclass(frozen=True)
class PrefixNode:
    """Blocks that the same requests hold, in a tree of shared beginnings."""

    depth: int
    first: int
    """Logical index of the first of them."""
    block_ids: list[int]
    short_ids: list[int]


@dataclass(frozen=True)
class Candidate:
    """A cached block that nobody holds: it is evicted when its turn comes."""

    block_id: int
    num_hits: int
    """Admissions that took its beginning from the cache."""
    last_step: int
    """When that was cached or hit last."""


@dataclass(frozen=True)
class Choice:
    """An eviction, and between which blocks."""

    block_id: int
    step: int
    taken_by: int | None
    candidates: list[int] = field(default_factory=list)
    """Cached blocks that stood first in the queue of free ones, itself among them."""


@dataclass(frozen=True)
class Minute:
    """What happened in the last MINUTE_S seconds, or since ``seconds`` ago."""

    seconds: float
    num_steps: int = 0
    num_sampled_tokens: int = 0
    num_evictions: int = 0
    num_preemptions: int = 0
    num_arrived: int = 0
    num_finished: int = 0
    last_10_s_tokens: int = 0
    """Tokens sampled in the last ten seconds."""


@dataclass(frozen=True)
class LiveState:
    """One engine host at one step."""

    engine_host_id: str
    engine_run: int
    step: int
    at: float
    """Time of the moment, seconds since 1970."""
    block_size: int
    num_blocks: int
    """With block 0, the null block, which is never handed out."""
    num_free: int
    """Blocks in the free queue, cached ones included."""
    num_cached: int
    """Those of them that keep a hash."""
    num_used: int
    """Blocks that one request holds,"""
    num_shared: int
    """and those that several do."""
    num_evictions: int
    """Since the start of this engine, as are the next three."""
    num_preemptions: int
    prefix_query_tokens: int
    prefix_hit_tokens: int
    requests: list[RequestFacts] = field(default_factory=list)
    """Running ones, then the queue in its order."""
    ended: list[RequestFacts] = field(default_factory=list)
    evictions: list[Eviction] = field(default_factory=list)
    preemptions: list[Preemption] = field(default_factory=list)
    most_shared: list[SharedBlock] = field(default_factory=list)
    """Up to eight, those with the most holders first."""
    minute: Minute = field(default_factory=lambda: Minute(0.0))
    step_ms: float | None = None
    """From the step before to this one; None where the engine was idle between."""
    step_tokens: int = 0
    """Tokens that this step computes,"""
    step_requests: int = 0
    """of so many requests."""
    block: BlockFacts | None = None
    """The block that was asked about; None where there is none of that number."""
    own: list[int] = field(default_factory=list)
    """Short ids of the learner's requests, the newest last."""
    own_blocks: list[int] = field(default_factory=list)
    """Ids of the blocks that these hold, each once."""
    lookups: list[Lookup] = field(default_factory=list)
    """What the prefix cache had for the requests above, as far as the trace says."""
    differences: list[Difference] = field(default_factory=list)
    """Of the learner's own requests from each other; known to the engine's host."""
    refusal: Refusal | None = None
    """Of the first of the queue, where it lacks blocks."""
    compiling: list[int] | None = None
    """Short ids of those in the queue whose grammar vLLM has not found compiled yet;
    None: the trace does not tell."""
    bill: Bill = field(default_factory=Bill)
    """What evictions cost so far."""
    tree: list[PrefixNode] = field(default_factory=list)
    """Beginnings that requests share, each node before its children."""
    has_whole_tables: bool = True
    """Whether a KV-cache group keeps all blocks of a request: the tree is of its
    tables."""
    candidates: list[Candidate] = field(default_factory=list)
    """The next that will be evicted, in order."""
    choices: list[Choice] = field(default_factory=list)
    """The last evictions, the newest last."""
    tells_hits: bool = True
    """Whether it is known why a prefix was missed, and what an eviction cost."""
    untold: str = ""
    """What makes it unknown: a name of lab.tracing.group_notes.Hits."""

    def lookup(self, short_id: int) -> Lookup | None:
        """Of a request's last admission."""
        return next((one for one in self.lookups if one.short_id == short_id), None)

    def difference(self, short_id: int) -> Difference | None:
        """Of a request of the learner's own from another."""
        return next((d for d in self.differences if d.short_id == short_id), None)

    def request(self, short_id: int) -> RequestFacts | None:
        """A request in the engine, or one that ended lately."""
        known = [*self.ended, *self.requests]
        return next((r for r in reversed(known) if r.short_id == short_id), None)

    @property
    def running(self) -> list[RequestFacts]:
        """Requests that hold a place in the batch."""
        return [r for r in self.requests if r.phase in ("reading", "answering")]

    @property
    def waiting(self) -> list[RequestFacts]:
        """The queue, from its front."""
        queue = [r for r in self.requests if r.phase in ("waiting", "preempted")]
        return sorted(queue, key=lambda r: r.place or 0)

    def queue_of(self, request: RequestFacts, status: EngineStatus) -> Queue:
        """What a waiting request meets."""
        running, passed = self.running, self.compiling or ()
        queue = [one.short_id for one in self.waiting]
        before = queue[: (request.place or 1) - 1]
        return Queue(
            num_before=len(before),
            front=next((one for one in queue if one not in passed), request.short_id),
            num_running=len(running),
            max_running=status.max_concurrent_requests,
            step_tokens=self.step_tokens,
            budget=status.max_num_batched_tokens,
            has_preempted=any(one.step == self.step for one in self.preemptions),
            refusal=self.refusal,
            num_passed=(
                None if self.compiling is None else sum(one in passed for one in before)
            ),
            is_compiling=request.short_id in passed,
            own_blocks=[
                (one.short_id, one.num_blocks - one.num_blocks_shared)
                for one in sorted(running, key=lambda r: -r.num_computed_tokens)
            ],
        )

    def to_json(self) -> dict[str, Any]:
        """As a reply carries it."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "LiveState":
        """From a reply; what a newer host adds is left out. Raises TypeError and
        KeyError where it is none."""
        values = _known(cls, data)
        for name, kind in _LISTS.items():
            values[name] = _rows(kind, values[name])
        (values["minute"],) = _rows(Minute, [values["minute"]])
        values["lookups"] = [Lookup.from_json(one) for one in values["lookups"]]
        values["bill"] = Bill.from_json(values["bill"])
        if values["refusal"] is not None:
            values["refusal"] = Refusal(**values["refusal"])
        if values["block"] is not None:
            block = _known(BlockFacts, values["block"])
            block["held_by"] = _rows(Holding, block["held_by"])
            values["block"] = BlockFacts(**block)
        return cls(**values)


@dataclass(frozen=True)
class Told:
    """A LiveState for one who asks about a request, with the words of their own."""

    state: LiveState
    blocks: dict[str, list[str]] = field(default_factory=dict)
    """Of each block of the request, in logical order, by the tokens a block of its
    KV-cache group; none of another's request."""
    apart: dict[str, str] | None = None
    """The words at state.difference(): ``common``, ``mine`` and ``other``."""

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Told":
        """From a reply."""
        return cls(**{**data, "state": LiveState.from_json(data["state"])})


_LISTS: dict[str, type[Any]] = {
    "requests": RequestFacts,
    "ended": RequestFacts,
    "evictions": Eviction,
    "preemptions": Preemption,
    "most_shared": SharedBlock,
    "differences": Difference,
    "tree": PrefixNode,
    "candidates": Candidate,
    "choices": Choice,
}


def _rows(kind: type[Any], rows: Sequence[Mapping[str, Any]]) -> list[Any]:
    return [kind(**_known(kind, row)) for row in rows]


def _known(kind: type, data: Mapping[str, Any]) -> dict[str, Any]:
    names = {one.name for one in fields(kind)}
    return {name: value for name, value in data.items() if name in names}
