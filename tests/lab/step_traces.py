"""Made-up traffic in StepTraces: a small scheduler with vLLM's rules of the pool.

Deterministic for a seed. It takes, shares, frees, evicts and preempts as vLLM does
(LRU free queue, prefix cache by whole blocks, last one in preempted first, or by
priority), so that what reads StepTraces meets every order of events without an engine.
"""

from collections import OrderedDict
from dataclasses import dataclass, field
from random import Random

from lab.tracing.trace import (
    EVICTED,
    HAS_HASH,
    PLACED,
    Finish,
    RequestState,
    StepChanges,
    TraceHeader,
    TraceKind,
    encode,
)

Key = tuple[int, int]


def header(kind: TraceKind, **counters: int) -> TraceHeader:
    """A header of one's own making; what is not given is 0, sequence and step 1."""
    given = dict.fromkeys(TraceHeader._fields[1:], 0) | {"sequence": 1, "step": 1}
    return TraceHeader(kind=kind, **given | counters)


@dataclass
class Request:
    short_id: int
    prefix: int
    num_prefix_tokens: int
    num_prompt: int
    num_output: int
    state: RequestState = RequestState.WAITING
    computed: int = 0
    sampled: int = 0
    cached: int = 0
    num_preemptions: int = 0
    blocks: list[int] = field(default_factory=list)
    priority: int = 0

    @property
    def key(self) -> Key:
        """By which vLLM's queue is in order, the last to come last."""
        return self.priority, self.short_id


