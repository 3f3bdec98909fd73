"""ReplayTeller: collects inside vLLM's scheduler what a replay needs.

The scheduler calls it as requests come, are preempted and end, and the pool when it
hashes blocks; ``take`` is what is to be written before the next StepTrace.
"""

from array import array
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from vllm.v1.core.kv_cache_utils import KVCacheBlock
from vllm.v1.core.sched.output import SchedulerOutput
from vllm.v1.request import Request, RequestStatus

from lab.tracing.group_replay import (
    KeyContents,
    cached_keys,
    granule_size,
    group_live_words,
    replay_groups,
)
from lab.tracing.groups import Groups
from lab.tracing.prefix_names import PrefixNames, granule_of
from lab.tracing.replay_notes import (
    Arrival,
    ReplaySettings,
    Section,
    arrival_words,
    run_words,
    settings_words,
)

SKIPS_CACHE, WAITS_FOR_GRAMMAR = 1, 2
GENERATIONS_A_POOL = 2

Sections = list[tuple[Section, Sequence[int]]]


@dataclass(slots=True)
class _Named:
    """The beginnings of a live request."""

    short_id: int
    root: int
    names: "array[int]" = field(default_factory=lambda: array("I"))
    num_told: int = 0


class ReplayTeller:
    """Of one scheduler; nothing of it leaves but names, ids and counts."""

    def __init__(self, scheduler: Any, groups: Groups | None = None) -> None:
        """``groups``: None for a model of full attention alone."""
        pool = scheduler.kv_cache_manager.block_pool
        self._scheduler = scheduler
        self._groups = groups
        self.keys = None if groups is None else KeyContents()
        """Of a model with groups, in the place of what each block has."""
        self._block_size: int = scheduler.block_size
        self._granule = granule_of(granule_size(scheduler))
        self._per_block = self._block_size // self._granule
        kept = GENERATIONS_A_POOL * pool.num_gpu_blocks * self._per_block
        self._prefixes = PrefixNames(self._granule, kept)
        self._named: dict[str, _Named] = {}
        self._contents: dict[int, tuple[_Named, int]] = {}
        """Of each block that was hashed: whose it was, and its logical index. Names are
        made later: in the hot path no token is looked at."""
        self.in_flight: deque[dict[str, int]] = deque()
        """Tokens of each request, of the steps whose output is awaited."""
        self._arrived: list[int] = []
        self._runs: list[int] = []
        self._ended: list[int] = []
        self._is_reset = False

    # As it happens

    def arrived(self, request: Request, short_id: int) -> None:
        """A request begins to wait."""
        named = _Named(short_id, self._root(request))
        self._named[request.request_id] = named
        self._name(request, named, request.num_prompt_tokens)
        self._arrived += _arrival_of(request, short_id)
        self._tell_names(named)

    def scheduled(self, output: SchedulerOutput) -> None:
        """A step is on its way. In the hot path: no request is touched."""
        self.in_flight.append(output.num_scheduled_tokens)

    def updated(self) -> None:
        """The output of the oldest step in flight was taken in."""
        if self.in_flight:
            self.in_flight.popleft()

    def hashed(
        self, request: Request, blocks: Sequence[KVCacheBlock], first: int, end: int
    ) -> None:
        """Blocks from ``first`` up to ``end`` of its table got hashes."""
        named = self._named.get(request.request_id)
        if named is not None:
            for index in range(first, end):
                self._contents[blocks[index].block_id] = named, index

    def hashed_key(self, request: Request, key: Any, num_tokens: int | None) -> None:
        """A block got the hash of the request's beginning of so many tokens."""
        named = self._named.get(request.request_id)
        if self.keys is not None and named is not None and num_tokens is not None:
            self.keys.made(key, named, num_tokens)

    def lost_keys(self, keys: Sequence[Any], pool: Any) -> None:
        """A block has these hashes no more."""
        if self.keys is not None:
            self.keys.lost(keys, pool)

    def paused(self, request: Request) -> None:
        """It was preempted: what it computes again is looked up by all its tokens."""
        named = self._named[request.request_id]
        self._name(request, named, request.num_tokens)
        self._tell_names(named)

    def ended(self, request: Request) -> None:
        """It is gone; its tokens may still be what another one begins with."""
        named = self._named.pop(request.request_id, None)
        if named is not None:
            self._name(request, named, request.num_tokens)
            self._tell_names(named)
            self._ended += (named.short_id, request.num_tokens)

    def reset(self) -> None:
        """The prefix cache is empty."""
        self._contents.clear()
        if self.keys is not None:
            self.keys.clear()
        self._is_reset = True

    def take(self) -> Sections:
        """What to tell now; it is told once."""
        sections: Sections = []
        if self._arrived:
            sections.append((Section.ARRIVED, self._arrived))
        if self._runs:
            sections.append((Section.NAMED, self._runs))
        if self._ended:
            sections.append((Section.ENDED, self._ended))
        if self._is_reset:
            sections.append((Section.RESET, ()))
        self._arrived, self._runs, self._ended = [], [], []
        self._is_reset = False
        return sections

    # With a snapshot

    def tell_all(self, queue: Iterable[tuple[Request, int]]) -> Sections:
        """All that a replay begins with. ``queue``: the live requests with their short
        ids, the running ones first, in order."""
        ended = self._ended
        self.take()
        arrived: list[int] = []
        live: list[int] = []
        for request, short_id in queue:
            if request.request_id not in self._named:
                self.arrived(request, short_id)
            named = self._named[request.request_id]
            self._name(request, named, request.num_tokens)
            named.num_told = 0
            self._tell_names(named)
            arrived += _arrival_of(request, short_id)
            live += _live_of(request, short_id)
        runs = self._runs
        self.take()
        settings = settings_of(self._scheduler, self._granule, self._groups)
        return [
            (Section.SETTINGS, settings_words(settings)),
            (Section.ARRIVED, arrived),
            (Section.NAMED, runs),
            (Section.LIVE, live),
            (Section.ENDED, ended),
            *[(Section.IN_FLIGHT, step) for step in self._steps_in_flight()],
            (Section.FREE, self._free()),
            *self._all_cached(),
        ]

    def _all_cached(self) -> Sections:
        if self.keys is None:
            return [(Section.CACHED, self._cached())]
        live: list[int] = []
        for request in self._scheduler.running:
            short_id = self._named[request.request_id].short_id
            live += group_live_words(self._scheduler, request, short_id)
        return [(Section.GROUP_CACHED, self._cached_keys()), (Section.GROUP_LIVE, live)]

    def _cached_keys(self) -> list[int]:
        """Hashes of unknown content, made before this began, are left out."""
        assert self.keys is not None
        words: list[int] = []
        for block_id, group, key in cached_keys(
            self._scheduler.kv_cache_manager.block_pool
        ):
            named, num_tokens = self.keys.of(key) or (None, 0)
            at = num_tokens // self._granule - 1
            if named is not None and 0 <= at < len(named.names):
                words += (block_id, group, num_tokens, named.names[at])
        return words

    def _steps_in_flight(self) -> Iterable[list[int]]:
        """A request's output placeholders are its tokens in flight: so many of its last
        steps sample one. Preempted, it has none; what it decoded still comes."""
        left: dict[str, int] = {}
        steps: list[list[int]] = []
        for counts in reversed(self.in_flight):
            steps.insert(0, [])
            for request_id, count in counts.items():
                request = self._scheduler.requests.get(request_id)
                named = self._named.get(request_id)
                if request is None or named is None:
                    continue
                left.setdefault(request_id, request.num_output_placeholders)
                left[request_id] -= 1
                is_stale = getattr(request, "num_stale_output_tokens", 0) and count == 1
                samples = left[request_id] >= 0 or is_stale
                steps[0] += (named.short_id, count, int(bool(samples)))
        return steps

    def _free(self) -> list[int]:
        queue = self._scheduler.kv_cache_manager.block_pool.free_block_queue
        return [block.block_id for block in queue.get_all_free_blocks()]

    def _cached(self) -> list[int]:
        """Blocks of unknown content, hashed before this began, are left out."""
        pool = self._scheduler.kv_cache_manager.block_pool
        size = self._per_block
        words: list[int] = []
        for found in pool.cached_block_hash_to_block._cache.values():
            blocks = found.values() if isinstance(found, dict) else (found,)
            for block in blocks:
                content = self._contents.get(block.block_id)
                if content is None:
                    continue
                names, at = content[0].names, content[1] * size
                if len(names) >= at + size:
                    before = names[at - 1] if at else 0
                    words += (block.block_id, before, *names[at : at + size])
        return words

    # Names

    def _root(self, request: Request) -> int:
        """vLLM's extra keys of a block hash: salt, LoRA, pictures, embeddings."""
        if request.prompt_embeds is not None:
            return self._prefixes.new_root()
        lora = request.lora_request.name if request.lora_request else None
        seen = tuple(str(one.identifier) for one in request.mm_features or ())
        return self._prefixes.root((request.cache_salt, lora, seen))

    def _name(self, request: Request, named: _Named, num_tokens: int) -> None:
        done = len(named.names) * self._granule
        if num_tokens - done >= self._granule:
            tokens = request.all_token_ids[done:num_tokens]
            self._prefixes.extend(named.names, named.root, tokens)

    def _tell_names(self, named: _Named) -> None:
        self._runs += run_words(named.short_id, named.names, named.num_told)
        named.num_told = len(named.names)


