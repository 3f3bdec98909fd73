"""Ledger: which beginning was cached when, who took it, and what that cost.

Fed with the same StepTraces as the mirror, after it; reads their notes
(lab.tracing.notes). Bounded: MOST_NUMBERS hashes, the last lookups. Pure.
"""

from collections import Counter, deque
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from lab.live_state import Candidate, Choice
from lab.reasons import Bill, Lookup, Refusal, Taker, first_lost
from lab.tracing.free_queue import FreeQueue
from lab.tracing.group_ledger import Kept, group_lookups, lost_blocks
from lab.tracing.group_notes import GroupLooked, Hits, pairs
from lab.tracing.groups import step_of_hits
from lab.tracing.mirror import PoolMirror
from lab.tracing.notes import (
    Compiling,
    Forgotten,
    Freed,
    Hashed,
    LookedUp,
    Refused,
    notes_of,
)
from lab.tracing.trace import LOW_WORD, RequestState, StepTrace, TraceKind

MOST_NUMBERS = 1 << 17
MOST_LOOKUPS = 512
MOST_TAKERS = 4096
MOST_CHOICES = 16
MOST_CANDIDATES = 24
NUM_CHOSEN_FROM = 6


class _Debt(NamedTuple):
    """Tokens of a request that are computed though they were cached once."""

    start: int
    end: int


@dataclass(slots=True)
class _Totals:
    """Of a Bill."""

    num_lookups: int = 0
    num_tokens: int = 0
    num_hit_tokens: int = 0
    num_known_tokens: int = 0
    ms: float = 0.0
    takers: Counter[int] = field(default_factory=Counter)


