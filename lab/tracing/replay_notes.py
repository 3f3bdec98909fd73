"""What a replay needs beside the StepTraces: records of their own in the tap. Pure.

Ids and counts only, as in a StepTrace. Each record comes right before the StepTrace
whose sequence it names, and tells what happened since the one before; with a SNAPSHOT
it tells all that is. Layout, in uint32 words::

    0  length of the record in words
    1  KIND | VERSION << 8
    2  sequence of the StepTrace that follows
    then sections: which, number of words that follow, words

    SETTINGS   one word a field of ReplaySettings, with groups 5 words each of them;
               first in a record that tells all
    ARRIVED    7 words a request, see Arrival: it begins to wait
    NAMED      short_id, granules before, first name, count: of a request's beginnings
               the next ``count`` have the names that follow each other from the first
               (lab/tracing/prefix_names.py)
    ENDED      short_id, tokens of its prompt and answer: it is gone
    LIVE       6 words a request, see Live; with a SNAPSHOT, after its ARRIVED
    IN_FLIGHT  of a step whose output the scheduler still waits for, the oldest first:
               short_id, tokens scheduled, and whether it samples one, for each request
    FREE       block ids of the free block queue, the next one first
    CACHED     blocks with a hash, in the order in which vLLM would find those of one
               hash: block id, name before its first granule or 0, and the names of its
               granules
    RESET      no words: the prefix cache was emptied on purpose
    GROUP_CACHED
               of a model with KV-cache groups in the place of CACHED: block id, group,
               tokens of the beginning that its hash stands for, and its name
    GROUP_LIVE 7 words a running request and group, see GroupLive
"""

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, NamedTuple

from lab.tracing.trace import HEADER_WORDS, LOW_WORD, TraceError

KIND = 32
"""Where a StepTrace has its own: nothing that reads those takes this for one."""
VERSION = 1
HEAD = KIND | VERSION << 8
_SIGN = 1 << 31


class Section(IntEnum):
    """See above."""

    SETTINGS = 1
    ARRIVED = 2
    NAMED = 3
    LIVE = 4
    IN_FLIGHT = 5
    FREE = 6
    CACHED = 7
    RESET = 8
    ENDED = 9
    GROUP_CACHED = 10
    GROUP_LIVE = 11


class ReplayGroup(NamedTuple):
    """A KV-cache group, as far as vLLM's scheduler goes by it."""

    kind: int
    """A GroupKind."""
    block_size: int
    window: int
    state_mode: int
    """Of states, when one is kept: 0 the last alone, 1 always, 2 at ends of blocks."""
    alike: int
    """The same of groups whose layers are alike: vLLM looks those up together."""


class ReplaySettings(NamedTuple):
    """What decides what vLLM's scheduler does, as it had it; flags are 0 or 1."""

    granule: int
    """Tokens of a granule."""
    block_size: int
    num_blocks: int
    max_num_seqs: int
    max_num_batched_tokens: int
    max_model_len: int
    has_prefix_caching: int
    is_by_priority: int
    is_async: int
    """Whether a step may be scheduled before the output of the one before is there."""
    has_chunked_prefill: int
    has_v2_runner: int
    long_prefill_token_threshold: int
    watermark_ppm: int
    """Share of the pool that is kept free when a request is admitted, in millionths."""
    steps_in_flight: int
    has_more: int
    """Something that a replay does not know: speculative decoding, a KV connector,
    pipeline stages, layers whose blocks follow rules that are not told."""
    hash_block_size: int = 0
    """Tokens of a hash, of a model with groups; 0: of a block."""
    groups: tuple[ReplayGroup, ...] = ()
    """None for a model of full attention alone."""

    @property
    def hash_size(self) -> int:
        """Tokens of a hash."""
        return self.hash_block_size or self.block_size


class Arrival(NamedTuple):
    """A request as it comes."""

    short_id: int
    flags: int
    """1: it does not read the prefix cache; 2: it waits for its grammar."""
    priority: int
    arrival_ns: int
    """Its frontend's clock: what a queue by priority goes by."""
    max_tokens: int
    num_prompt_tokens: int


class Live(NamedTuple):
    """A request in the middle of its life."""

    short_id: int
    num_tokens: int
    """Prompt and output."""
    num_output_placeholders: int
    num_in_flight_tokens: int
    num_stale_output_tokens: int
    drops_stale_output: int


class Run(NamedTuple):
    """Names that follow each other."""

    short_id: int
    start: int
    first: int
    num_names: int


class Cached(NamedTuple):
    """A block with a hash."""

    block_id: int
    before: int
    """0 where a beginning begins."""
    names: tuple[int, ...]


class GroupCached(NamedTuple):
    """A hash that a block of a group has."""

    block_id: int
    group: int
    num_tokens: int
    name: int


class GroupLive(NamedTuple):
    """What vLLM keeps of a running request in a group, beside its block table; logical
    blocks and counts are told with 1 added, 0 where there is none."""

    short_id: int
    group: int
    num_cached: int
    """Blocks that were offered to the prefix cache."""
    last_state: int
    num_retired: int
    is_allocated: int
    shared_tokens: int
    """Where other requests' beginning ends, as its own lookup found it."""


