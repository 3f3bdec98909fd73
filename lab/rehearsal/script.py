"""Script: what a recording says of its requests, in the order of the engine's steps.

A step is a step: a request comes before the same call of schedule() as it did, and is
aborted after the same one. Where the engine was idle meanwhile, a rehearsal that still
has work may go on, as many steps as would have fitted. Pure.
"""

from array import array
from dataclasses import dataclass, field
from statistics import median

from lab.recordings.recording import Recording
from lab.rehearsal.settings import WhatIfRefused
from lab.tracing.mirror import PoolMirror
from lab.tracing.replay_notes import (
    Arrival,
    Live,
    ReplayNote,
    ReplaySettings,
    decode_note,
)
from lab.tracing.trace import (
    LOW_WORD,
    PLACED,
    STATE_MASK,
    Finish,
    RequestState,
    StepTrace,
    TraceKind,
    decode,
)

MOST_STEPS = 200_000
NO_NOTES = (
    "This recording cannot be rehearsed: it was made before what that needs was "
    "written down (which requests begin alike, and what the scheduler was set to). It "
    "plays as before; record the engine anew to ask what if."
)
NO_START = "This recording cannot be rehearsed: what its first step began from is lost."
HAS_MORE = (
    "This recording cannot be rehearsed: its engine had speculative decoding, a KV "
    "connector, several pipeline stages, or layers whose blocks follow rules that are "
    "not recorded."
)
NO_STEPS = "There is no step in this recording to go through again."
TOO_LONG = f"This recording has more than {MOST_STEPS:,} steps, the limit."

FOREIGN_ENDS = (Finish.ABORTED, Finish.ERROR)
"""Ends that came from outside of a step's output."""


@dataclass
class Part:
    """One request, as the recording tells it."""

    arrival: Arrival
    names: "array[int]" = field(default_factory=lambda: array("I"))
    live: Live | None = None
    """Given where it was there when the recording began."""
    num_tokens: int | None = None
    """Prompt and answer at its end; None where it outlived the recording."""
    finish: Finish = Finish.NONE


Deed = Arrival | int | None
"""A request comes; the one of this short id is aborted; None: the prefix cache is
emptied."""


@dataclass
class Cue:
    """One call of schedule()."""

    num_idle: int = 0
    """Steps that would have fitted into the time before, in which nothing was there."""
    before: list[Deed] = field(default_factory=list)
    after: list[Deed] = field(default_factory=list)
    """Before the output of a step is taken in."""


@dataclass
class Script:
    """See above."""

    settings: ReplaySettings
    start: ReplayNote
    mirror: PoolMirror
    """Pool and requests at the start."""
    traces: list[StepTrace]
    """Those that are rehearsed; the first is the snapshot."""
    parts: dict[int, Part] = field(default_factory=dict)
    opening: list[Deed] = field(default_factory=list)
    """Before the output of the step that was under way at the start is taken in."""
    cues: list[Cue] = field(default_factory=list)
    is_shortened: bool = False
    """Records were lost: it ends there."""
    has_grammars: bool = False
    """Requests waited for a grammar; for how long is not told."""


def recorded_settings(recording: Recording) -> ReplaySettings:
    """What the recorded scheduler was set to; raises WhatIfRefused where the recording
    does not tell, or tells of what cannot be rehearsed."""
    if not recording.notes:
        raise WhatIfRefused(NO_NOTES)
    settings = decode_note(recording.notes[0]).settings
    if settings is None:
        raise WhatIfRefused(NO_START)
    if settings.has_more:
        raise WhatIfRefused(HAS_MORE)
    return settings


def script_of(recording: Recording) -> Script:
    """Raises WhatIfRefused where the recording does not say enough."""
    recorded_settings(recording)
    notes = {note.sequence: note for note in map(decode_note, recording.notes)}
    traces = [decode(record) for record in recording.records]
    first, start = _start(traces, notes)
    assert start.settings is not None
    header = recording.header
    if start.settings.num_blocks != header.num_blocks:
        raise WhatIfRefused(NO_START)
    mirror = PoolMirror(header.num_blocks, header.block_size)
    mirror.apply(traces[first])
    told = _unbroken(traces[first:])
    script = Script(start.settings, start, mirror, told)
    script.is_shortened = len(told) < len(traces) - first
    _take_note(script, start)
    for live in start.live:
        script.parts[live.short_id].live = live
    filling = _Filling(script)
    for trace in told[1:]:
        filling.take(trace, notes.get(trace.header.sequence))
    filling.end()
    if not script.cues:
        raise WhatIfRefused(NO_STEPS)
    if len(script.cues) > MOST_STEPS:
        raise WhatIfRefused(TOO_LONG)
    return script


