"""Why, prefix cache, hits and age at a step of a recording, as the page reads them."""

import pytest

from lab.experiments.catalog import EXPERIMENTS
from lab.experiments.presentation import RECORDED_PREFIX
from lab.recordings import library
from lab.recordings.reader import read_bytes
from lab.tracing.notes import LookedUp, notes_of
from tests.lab.shelf.conftest import browser

URL = "/lab/recordings/experiment-full-house/reasons/"


def admitted() -> tuple[int, LookedUp]:
    """The last lookup of the recording that hit something, and its step."""
    content = library.file("experiment-full-house")
    assert content is not None
    found = [
        (trace.header.step, note)
        for trace in read_bytes(content, "shipped").traces()
        for note in notes_of(trace)
        if isinstance(note, LookedUp) and note.num_hit_tokens
    ]
    return found[-1]


def test_at_a_step_it_tells_hit_or_miss_of_a_request(learner) -> None:
    step, note = admitted()
    told = learner.get(URL, {"step": step, "request": note.short_id}).json()
    assert told["step"] == step and told["lacks"] == ""
    assert told["why"]["title"] == f"Why: request {note.short_id:03x}"
    assert told["why"]["sentences"][0].startswith(
        f"It took {note.num_hit_tokens} of its {note.num_tokens} tokens"
    )
    assert told["why"]["texts"] == {} and told["why"]["apart"] is None
    assert told["cache"]["tree"]
    assert told["heat"]["step"] == step and max(told["heat"]["hits"]) > 0
    before = learner.get(URL, {"step": step - 1, "request": note.short_id}).json()
    assert before["step"] == step - 1
    assert not before["why"]["sentences"][0].startswith("It took")


@pytest.mark.parametrize("experiment", sorted(EXPERIMENTS))
def test_the_recording_of_each_experiment_tells_why_of_every_request(
    learner, experiment
) -> None:
    name = f"{RECORDED_PREFIX}{experiment}"
    content = library.file(name)
    assert content is not None
    admitted_at = {
        note.short_id: trace.header.step
        for trace in read_bytes(content, name).traces()
        for note in notes_of(trace)
        if isinstance(note, LookedUp)
    }
    assert admitted_at, "a request is admitted in each of them"
    newest = sorted(admitted_at)[-3:]
    for short_id in {min(admitted_at), *newest}:
        query = {"step": admitted_at[short_id], "request": short_id}
        told = learner.get(f"/lab/recordings/{name}/reasons/", query).json()
        assert told["lacks"] == ""
        assert told["why"]["title"] == f"Why: request {short_id:03x}"
        assert " of its " in told["why"]["sentences"][0], told["why"]


def test_a_recording_without_notes_says_what_it_lacks(learner) -> None:
    url = "/lab/recordings/smollm2-cpu-overflow/reasons/"
    told = learner.get(url, {"step": 1900, "request": 52}).json()
    assert "before the engine told its reasons" in told["lacks"]
    assert told["heat"] is None and told["cache"]["tree"]
    assert told["why"]["sentences"][0].startswith("This recording was made before")
    assert told["why"]["rows"] == []


@pytest.mark.parametrize(
    "query",
    [{}, {"step": "-1"}, {"step": "1e3"}, {"step": "٣"}, {"step": str(1 << 32)}],
)
def test_a_wrong_step_is_none(learner, query) -> None:
    assert learner.get(URL, query).status_code == 404


def test_of_somebody_elses_recording_nothing_is_told(learner) -> None:
    url = f"/lab/recordings/{'0' * 32}/reasons/"
    assert browser().get(url, {"step": 1}).status_code == 404