@dataclass
class ReplayNote:
    """One record, decoded."""

    sequence: int
    settings: ReplaySettings | None = None
    """Given: this record tells all that is."""
    arrivals: list[Arrival] = field(default_factory=list)
    runs: list[Run] = field(default_factory=list)
    ended: list[tuple[int, int]] = field(default_factory=list)
    """Short id, tokens."""
    live: list[Live] = field(default_factory=list)
    in_flight: list[list[tuple[int, int, bool]]] = field(default_factory=list)
    free: list[int] = field(default_factory=list)
    cached: list[Cached] = field(default_factory=list)
    is_reset: bool = False
    group_cached: list[GroupCached] = field(default_factory=list)
    group_live: list[GroupLive] = field(default_factory=list)


def is_replay_note(record: bytes) -> bool:
    """Whether a record of the tap is one of these."""
    return int.from_bytes(record[4:8], "little") == HEAD


# Writing


def settings_words(settings: ReplaySettings) -> list[int]:
    """The words of SETTINGS; without groups they end with ``has_more``."""
    *words, hash_block_size, groups = settings
    if not groups:
        return words
    return [*words, hash_block_size, *[word for group in groups for word in group]]


def arrival_words(arrival: Arrival) -> tuple[int, ...]:
    """A row of ARRIVED."""
    stamp = arrival.arrival_ns
    return (
        arrival.short_id,
        arrival.flags,
        (arrival.priority + _SIGN) & LOW_WORD,
        stamp & LOW_WORD,
        stamp >> 32 & LOW_WORD,
        arrival.max_tokens & LOW_WORD,
        arrival.num_prompt_tokens,
    )


def run_words(short_id: int, names: Sequence[int], start: int) -> list[int]:
    """Rows of NAMED: ``names`` from ``start`` on."""
    words: list[int] = []
    for at in range(start, len(names)):
        if words and names[at] == words[-2] + words[-1]:
            words[-1] += 1
        else:
            words += (short_id, at, names[at], 1)
    return words


def encode_note(
    sequence: int, sections: Iterable[tuple[Section, Sequence[int]]]
) -> bytes:
    """One record."""
    words = [0, HEAD, sequence & LOW_WORD]
    for section, body in sections:
        words += (section, len(body))
        words += body
    # No record of the tap is shorter than a StepTrace's header.
    words += [0] * (HEADER_WORDS - len(words))
    words[0] = len(words)
    return array("I", words).tobytes()


# Reading


def decode_note(record: bytes) -> ReplayNote:
    """The record; raises TraceError when it is none of this version."""
    if len(record) % 4 or len(record) < 4 * HEADER_WORDS:
        raise TraceError(f"A replay record of {len(record)} bytes is cut short.")
    words = array("I", record).tolist()
    if words[0] != len(words) or words[1] != HEAD:
        raise TraceError(f"Not a replay record of version {VERSION}.")
    note, at = ReplayNote(words[2]), 3
    while at + 1 < len(words) and words[at]:
        section, size = words[at], words[at + 1]
        body = words[at + 2 : at + 2 + size]
        at += 2 + size
        if len(body) != size:
            raise TraceError("A replay record ends inside a section.")
        try:
            _take(note, Section(section), body)
        except (ValueError, TypeError) as error:
            raise TraceError(f"A replay record has a wrong section: {error}") from error
    return note


def _take(note: ReplayNote, section: Section, body: list[int]) -> None:
    match section:
        case Section.SETTINGS:
            note.settings = _settings(body)
        case Section.ARRIVED:
            note.arrivals += [_arrival(*row) for row in _rows(body, 7)]
        case Section.NAMED:
            note.runs += [Run(*row) for row in _rows(body, 4)]
        case Section.LIVE:
            note.live += [Live(*row) for row in _rows(body, 6)]
        case Section.IN_FLIGHT:
            note.in_flight.append([(a, b, bool(c)) for a, b, c in _rows(body, 3)])
        case Section.FREE:
            note.free += body
        case Section.ENDED:
            note.ended += [(a, b) for a, b in _rows(body, 2)]
        case Section.RESET:
            note.is_reset = True
        case _:
            _take_cached(note, section, body)


def _take_cached(note: ReplayNote, section: Section, body: list[int]) -> None:
    if section is Section.CACHED:
        note.cached += _cached(note, body)
    elif section is Section.GROUP_CACHED:
        note.group_cached += [GroupCached(*row) for row in _rows(body, 4)]
    else:
        note.group_live += [GroupLive(*row) for row in _rows(body, 7)]


def _settings(body: list[int]) -> ReplaySettings:
    num_plain = len(ReplaySettings._fields) - 2
    plain: list[Any] = body[:num_plain]
    rest = body[num_plain:]
    groups = tuple(ReplayGroup(*row) for row in _rows(rest[1:], 5))
    if not all(group.block_size for group in groups):
        raise ValueError("a KV-cache group has blocks of no token")
    hash_block_size = rest[0] if rest else 0
    return ReplaySettings(*plain)._replace(
        hash_block_size=hash_block_size, groups=groups
    )


def _rows(body: list[int], width: int) -> list[list[int]]:
    if len(body) % width:
        raise ValueError(f"{len(body)} words are no rows of {width}")
    return [body[at : at + width] for at in range(0, len(body), width)]


def _arrival(
    short_id: int,
    flags: int,
    priority: int,
    low: int,
    high: int,
    max_tokens: int,
    num_prompt: int,
) -> Arrival:
    stamp = low | high << 32
    return Arrival(short_id, flags, priority - _SIGN, stamp, max_tokens, num_prompt)


def _cached(note: ReplayNote, body: list[int]) -> list[Cached]:
    if note.settings is None:
        raise ValueError("cached blocks before the settings")
    width = 2 + note.settings.block_size // max(1, note.settings.granule)
    return [Cached(row[0], row[1], tuple(row[2:])) for row in _rows(body, width)]