class Ledger:
    """Follows one engine run."""

    def __init__(self) -> None:
        self._sequence: int | None = None
        self._begin(0)

    def _begin(self, step: int) -> None:
        """Records before this one are not known."""
        self.kept: dict[int, Kept] = {}
        """By number."""
        self.number_of: dict[int, int] = {}
        """By block id: the number of its hash."""
        self.lookups: dict[int, Lookup] = {}
        """The last one of each request, the newest last."""
        self.refusal: Refusal | None = None
        """Of who stands first in the queue, where it lacks blocks."""
        self.compiling: list[int] | None = None
        """Short ids of those that wait for their grammar; None: it is not told."""
        self.queue = FreeQueue()
        """Free blocks, the next to be taken first."""
        self.choices: deque[Choice] = deque(maxlen=MOST_CHOICES)
        """The last evictions."""
        self.hits = Hits.UNTOLD
        """Of a model whose layers do not all use full attention: whether its lookups
        are told."""
        self.since_step = step
        self.num_forgotten = 0
        self._group_notes: list[GroupLooked] = []
        """Of the lookup that comes next."""
        self._totals = _Totals()
        self._debts: dict[int, _Debt] = {}
        self._shares: list[tuple[int, float]] = []
        """Of the last step: who paid a debt in it, and with which part of it."""
        self._scheduled_ns = 0

    def note(self, trace: StepTrace, mirror: PoolMirror) -> None:
        """Take one trace in that ``mirror`` has applied."""
        header = trace.header
        is_next = header.sequence == (self._sequence or 0) + 1 & LOW_WORD
        if header.kind is TraceKind.SNAPSHOT and not (is_next and self._sequence):
            self._begin(header.step)
        self._sequence = header.sequence
        self._pass_time(trace)
        self._forget_ended(trace)
        self._note_notes(trace, mirror)
        if header.kind is TraceKind.SCHEDULE and self._debts:
            self._note_paid(trace)

    def bill(self) -> Bill:
        """What evictions cost since ``since_step``."""
        totals = self._totals
        most = totals.takers.most_common(8)
        return Bill(
            self.since_step,
            totals.num_lookups,
            totals.num_tokens,
            totals.num_hit_tokens,
            totals.num_known_tokens,
            totals.ms,
            self.num_forgotten,
            [Taker(short_id, num_tokens) for short_id, num_tokens in most],
        )

    @property
    def untold(self) -> str:
        """What makes the lookups of a model with groups unknown; "": nothing."""
        return "" if self.hits is Hits.TOLD else self.hits.name

    # Notes

    def _note_notes(self, trace: StepTrace, mirror: PoolMirror) -> None:
        if trace.header.kind is TraceKind.SCHEDULE and self.refusal is not None:
            self._look_at_refusal(trace, mirror)
        takers: dict[int, int] | None = None
        taken_by: int | None = None
        for note in notes_of(trace):
            match note:
                case Hashed(block_id, number, False):
                    self._cache(block_id, number, trace.header.step)
                case Hashed(block_id, number, True):
                    if takers is None:
                        takers = _takers(trace)
                    taker = takers.get(block_id) if taken_by is None else taken_by
                    self._lose(block_id, number, taker, trace)
                case LookedUp():
                    taken_by = note.short_id
                    self._take_hits(note, trace, mirror)
                    self._look_up(note, trace, mirror)
                    self._group_notes = []
                case GroupLooked():
                    self._group_notes.append(note)
                case Freed():
                    self.queue.put(note)
                case Refused() | Forgotten() | Hits() | Compiling():
                    self._note_state(note, trace)
        self.queue.take_held(trace)

    def _note_state(
        self, note: Refused | Forgotten | Hits | Compiling, trace: StepTrace
    ) -> None:
        """What holds until it is told anew."""
        match note:
            case Refused():
                self.refusal = Refusal(
                    note.short_id,
                    trace.header.step,
                    note.num_needed,
                    trace.header.num_free_blocks,
                    note.num_hit_tokens,
                )
            case Forgotten(number):
                self.num_forgotten = number
            case Compiling(short_ids):
                self.compiling = short_ids
            case Hits():
                self.hits = note

    def _take_hits(self, note: LookedUp, trace: StepTrace, mirror: PoolMirror) -> None:
        """What it hits it holds before it takes others: it is no candidate."""
        sizes = [group.block_size for group in mirror.groups]
        for table in trace.tables if note.num_hit_tokens else ():
            if table.short_id == note.short_id and not table.start:
                num_hit = note.num_hit_tokens // sizes[table.group]
                self.queue.take(table.block_ids[:num_hit].tolist())

    def _look_at_refusal(self, trace: StepTrace, mirror: PoolMirror) -> None:
        """It stands as long as its request is the first whose grammar is not awaited,
        and nothing else is told."""
        assert self.refusal is not None
        passed = self.compiling or ()
        first = next((one for one in mirror.waiting if one not in passed), None)
        if (
            first != self.refusal.short_id
            or trace.header.num_free_blocks != self.refusal.num_free
        ):
            self.refusal = None

    def _cache(self, block_id: int, number: int, step: int) -> None:
        if self.number_of.get(block_id) == number:
            return
        self.number_of[block_id] = number
        self.queue.take([block_id])  # whoever fills a block holds it
        kept = self.kept.get(number)
        if kept is None:
            kept = self.kept[number] = Kept()
            if len(self.kept) > MOST_NUMBERS:
                self._forget_old()
        kept.num_holders += 1
        kept.last_step = step

    def _lose(
        self, block_id: int, number: int, taken_by: int | None, trace: StepTrace
    ) -> None:
        is_evicted = block_id in self.queue
        if is_evicted and trace.header.kind is not TraceKind.UPDATE:
            self._note_choice(block_id, taken_by, trace.header.step)
        self.number_of.pop(block_id, None)
        kept = self.kept.setdefault(number, Kept())
        kept.num_holders = max(0, kept.num_holders - 1)
        if kept.num_holders:
            return
        if trace.header.kind is TraceKind.UPDATE:  # the cache was emptied on purpose
            del self.kept[number]
            return
        kept.lost_block, kept.lost_step = block_id, trace.header.step
        kept.taken_by = taken_by

    def _note_choice(self, block_id: int, taken_by: int | None, step: int) -> None:
        first = [one.block_id for one in self.candidates(NUM_CHOSEN_FROM)]
        self.choices.append(Choice(block_id, step, taken_by, first))
        self.queue.take([block_id])

    def candidates(self, most: int = MOST_CANDIDATES) -> list[Candidate]:
        """Cached blocks that nobody holds, the next to be evicted first."""
        found = []
        for block_id in self.queue:
            number = self.number_of.get(block_id)
            if number is not None:
                kept = self.kept.get(number) or Kept()
                found.append(Candidate(block_id, kept.num_hits, kept.last_step))
            if len(found) == most:
                break
        return found

    def _forget_old(self) -> None:
        """Half of those that no block has, who lost them first."""
        gone = [number for number, kept in self.kept.items() if not kept.num_holders]
        gone.sort(key=lambda number: self.kept[number].lost_step or 0)
        for number in gone[: len(gone) // 2 + 1]:
            del self.kept[number]

    def _look_up(self, note: LookedUp, trace: StepTrace, mirror: PoolMirror) -> None:
        size, step = step_of_hits(mirror.groups), trace.header.step
        known = [n for first, count in note.known for n in range(first, first + count)]
        num_hit = note.num_hit_tokens // size
        num_known = max(note.num_hit_tokens, len(known) * size)
        hits = known[:num_hit]
        for one in self._group_notes:
            num_known = max(num_known, one.num_known_tokens)
            hits += [number for _, number in pairs(one.hits)]
        for number in hits:
            kept = self.kept.setdefault(number, Kept())
            kept.num_hits, kept.last_step = kept.num_hits + 1, step
        request = mirror.requests.get(note.short_id)
        lookup = Lookup(
            short_id=note.short_id,
            step=step,
            block_size=size,
            num_tokens=note.num_tokens,
            num_hit_tokens=note.num_hit_tokens,
            num_known_tokens=num_known,
            is_looked_up=note.is_looked_up,
            is_resumed=request is not None and request.num_preemptions > 0,
            lost=lost_blocks(enumerate(known[num_hit:], num_hit), self.kept),
            since_step=self.since_step,
            num_forgotten=self.num_forgotten,
            groups=group_lookups(self._group_notes, mirror.groups, self.kept),
        )
        self.lookups.pop(note.short_id, None)
        self.lookups[note.short_id] = lookup
        if len(self.lookups) > MOST_LOOKUPS:
            del self.lookups[next(iter(self.lookups))]
        self._add(lookup)

    def _add(self, lookup: Lookup) -> None:
        totals = self._totals
        totals.num_lookups += 1
        totals.num_tokens += lookup.num_tokens
        totals.num_hit_tokens += lookup.num_hit_tokens
        totals.num_known_tokens += lookup.num_known_tokens
        for one in lookup.lost:
            if one.taken_by is not None:
                totals.takers[one.taken_by] += one.count * lookup.block_size
        first = first_lost(lookup.groups)
        if first is not None and first.taken_by is not None:
            totals.takers[first.taken_by] += lookup.num_again_tokens
        if len(totals.takers) > MOST_TAKERS:
            totals.takers = Counter(dict(totals.takers.most_common(MOST_TAKERS // 2)))
        self._debts.pop(lookup.short_id, None)
        if lookup.num_again_tokens:
            start, end = lookup.num_hit_tokens, lookup.num_known_tokens
            self._debts[lookup.short_id] = _Debt(start, end)

    # Time

    def _note_paid(self, trace: StepTrace) -> None:
        """Which part of this step computes tokens that were cached once."""
        short_ids, scheduled, computed = trace.scheduled
        num_tokens = int(scheduled.sum())
        for short_id, number, after in zip(
            short_ids.tolist(), scheduled.tolist(), computed.tolist(), strict=True
        ):
            debt = self._debts.get(short_id)
            if debt is None:
                continue
            paid = min(after, debt.end) - max(after - number, debt.start)
            if paid > 0:
                self._shares.append((short_id, paid / num_tokens))
        self._scheduled_ns = trace.header.stamp_ns

    def _pass_time(self, trace: StepTrace) -> None:
        """A step lasts to the next one, or until the engine has nothing to do.

        With two steps in flight that is the time of the one before (docs/lab.md).
        """
        header = trace.header
        is_over = header.kind is TraceKind.SCHEDULE or not header.num_running
        if not self._shares or not is_over:
            return
        lasted_ms = max(0, header.stamp_ns - self._scheduled_ns) / 1e6
        for short_id, share in self._shares:
            self._totals.ms += share * lasted_ms
            lookup = self.lookups.get(short_id)
            if lookup is not None:
                ms = (lookup.ms or 0.0) + share * lasted_ms
                self.lookups[short_id] = replace(lookup, ms=ms)
        self._shares = []

    def _forget_ended(self, trace: StepTrace) -> None:
        if not self._debts:
            return
        for short_id, word, _, _ in trace.requests.tolist():
            if word & 0xFF in (RequestState.FINISHED, RequestState.PREEMPTED):
                self._debts.pop(short_id, None)


def _takers(trace: StepTrace) -> dict[int, int]:
    """Who took which block in this step, as the block tables say."""
    return {
        block_id: table.short_id
        for table in trace.tables
        for block_id in table.block_ids.tolist()
    }