def _arrival_of(request: Request, short_id: int) -> tuple[int, ...]:
    flags = SKIPS_CACHE * bool(request.skip_reading_prefix_cache)
    if request.status == RequestStatus.WAITING_FOR_STRUCTURED_OUTPUT_GRAMMAR:
        flags |= WAITS_FOR_GRAMMAR
    return arrival_words(
        Arrival(
            short_id,
            flags,
            request.priority,
            int(request.arrival_time * 1e9),
            request.max_tokens,
            request.num_prompt_tokens,
        )
    )


def _live_of(request: Request, short_id: int) -> tuple[int, ...]:
    return (
        short_id,
        request.num_tokens,
        request.num_output_placeholders,
        getattr(request, "num_in_flight_tokens", 0),
        getattr(request, "num_stale_output_tokens", 0),
        int(getattr(request, "drop_stale_output", False)),
    )


def settings_of(scheduler: Any, granule: int, groups: Groups | None) -> ReplaySettings:
    """What this scheduler goes by."""
    config = scheduler.vllm_config
    wanted, parallel = scheduler.scheduler_config, scheduler.parallel_config
    pool = scheduler.kv_cache_manager.block_pool
    in_flight = getattr(config, "max_concurrent_batches", None)
    if in_flight is None:
        in_flight = 2 if wanted.async_scheduling else 1
    told = () if groups is None else replay_groups(scheduler, groups)
    has_more = (
        config.speculative_config is not None
        or config.kv_transfer_config is not None
        or parallel.pipeline_parallel_size > 1
        or parallel.decode_context_parallel_size > 1
        or (groups is None and pool.hash_block_size != scheduler.block_size)
        or (groups is not None and not told)
    )
    return ReplaySettings(
        granule=granule,
        block_size=scheduler.block_size,
        num_blocks=pool.num_gpu_blocks,
        max_num_seqs=scheduler.max_num_running_reqs,
        max_num_batched_tokens=scheduler.max_num_scheduled_tokens,
        max_model_len=scheduler.max_model_len,
        has_prefix_caching=int(pool.enable_caching),
        is_by_priority=int(wanted.policy == "priority"),
        is_async=int(bool(wanted.async_scheduling)),
        has_chunked_prefill=int(bool(wanted.enable_chunked_prefill)),
        has_v2_runner=int(bool(getattr(scheduler, "use_v2_model_runner", False))),
        long_prefill_token_threshold=wanted.long_prefill_token_threshold,
        watermark_ppm=round(1e6 * getattr(wanted, "watermark", 0.0)),
        steps_in_flight=in_flight,
        has_more=int(has_more),
        hash_block_size=pool.hash_block_size if told else 0,
        groups=told,
    )