@dataclass
class Traffic:
    """``records()`` runs it; the fields say how much traffic of which kind."""

    num_blocks: int = 64
    block_size: int = 4
    seed: int = 0
    max_running: int = 8
    budget: int = 48
    arrivals_per_step: float = 0.4
    prompt: tuple[int, int] = (1, 60)
    output: tuple[int, int] = (1, 40)
    num_prefixes: int = 3
    abort_chance: float = 0.02
    step_ns: int = 45_000_000
    first_short_id: int = 1
    num_priorities: int = 1
    """More than one: the queue is in order of them."""

    def __post_init__(self) -> None:
        self.random = Random(self.seed)
        self.free = OrderedDict.fromkeys(range(1, self.num_blocks))
        self.ref_cnt = [0] * self.num_blocks
        self.keys: dict[int, Key] = {}
        self.cached: dict[Key, int] = {}
        self.running: list[Request] = []
        self.waiting: list[Request] = []
        self.counters = dict.fromkeys(
            ("sequence", "step", "evictions", "preemptions", "queries", "hits"), 0
        )
        self.stamp_ns = 1_790_000_000_123_456_789
        self.next_short_id = self.first_short_id
        self.num_sampled = 0
        self._forget()

    def _forget(self) -> None:
        self.rows: dict[int, Request] = {}
        self.finishes: dict[int, Finish] = {}
        self.tables: list[tuple[int, int, list[int]]] = []
        self.scheduled: list[tuple[int, int, int]] = []
        self.dirty: dict[int, int] = {}

    # The pool

    def _take(self) -> int:
        block, _ = self.free.popitem(last=False)
        flag = 0
        if block in self.keys:
            self.cached.pop(self.keys.pop(block), None)
            self.counters["evictions"] += 1
            flag = EVICTED
        self.ref_cnt[block] = 1
        self.dirty[block] = self.dirty.get(block, 0) | flag
        return block

    def _touch(self, block: int) -> None:
        self.free.pop(block, None)
        self.ref_cnt[block] += 1
        self.dirty.setdefault(block, 0)

    def _give_back(self, request: Request) -> None:
        for block in reversed(request.blocks):
            self.ref_cnt[block] -= 1
            self.dirty.setdefault(block, 0)
            if self.ref_cnt[block] == 0:
                self.free[block] = None
        request.blocks = []

    def _key(self, request: Request, index: int) -> Key:
        inside = (index + 1) * self.block_size <= request.num_prefix_tokens
        return (-request.prefix, index) if inside else (request.short_id, index)

    # One step

    def records(self, num_steps: int) -> list[bytes]:
        """A snapshot, then the traces of so many steps."""
        records = [self.snapshot()]
        for _ in range(num_steps):
            records += self.step()
        return records

    def step(self) -> list[bytes]:
        """schedule() and update_from_output(): two records."""
        self._arrive()
        self.counters["step"] += 1
        self._schedule()
        after_schedule = self._record(TraceKind.SCHEDULE)
        self._update()
        return [after_schedule, self._record(TraceKind.UPDATE)]

    def _arrive(self) -> None:
        number = int(self.arrivals_per_step)
        number += self.random.random() < self.arrivals_per_step - number
        limit = (self.num_blocks - 2) * self.block_size
        for _ in range(number):
            num_prompt = self.random.randint(*self.prompt)
            num_output = self.random.randint(*self.output)
            num_prompt = min(num_prompt, limit - 1)
            request = Request(
                self.next_short_id,
                self.random.randint(1, self.num_prefixes),
                self.random.randint(0, num_prompt),
                num_prompt,
                min(num_output, limit - num_prompt),
            )
            self.next_short_id += self.random.choice((1, 1, 2))
            if self.is_by_priority:
                request.priority = self.random.randrange(self.num_priorities)
            self.waiting.append(request)
            self._sort_queue()
            self.rows[request.short_id] = request

    @property
    def is_by_priority(self) -> bool:
        return self.num_priorities > 1

    def _sort_queue(self) -> None:
        if self.is_by_priority:
            self.waiting.sort(key=lambda request: request.key)

    def _schedule(self) -> None:
        budget = self.budget
        at = 0
        while at < len(self.running) and budget:
            request = self.running[at]
            wanted = request.num_prompt + request.sampled - request.computed
            number = min(wanted, budget)
            if not self._grow(request, number):
                break
            self._schedule_tokens(request, number)
            budget -= number
            at = self.running.index(request) + 1
        while self.waiting and budget and len(self.running) < self.max_running:
            if any(one.state is RequestState.PREEMPTED for one in self.rows.values()):
                break
            number = self._admit(self.waiting[0], budget)
            if number is None:
                break
            budget -= number

    def _grow(self, request: Request, number: int) -> bool:
        need = -(-(request.computed + number) // self.block_size) - len(request.blocks)
        while len(self.free) < need:
            victim = self.running[-1]
            if self.is_by_priority:
                victim = max(self.running, key=lambda one: one.key)
            self.running.remove(victim)
            self._preempt(victim)
            if victim is request:
                return False
        self._extend(request, need)
        return True

    def _extend(self, request: Request, need: int) -> None:
        if need > 0:
            start = len(request.blocks)
            request.blocks += [self._take() for _ in range(need)]
            self.tables.append((request.short_id, start, request.blocks[start:]))

    def _preempt(self, request: Request) -> None:
        self.tables = [one for one in self.tables if one[0] != request.short_id]
        self.scheduled = [one for one in self.scheduled if one[0] != request.short_id]
        self._give_back(request)
        request.state = RequestState.PREEMPTED
        request.computed = 0
        request.num_preemptions += 1
        self.counters["preemptions"] += 1
        self.waiting.insert(0, request)
        self._sort_queue()
        self.rows.pop(request.short_id, None)
        self.rows[request.short_id] = request

    def _admit(self, request: Request, budget: int) -> int | None:
        num_tokens = request.num_prompt + request.sampled
        hits: list[int] = []
        while (len(hits) + 1) * self.block_size < num_tokens:
            block = self.cached.get(self._key(request, len(hits)))
            if block is None:
                break
            hits.append(block)
        number = min(num_tokens - len(hits) * self.block_size, budget)
        total = len(hits) * self.block_size + number
        need = -(-total // self.block_size) - len(hits)
        if len(self.free) - sum(block in self.free for block in hits) < need:
            return None
        self.waiting.pop(0)
        for block in hits:
            self._touch(block)
        self.counters["queries"] += num_tokens
        self.counters["hits"] += len(hits) * self.block_size
        request.blocks = list(hits)
        request.computed = request.cached = len(hits) * self.block_size
        request.state = RequestState.RUNNING
        self._extend(request, need)
        self.tables = [one for one in self.tables if one[0] != request.short_id]
        self.tables.append((request.short_id, 0, list(request.blocks)))
        self.rows.pop(request.short_id, None)
        self.rows[request.short_id] = request
        self.running.append(request)
        self._schedule_tokens(request, number)
        return number

    def _schedule_tokens(self, request: Request, number: int) -> None:
        before, request.computed = request.computed, request.computed + number
        self.scheduled.append((request.short_id, number, request.computed))
        first = before // self.block_size
        for index in range(first, request.computed // self.block_size):
            key = self._key(request, index)
            if key not in self.cached and request.blocks[index] not in self.keys:
                self.cached[key] = request.blocks[index]
                self.keys[request.blocks[index]] = key
                self.dirty.setdefault(request.blocks[index], 0)

    def _update(self) -> None:
        scheduled = {one[0] for one in self._last_scheduled}
        for request in list(self.running):
            is_whole = request.computed == request.num_prompt + request.sampled
            if request.short_id in scheduled and is_whole:
                request.sampled += 1
            if request.sampled >= request.num_output:
                reason = self.random.choice((Finish.STOPPED, Finish.LENGTH))
                self._finish(request, reason)
            elif self.random.random() < self.abort_chance:
                self._finish(request, Finish.ABORTED)
        for request in list(self.waiting):
            if self.random.random() < self.abort_chance / 4:
                self._finish(request, Finish.ABORTED)

    def _finish(self, request: Request, reason: Finish) -> None:
        (self.running if request in self.running else self.waiting).remove(request)
        self._give_back(request)
        self.num_sampled += request.sampled
        request.state = RequestState.FINISHED
        self.rows[request.short_id] = request
        self.finishes[request.short_id] = reason

    # Records

    def _record(self, kind: TraceKind) -> bytes:
        self.counters["sequence"] += 1
        self.stamp_ns += self.step_ns // 2 + self.random.randint(-(10**6), 10**6)
        requests: list[int] = []
        for short_id, row in self._ordered_rows():
            finish = self.finishes.get(short_id, Finish.NONE)
            word = row.state | finish << 8 | row.num_preemptions << 16
            requests += (short_id, word, row.num_prompt, row.cached)
            if self.is_by_priority and row in self.waiting:
                place = self.waiting.index(row)
                requests += (short_id, row.state | PLACED, row.num_prompt, place)
        tables: list[int] = []
        for short_id, start, blocks in self.tables:
            tables += (short_id, start, len(blocks), *blocks)
        words = [
            self.ref_cnt[block] | flag | (HAS_HASH if block in self.keys else 0)
            for block, flag in self.dirty.items()
        ]
        columns = zip(*self.scheduled, strict=True)
        changes = StepChanges(
            requests=requests,
            tables=tables,
            num_tables=len(self.tables),
            scheduled=[word for column in columns for word in column],
            blocks=[*self.dirty, *words],
        )
        record = encode(self._header(kind), changes)
        self._last_scheduled = self.scheduled
        self._forget()
        return record

    def _ordered_rows(self) -> list[tuple[int, Request]]:
        """By priority: whoever waits last and in order, so that each finds those who
        stand before it there."""
        rows = list(self.rows.items())
        if not self.is_by_priority:
            return rows
        waiting = [row for row in rows if row[1] in self.waiting]
        others = [row for row in rows if row not in waiting]
        return others + sorted(waiting, key=lambda row: row[1].key)

    def _header(self, kind: TraceKind) -> TraceHeader:
        return TraceHeader(
            kind=kind,
            sequence=self.counters["sequence"],
            step=self.counters["step"],
            stamp_ns=self.stamp_ns,
            cost_ns=self.random.randint(15_000, 60_000),
            num_free_blocks=len(self.free),
            num_waiting=len(self.waiting),
            num_running=len(self.running),
            num_evictions=self.counters["evictions"],
            num_preemptions=self.counters["preemptions"],
            prefix_query_tokens=self.counters["queries"],
            prefix_hit_tokens=self.counters["hits"],
        )

    def snapshot(self) -> bytes:
        """A SNAPSHOT of all there is."""
        self._forget()
        for request in (*self.running, *self.waiting):
            self.rows[request.short_id] = request
            if request.blocks:
                self.tables.append((request.short_id, 0, list(request.blocks)))
            if request.computed:
                self.scheduled.append((request.short_id, 0, request.computed))
        for block in range(1, self.num_blocks):
            if self.ref_cnt[block] or block in self.keys:
                self.dirty[block] = 0
        return self._record(TraceKind.SNAPSHOT)
