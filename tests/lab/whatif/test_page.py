"""The page of a what-if: the recorded settings, a place in the line, the result."""

import base64
import html
import re
from dataclasses import asdict, replace

import pytest
from django.conf import settings as django_settings
from django.test import Client

from lab import client
from lab.errors import EngineUnavailable
from lab.models import KeptRecording
from lab.recordings.recording import RecordingWriter
from lab.recordings.upload import checked
from lab.rehearsal.figures import Comparison, Figures
from lab.second.line import Standing, Turn
from lab.shelf import files
from lab.tracing.replay_notes import (
    ReplaySettings,
    Section,
    encode_note,
    settings_words,
)
from tests.lab.fake_engine import READY, FakeEngine
from tests.lab.shelf.conftest import HEADER, browser
from tests.lab.step_traces import Traffic

SETTINGS = ReplaySettings(4, 4, 64, 8, 64, 100, 1, 0, 0, 1, 0, 0, 0, 1, 0)
FORM = {
    "num_blocks": "120", "block_size": "4", "max_num_seqs": "8",
    "max_num_batched_tokens": "64", "has_prefix_caching": "yes",
}  # fmt: skip


@pytest.fixture(autouse=True)
def storage(settings) -> None:
    in_memory = {"BACKEND": "django.core.files.storage.InMemoryStorage"}
    settings.STORAGES = {**django_settings.STORAGES, "recordings": in_memory}


@pytest.fixture
def learner(db: None) -> Client:
    return browser()


def kept(learner: Client, tmp_path, has_notes: bool = True) -> str:
    """A learner's recording; its reference."""
    writer = RecordingWriter(tmp_path / "made.svlr", HEADER)
    records = Traffic().records(5)
    if has_notes:
        writer.add_note(encode_note(1, [(Section.SETTINGS, settings_words(SETTINGS))]))
    for record in records:
        writer.add_trace(record)
    writer.close()
    file = (tmp_path / "made.svlr").read_bytes()
    one = KeptRecording.begin(
        learner.session["learner_id"], recording_id="ab" * 16, title="eight at once"
    )
    files.keep(one, file, checked(file, "it"))
    return one.recording_id


def words(answer) -> str:
    return " ".join(re.sub("<[^>]*>", " ", answer.content.decode()).split())


def test_the_form_begins_with_the_recorded_settings(learner, tmp_path) -> None:
    page = learner.get(f"/lab/whatif/{kept(learner, tmp_path)}/").content.decode()
    assert 'name="num_blocks" value="64"' in page
    assert 'name="max_num_batched_tokens" value="64"' in page
    assert '<option value="yes" selected>on' in page
    assert "in steps of 4 tokens" in page


def test_what_changed_is_sent_with_the_recording_and_the_result_shown(
    learner, engine, tmp_path
) -> None:
    reference = kept(learner, tmp_path)
    begun = learner.post(f"/lab/whatif/{reference}/begin/", FORM)
    assert begun.status_code == 302
    assert "Go through it again" in words(learner.get(begun.url))
    (payload,) = engine.seconds
    assert payload["settings"]["what_if"] == {
        "num_blocks": 120, "block_size": None, "max_num_seqs": None,
        "max_num_batched_tokens": None, "has_prefix_caching": None,
    }  # fmt: skip
    assert base64.b64decode(payload["settings"]["file"])[:4] == b"SVLR"

    turn = Turn(django_settings.REDIS_URL, payload["ticket"])
    turn.tell(Standing("ready", reason="It goes through yours: 40%."))
    assert "It goes through yours: 40%." in words(learner.get(begun.url))
    happened = Figures(num_steps=700, num_preemptions=9, mean_wait_steps=12.25)
    result = {
        "recorded": SETTINGS._asdict(),
        "wanted": SETTINGS._replace(num_blocks=120)._asdict(),
        "happened": asdict(happened),
        "would_have": asdict(replace(happened, num_preemptions=2)),
        "check": asdict(Comparison(61_234, 0)),
        "remarks": ["Somebody outlived it."],
    }
    turn.tell(Standing("ended", result=result))
    shown = words(learner.get(begun.url))
    assert "Blocks 64 120" in shown
    assert "Preemptions 9 2 −7" in shown
    assert "0 of 61,234 block ids differ." in shown
    assert "Somebody outlived it." in shown
    assert "on average 12.2 12.2 0" in shown
    assert "data-url" not in learner.get(begun.url).content.decode()


def test_while_the_broker_is_away_it_is_looked_at_again(
    learner, engine, tmp_path
) -> None:
    begun = learner.post(f"/lab/whatif/{kept(learner, tmp_path)}/begin/", FORM)
    engine.refusal = EngineUnavailable("away")
    page = learner.get(begun.url)
    assert client.NO_BROKER in html.unescape(page.content.decode())
    assert "data-url" in page.content.decode()


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"num_blocks": "9"}, "9 blocks cannot be rehearsed here: 26 to 131,072 can"),
        (
            {"num_blocks": "many"},
            "Blocks is &#x27;many&#x27;: a whole number is taken.",
        ),
        ({"block_size": "6"}, "multiples of 4 up to 256 can"),
        ({"max_num_seqs": "0"}, "0 seats (max_num_seqs) cannot be rehearsed here"),
        ({"max_num_batched_tokens": "1"}, "8 to 1,048,576 can"),
    ],
)
def test_what_cannot_be_rehearsed_is_told(
    learner, engine, tmp_path, given, sentence
) -> None:
    reference = kept(learner, tmp_path)
    answer = learner.post(f"/lab/whatif/{reference}/begin/", FORM | given)
    assert answer.status_code == 422
    assert sentence in answer.content.decode()
    assert not engine.seconds


def test_an_old_recording_says_why(learner, tmp_path) -> None:
    shown = words(learner.get("/lab/whatif/smollm2-cpu-first/"))
    assert "made before what that needs was written down" in shown
    assert "Go through it again" not in shown


def test_others_see_nothing_of_it(learner, engine, tmp_path) -> None:
    reference = kept(learner, tmp_path)
    begun = learner.post(f"/lab/whatif/{reference}/begin/", FORM)
    other = browser()
    assert other.get(f"/lab/whatif/{reference}/").status_code == 404
    assert other.post(f"/lab/whatif/{reference}/begin/", FORM).status_code == 404
    ticket = begun.url.partition("ticket=")[2].partition("#")[0]
    stolen = other.get(f"/lab/whatif/smollm2-cpu-first/how/?ticket={ticket}")
    assert "not yours" in words(stolen)


def test_without_an_engine_it_says_so(learner, tmp_path) -> None:
    reference = kept(learner, tmp_path)
    with client.transport(FakeEngine()):
        answer = learner.post(f"/lab/whatif/{reference}/begin/", FORM)
    assert answer.status_code == 422
    assert "none is ready" in words(answer)


def test_beside_an_attached_engine_its_host_goes_through_it(
    learner, engine, tmp_path
) -> None:
    engine.hosts = [replace(READY, engine_host_id="attached", reads_only=True)]
    begun = learner.post(
        f"/lab/whatif/{kept(learner, tmp_path)}/begin/", FORM, follow=True
    )
    assert "Go through it again" in words(begun)
    assert engine.queues == ["engine.attached"]
    assert len(engine.seconds) == 1
