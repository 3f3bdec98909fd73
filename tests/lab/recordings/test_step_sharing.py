"""How steps were shared: who prefills, who decodes, how long it took."""

import json
from pathlib import Path

import pytest
from django.core.management import call_command

from lab.management.commands.stepsharing import OUTPUT, RECORDINGS
from lab.recordings.library import SHIPPED_DIR
from lab.recordings.reader import read_recording
from lab.recordings.recording import Recording
from lab.recordings.step_sharing import steps_of
from lab.tracing.trace import StepChanges, TraceKind, encode
from tests.lab.recordings.test_recording import HEADER
from tests.lab.step_traces import header

MS = 1_000_000


def scheduled(step: int, at_ms: int, rows, requests=(), waiting: int = 0) -> bytes:
    """``rows``: short id, tokens, held after; ``requests``: short id, prompt tokens."""
    columns = [value for column in zip(*rows, strict=True) for value in column]
    head = header(
        TraceKind.SCHEDULE, step=step, stamp_ns=at_ms * MS, num_waiting=waiting
    )
    words = [word for short_id, tokens in requests for word in (short_id, 1, tokens, 0)]
    return encode(head, StepChanges(requests=words, scheduled=columns))


def test_a_chunk_is_prefill_and_a_token_beyond_the_prompt_is_decode() -> None:
    records = [
        scheduled(1, 0, [(7, 30, 30)], requests=[(7, 40)], waiting=1),
        scheduled(2, 50, [(7, 10, 40), (8, 20, 20)], requests=[(8, 21)]),
        scheduled(3, 90, [(7, 1, 41), (8, 1, 21)]),
        scheduled(4, 120, [(7, 1, 42), (8, 1, 22)]),
        scheduled(5, 145, [(7, 1, 43), (8, 1, 23)]),
    ]
    steps = steps_of(Recording(HEADER, records))
    shared = [(s.decode_tokens, s.prefill_tokens, s.milliseconds) for s in steps]
    assert shared == [(0, 30, 50), (0, 30, 40), (1, 1, 30), (2, 0, 25)]
    assert [s.num_waiting for s in steps] == [1, 0, 0, 0]


def test_what_is_computed_again_after_a_preemption_is_prefill() -> None:
    records = [
        scheduled(1, 0, [(7, 55, 55)], requests=[(7, 40)]),
        scheduled(2, 30, [(7, 1, 56)]),
    ]
    (step,) = steps_of(Recording(HEADER, records))
    assert (step.decode_tokens, step.prefill_tokens) == (0, 55)


def test_a_step_before_a_pause_has_no_duration() -> None:
    records = [
        scheduled(1, 0, [(7, 1, 41)], requests=[(7, 40)]),
        scheduled(2, 3_000, [(8, 20, 20)], requests=[(8, 20)]),
        scheduled(9, 3_050, [(8, 1, 21)]),
    ]
    assert steps_of(Recording(HEADER, records)) == []


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> dict:
    path: Path = tmp_path_factory.mktemp("made") / "step_sharing.json"
    call_command("stepsharing", str(path))
    return json.loads(path.read_text(encoding="utf-8"))


def test_the_chapters_data_is_what_the_command_makes(made: dict) -> None:
    assert json.loads(OUTPUT.read_text(encoding="utf-8")) == made


def test_it_says_where_it_was_measured(made: dict) -> None:
    recorded = read_recording(SHIPPED_DIR / f"{RECORDINGS[0]}.svlr").header
    told = made["provenance"]
    assert told["machine"] == recorded.machine and told["model"] == recorded.model
    assert told["date"] == recorded.date[:10]


def test_no_step_exceeds_its_budget_and_prefill_fills_it(made: dict) -> None:
    totals = [row["decode"] + sum(row["chunks"]) for row in made["stretch"]]
    assert max(totals) == made["most_tokens"] == 512
    assert totals.count(512) > 10


def test_more_requests_a_step_give_more_tokens_and_a_longer_wait(made: dict) -> None:
    for series in made["series"]:
        first, last = series["points"][0], series["points"][-1]
        assert last["tokens_per_s"] > 2 * first["tokens_per_s"]
        assert last["median_ms"] > 1.2 * first["median_ms"]
        for point in series["points"]:
            assert point["low_ms"] <= point["median_ms"] <= point["high_ms"]
            assert point["steps"] >= 10