def _start(
    traces: list[StepTrace], notes: dict[int, ReplayNote]
) -> tuple[int, ReplayNote]:
    for number, trace in enumerate(traces):
        note = notes.get(trace.header.sequence)
        is_snapshot = trace.header.kind is TraceKind.SNAPSHOT
        if is_snapshot and note is not None and note.settings is not None:
            return number, note
    raise WhatIfRefused(NO_START)


def _unbroken(traces: list[StepTrace]) -> list[StepTrace]:
    """Up to where records were lost."""
    for number in range(1, len(traces)):
        before = traces[number - 1].header.sequence
        if traces[number].header.sequence != (before + 1) & LOW_WORD:
            return traces[:number]
    return traces


def _take_note(script: Script, note: ReplayNote) -> None:
    for arrival in note.arrivals:
        script.parts.setdefault(arrival.short_id, Part(arrival))
        script.has_grammars |= bool(arrival.flags & 2)
    for run in note.runs:
        part = script.parts.get(run.short_id)
        if part is not None:
            del part.names[run.start :]
            part.names.extend(range(run.first, run.first + run.num_names))
    for short_id, num_tokens in note.ended:
        if short_id in script.parts:
            script.parts[short_id].num_tokens = num_tokens


class _Filling:
    """Goes through the traces once and makes cues of them."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self._step_ns = _step_ns(script.traces)
        self._step = script.traces[0].header.step
        self._between: list[Deed] = []
        """Since the last output that was taken in, or the last step where none was."""
        self._is_output_told = True
        self._idle_since: int | None = None

    def take(self, trace: StepTrace, note: ReplayNote | None) -> None:
        header, is_reset = trace.header, note is not None and note.is_reset
        if note is not None:
            self._take_note(note)
        is_output = header.kind is TraceKind.UPDATE and not is_reset
        is_output &= not self._take_ends(trace)
        if header.step != self._step:
            self._take_step(header.stamp_ns)
            self._step = header.step
        elif is_output:
            self._take_output()
        is_idle = not header.num_running and not header.num_waiting
        self._idle_since = header.stamp_ns if is_idle else None

    def end(self) -> None:
        """What came after the last step."""
        script = self._script
        if not script.cues:
            return
        script.cues[-1].after += self._between
        if len(script.start.in_flight) < script.settings.steps_in_flight:
            script.cues[0].before[:0] = script.opening
            script.opening = []

    def _take_note(self, note: ReplayNote) -> None:
        parts = self._script.parts
        known = set(parts)
        _take_note(self._script, note)
        self._between += [one for one in note.arrivals if one.short_id not in known]
        if note.is_reset:
            self._between.append(None)
        for short_id, num_tokens in note.ended if note.settings else ():
            self._take_untold_end(parts.get(short_id), num_tokens)

    def _take_untold_end(self, part: Part | None, num_tokens: int) -> None:
        """It ended as a snapshot was taken, which lists the living."""
        if part is None or part.finish is not Finish.NONE:
            return
        part.finish = Finish.STOPPED
        if num_tokens == part.arrival.num_prompt_tokens:
            part.finish = Finish.ABORTED
            self._between.append(part.arrival.short_id)

    def _take_ends(self, trace: StepTrace) -> bool:
        """Whether somebody was ended from outside in this record."""
        parts = self._script.parts
        is_foreign = False
        for short_id, word, _, _ in trace.requests.tolist():
            if word & PLACED or word & STATE_MASK != RequestState.FINISHED:
                continue
            finish = Finish(word >> 8 & 0xFF)
            if short_id in parts:
                parts[short_id].finish = finish
            if finish in FOREIGN_ENDS:
                is_foreign = True
                self._between.append(short_id)
        return is_foreign

    def _take_step(self, stamp_ns: int) -> None:
        cue = Cue()
        if self._idle_since is not None and self._step_ns:
            cue.num_idle = int((stamp_ns - self._idle_since) // self._step_ns)
        if self._is_output_told or not self._script.cues:
            cue.before = self._between
        else:
            # No output was told of, so that it changed no block: whoever was aborted
            # may have been before it, and then its output was dropped.
            deeds, last = self._between, self._script.cues[-1]
            last.after += [deed for deed in deeds if isinstance(deed, int)]
            cue.before = [deed for deed in deeds if not isinstance(deed, int)]
        self._script.cues.append(cue)
        self._between, self._is_output_told = [], False

    def _take_output(self) -> None:
        script = self._script
        deeds = script.cues[-1].after if script.cues else script.opening
        deeds += self._between
        self._between, self._is_output_told = [], True


def _step_ns(traces: list[StepTrace]) -> float:
    """Median time of a step that another one followed."""
    lasted, before = [], None
    for trace in traces:
        header = trace.header
        if header.kind is TraceKind.SCHEDULE:
            if before is not None:
                lasted.append(header.stamp_ns - before)
            before = header.stamp_ns
        if not header.num_running and not header.num_waiting:
            before = None
    return median(lasted) if lasted else 0.0
