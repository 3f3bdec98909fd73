"""What a replay needs is written and read back, and is nothing but ids and counts."""

from array import array

import pytest

from lab.tracing.prefix_names import PrefixNames, granule_of
from lab.tracing.replay_notes import (
    Arrival,
    Cached,
    Live,
    ReplaySettings,
    Run,
    Section,
    arrival_words,
    decode_note,
    encode_note,
    is_replay_note,
    run_words,
    settings_words,
)
from lab.tracing.trace import TraceError, decode
from tests.lab.step_traces import Traffic

SETTINGS = ReplaySettings(8, 16, 40, 8, 64, 256, 1, 0, 0, 1, 0, 0, 0, 1, 0)
ARRIVAL = Arrival(7, 2, -3, 1_795_737_356_102_622_295, 90, 64)


def named(names: PrefixNames, tokens: list[int], root: int = 0) -> list[int]:
    made = array("I")
    names.extend(made, root or names.root(None), tokens)
    return list(made)


def test_requests_have_names_in_common_as_far_as_their_tokens() -> None:
    for k in range(100):
        names = PrefixNames(8)
        first = named(names, list(range(200)))
        other = named(names, [*range(k), 999, *range(k + 1, 200)])
        assert len(first) == len(other) == 25
        assert [a == b for a, b in zip(first, other, strict=True)] == [
            at < k // 8 for at in range(25)
        ]


def test_the_same_tokens_after_another_beginning_have_another_name() -> None:
    names = PrefixNames(8)
    assert named(names, [1] * 8 + [5] * 8)[1] != named(names, [2] * 8 + [5] * 8)[1]
    salted = names.root(("salt", None, ()))
    assert not {*named(names, [1] * 16)} & {*named(names, [1] * 16, salted)}
    assert named(names, [1] * 16, names.new_root()) != named(names, [1] * 16)


def test_a_name_tells_nothing_of_the_tokens() -> None:
    """Whatever the tokens are, the numbers follow each other as they come."""
    assert named(PrefixNames(8), [3] * 64) == named(PrefixNames(8), [49_000] * 64)


def test_what_nobody_met_for_two_generations_is_forgotten() -> None:
    names = PrefixNames(8, kept=1 << 15)
    kept = named(names, [1] * 8)
    lost = named(names, [2] * 8)
    for token in range(1 << 15):
        named(names, [3, token, *[3] * 6])
    assert named(names, [1] * 8) == kept
    for token in range(1 << 15):
        named(names, [4, token, *[3] * 6])
    assert named(names, [1] * 8) == kept
    assert named(names, [2] * 8) != lost


@pytest.mark.parametrize(("size", "granule"), [(16, 8), (32, 8), (12, 4), (1, 1)])
def test_a_granule_divides_a_block(size: int, granule: int) -> None:
    assert granule_of(size) == granule


def test_a_record_is_read_back() -> None:
    words = run_words(7, [4, 5, 6, 30, 31], 0)
    record = encode_note(
        12,
        [
            (Section.SETTINGS, settings_words(SETTINGS)),
            (Section.ARRIVED, arrival_words(ARRIVAL)),
            (Section.NAMED, words),
            (Section.LIVE, (7, 66, 1, 1, 0, 0)),
            (Section.IN_FLIGHT, (7, 1, 1)),
            (Section.FREE, (3, 1, 2)),
            (Section.CACHED, (9, 0, 4, 5)),
            (Section.ENDED, (6, 80)),
            (Section.RESET, ()),
        ],
    )

    note = decode_note(record)

    assert is_replay_note(record)
    assert (note.sequence, note.settings) == (12, SETTINGS)
    assert note.arrivals == [ARRIVAL]
    assert note.runs == [Run(7, 0, 4, 3), Run(7, 3, 30, 2)]
    assert note.live == [Live(7, 66, 1, 1, 0, 0)]
    assert note.in_flight == [[(7, 1, True)]]
    assert note.free == [3, 1, 2]
    assert note.cached == [Cached(9, 0, (4, 5))]
    assert note.ended == [(6, 80)]
    assert note.is_reset


def test_it_is_not_taken_for_a_step_trace_nor_the_other_way_round() -> None:
    record = encode_note(1, [(Section.RESET, ())])
    with pytest.raises(TraceError):
        decode(record)
    trace = Traffic().snapshot()
    assert not is_replay_note(trace)
    with pytest.raises(TraceError):
        decode_note(trace)


@pytest.mark.parametrize(
    "sections",
    [
        [(Section.ARRIVED, (1, 2, 3))],
        [(Section.CACHED, (1, 2, 3, 4))],
        [(77, (1,))],
        [(Section.SETTINGS, (1, 2))],
    ],
)
def test_what_is_wrong_in_it_is_told(sections) -> None:
    with pytest.raises(TraceError):
        decode_note(encode_note(1, sections))
