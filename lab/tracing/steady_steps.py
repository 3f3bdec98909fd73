"""SteadySteps: the record of a step that repeats the last one, by the shortest way.

Most steps of a busy engine give each request one more token and change nothing else.
The model's step has driven the tracer's code and data out of the processor's caches
meanwhile, so what such a record costs is the number of places that are touched. Here
they are few: the record differs from the last one in sequence, step, stamp and cost.
"""

from collections import deque
from struct import Struct
from time import time_ns
from typing import Any, Protocol

from vllm.v1.core.sched.output import SchedulerOutput

from lab.tracing.trace import HEADER_WORDS, LOW_WORD, STEADY, VERSION, TraceKind

_RECORD = Struct("<8s2IQI52s")
"""Length and kind; sequence, step; stamp; cost; the rest of the header."""
_BEGIN = Struct("<2I").pack(HEADER_WORDS, TraceKind.SCHEDULE | STEADY | VERSION << 8)
_REST_FROM = 28
"""Byte of a header from where two such records are equal."""


class Tap(Protocol):
    """Where records go."""

    def is_calm(self) -> bool:
        """Whether the reader wants traces, and no snapshot."""

    def write(self, record: bytes) -> None:
        """Append a record."""


class SteadySteps:
    """Of one scheduler. Counts its steps and records, traced or not.

    ``dirty``, ``pending`` and ``lookups`` are the tracer's own and are emptied in
    place: as long as nothing is in them, nothing happened since the last record.
    """

    __slots__ = (
        "_num_computed",
        "_req_ids",
        "_rest",
        "_tap",
        "cost_ns",
        "dirty",
        "in_flight",
        "lookups",
        "pending",
        "sequence",
        "step",
    )

    def __init__(self, tap: Tap | None, step: int = 0) -> None:
        self._tap = tap
        self.step = step
        self.sequence = self.cost_ns = 0
        self.pending: list[int] = []
        """Words of changed requests that the next record tells."""
        self.forget()

    def attach(
        self,
        dirty: set[int],
        lookups: dict[str, Any],
        in_flight: deque[dict[str, int]],
    ) -> None:
        """Begin to write; a snapshot comes next."""
        self.dirty, self.lookups, self.in_flight = dirty, lookups, in_flight
        self.cost_ns = 0

    def forget(self) -> None:
        """What comes next repeats nothing."""
        self._rest = b""
        self._req_ids: list[str] | None = None
        self._num_computed = 0

    def wrote(self, output: SchedulerOutput) -> bool:
        """Count a step; whether its record was one of these, and is written."""
        self.step += 1
        if (
            not self._rest
            or self.dirty
            or self.pending
            or self.lookups
            or not self.is_steady(output)
        ):
            return False
        tap = self._tap
        assert tap is not None
        if not tap.is_calm():
            return False
        self.in_flight.append(output.num_scheduled_tokens)
        self.repeated(output)
        self.sequence += 1
        tap.write(
            _RECORD.pack(
                _BEGIN,
                self.sequence & LOW_WORD,
                self.step & LOW_WORD,
                time_ns(),
                min(self.cost_ns, LOW_WORD),
                self._rest,
            )
        )
        self.cost_ns = 0
        return True

    def is_steady(self, output: SchedulerOutput) -> bool:
        """Whether this step does what the last one did, one token for each request.

        Each has at least one token, so a total of one each leaves no other way; and
        none has more computed than was scheduled, so that equal sums are of equal
        numbers. The lists are vLLM's own: nothing of a request is touched.
        """
        cached = output.scheduled_cached_reqs
        return (
            output.total_num_scheduled_tokens == len(cached.req_ids)
            and not output.scheduled_new_reqs
            and cached.req_ids == self._req_ids
            and sum(cached.num_computed_tokens) == self._num_computed
        )

    def repeated(self, output: SchedulerOutput) -> None:
        """A steady step was told."""
        self._num_computed += output.total_num_scheduled_tokens

    def differed(self, req_ids: list[str], num_computed: int) -> None:
        """Another step was told: its requests, and what is computed of them all."""
        self._req_ids, self._num_computed = req_ids, num_computed

    def written(self, record: bytes, *, may_repeat: bool) -> None:
        """The last record of a step; one like it follows at most if it ``may``."""
        is_bare = len(record) == _RECORD.size
        self._rest = record[_REST_FROM:] if may_repeat and is_bare else b""
        self.pending.clear()
        self.cost_ns = 0
