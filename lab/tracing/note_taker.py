"""NoteTaker: writes the notes of each record (lab.tracing.notes).

A lookup is told when its request was admitted, at its place among what happened to the
blocks, so that a reader finds the cache as vLLM did. Nothing is told twice: whoever
stands first in the queue is told of when its need, or what is free, changed.
"""

from operator import itemgetter
from typing import Any

from vllm.v1.core.kv_cache_utils import make_block_hash_with_group_id
from vllm.v1.core.sched.output import SchedulerOutput
from vllm.v1.request import Request

from lab.tracing.endless_lookup import EndlessLookup, hits_of
from lab.tracing.grammar_waits import GrammarWaits
from lab.tracing.group_notes import Hits, hits_note
from lab.tracing.grouped_manager import GroupedCacheManager
from lab.tracing.groups import Groups
from lab.tracing.notes import NoteKind, blocks_note, freed_note, lookup_note
from lab.tracing.traced_manager import Looked, TracingCacheManager
from lab.tracing.traced_pool import TracingBlockPool


class NoteTaker:
    """Of one scheduler, while it is traced."""

    def __init__(
        self,
        scheduler: Any,
        pool: TracingBlockPool,
        short_ids: dict[str, int],
        groups: Groups | None,
    ) -> None:
        """``scheduler`` is vLLM's, ``short_ids`` by request id, kept by its owner;
        ``groups``: None for a model of full attention alone."""
        kind = TracingCacheManager if groups is None else GroupedCacheManager
        self._manager = kind.attach(scheduler.kv_cache_manager)
        self.lookups = self._manager.lookups
        self._pool = pool
        self._short_ids = short_ids
        self._hits = Hits.TOLD if groups is None else hits_of(scheduler, groups)
        self._endless: EndlessLookup | None = None
        """Of a model of full attention alone the numbers are followed here."""
        if groups is not None and self._hits is Hits.TOLD:
            coordinator = self._manager.coordinator
            self._endless = EndlessLookup(coordinator, groups, pool)
        self._has_groups = groups is not None
        self._must_fit_whole = scheduler.scheduler_reserve_full_isl
        self._budget = scheduler.max_num_scheduled_tokens
        self.told_refused: tuple[int, ...] = ()
        self._told_forgotten = 0
        self._grammars = GrammarWaits(short_ids)
        self.heard = self._grammars.heard

    def detach(self) -> None:
        """Give the cache manager back."""
        self._manager.detach()

    @property
    def must_look(self) -> bool:
        """Whether there may be a note of the next step though it repeats the last."""
        return bool(self.told_refused or self._grammars)

    def of_step(self, output: SchedulerOutput) -> list[int]:
        """Notes of a schedule() that is over."""
        lookups = self._manager.lookups
        if not lookups:
            self.told_refused = ()
            return self.of_blocks()
        if self._hits is not Hits.TOLD:
            lookups.clear()
            return self.of_blocks()
        counts = output.num_scheduled_tokens
        told = [
            (looked.log_length, self._lookup(request_id, looked))
            for request_id, looked in lookups.items()
            if request_id in counts
        ]
        words = self._in_order(told)
        request_id, looked = next(reversed(lookups.items()))
        if request_id not in counts:
            words += self._refused(looked, output.total_num_scheduled_tokens)
        lookups.clear()
        return words + self._forgotten() + self._grammars.note()

    def of_blocks(self) -> list[int]:
        """Notes of a call that looks nobody up."""
        if not (self._pool.log or self._pool.freed):
            return self._grammars.note()
        return self._in_order([]) + self._forgotten() + self._grammars.note()

    def _in_order(self, lookups: list[tuple[int, list[int]]]) -> list[int]:
        """The pool's log, with what came in between at its place: nobody is looked up
        before the last that is preempted gave its blocks back."""
        pool, words, at = self._pool, [], 0
        between = sorted([*pool.freed, *lookups], key=itemgetter(0))
        for log_length, note in between:
            words += blocks_note(pool.log[at:log_length])
            words += note
            at = log_length
        words += blocks_note(pool.log[at:])
        pool.log, pool.freed = [], []
        return words

    def of_all(self) -> list[int]:
        """Notes of a snapshot: all hashes, and the queue of free blocks."""
        self.told_refused, self._told_forgotten = (), 0
        pairs = self._pool.number_of.items()
        queue = self._pool.free_block_queue.get_all_free_blocks()
        return [
            *(hits_note(self._hits) if self._has_groups else ()),
            *blocks_note([word for pair in pairs for word in pair]),
            *freed_note([block.block_id for block in queue], is_front=False),
            *self._forgotten(),
            *self._grammars.note(of_all=True),
        ]

    def _lookup(self, request_id: str, looked: Looked) -> list[int]:
        """What was found, and what follows up to a hash that was never cached."""
        request = looked.request
        is_looked_up = self._manager.was_looked_up(request)
        before: list[int] = []
        known: list[int] = []
        if self._endless is None:
            known = self._known(looked, is_looked_up)
        elif is_looked_up:
            before = self._endless.notes(looked)
        return before + lookup_note(
            self._short_ids[request_id],
            request.num_tokens,
            looked.num_hit_tokens,
            is_looked_up,
            known,
        )

    def _known(self, looked: Looked, is_looked_up: bool) -> list[int]:
        """Numbers of what was hit, and on to the first that was never cached."""
        request, numbers = looked.request, self._pool.numbers
        number_of, end = self._pool.number_of, looked.next_number
        known = [number_of.get(block.block_id, 0) for block in looked.hit_blocks[0]]
        if is_looked_up:
            num_hashes = (request.num_tokens - 1) // self._pool.hash_block_size
            for block_hash in request.block_hashes[len(known) : num_hashes]:
                number = numbers.known(make_block_hash_with_group_id(block_hash, 0))
                if not 0 < number < end:
                    break
                known.append(number)
        return known

    def _refused(self, looked: Looked, num_scheduled: int) -> list[int]:
        """The first of the queue, where it was blocks that it did not get."""
        request, num_free = looked.request, self._pool.get_num_free_blocks()
        short_id = self._short_ids.get(request.request_id)
        if short_id is None:
            return []
        told = (short_id, looked.num_hit_tokens, num_free)
        if told == self.told_refused:
            return []
        num_needed = looked.num_needed
        if not self._has_groups:
            num_tokens = self._tokens(looked, num_scheduled)
            num_needed = self._manager.num_needed(looked, num_tokens)
        if num_needed is None or num_needed <= num_free:
            return []
        self.told_refused = told
        return [NoteKind.REFUSED | 3 << 8, short_id, num_needed, looked.num_hit_tokens]

    def _tokens(self, looked: Looked, num_scheduled: int) -> int:
        """Tokens that have to find room: all of the request, or its first chunk."""
        request: Request = looked.request
        if self._must_fit_whole:
            return min(request.num_tokens, self._manager.max_model_len)
        chunk = self._budget - num_scheduled
        return min(request.num_tokens, looked.num_hit_tokens + chunk)

    def _forgotten(self) -> list[int]:
        number = self._pool.numbers.num_forgotten
        if number == self._told_forgotten:
            return []
        self._told_forgotten = number
        return [NoteKind.FORGOTTEN | 1 << 8, number]
