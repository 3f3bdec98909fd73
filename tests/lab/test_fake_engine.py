"""The fake engine tells what a real one told: the recording it plays."""

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from channels.layers import get_channel_layer

from lab.messages import RequestReport, request_group
from tests.lab.fake_engine import EVENTS, HOST, REPORT, FakeEngine, finished

PHASES = ["waiting", "prefill", "decode"]


@pytest.fixture(autouse=True)
def in_memory_channels(settings: Any) -> None:
    settings.CHANNEL_LAYERS = {
        "default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}
    }


def test_the_recording_says_what_it_was_made_with() -> None:
    path = Path(__file__).parents[1] / "data" / "request.json"
    about = json.loads(path.read_text())["about"]
    assert about["made_by"] == "tests/data/record_request.py"
    assert about["device"] and about["machine"] and about["date"]
    assert {"vllm", "torch", "python"} <= about["versions"].keys()


def test_the_recorded_request_waited_read_a_cached_prompt_and_answered() -> None:
    assert list(dict.fromkeys(event.phase for event in EVENTS)) == PHASES
    assert any(event.place for event in EVENTS)
    told = [event for event in EVENTS if event.phase == "decode"]
    assert all(b.text.startswith(a.text) for a, b in pairwise(told))
    assert REPORT.text.startswith(told[-1].text)
    assert 0 < REPORT.num_cached_tokens < REPORT.num_prompt_tokens
    assert REPORT.num_blocks_shared and REPORT.num_blocks > REPORT.num_blocks_shared
    assert REPORT.queue_s and REPORT.ttft_s and REPORT.e2el_s
    assert REPORT.queue_s < REPORT.ttft_s < REPORT.e2el_s
    assert not REPORT.is_recorded, "an engine ran"


async def test_it_is_played_in_order_under_the_requests_own_id() -> None:
    layer = get_channel_layer()
    channel = await layer.new_channel()
    await layer.group_add(request_group("mine"), channel)
    await FakeEngine().play_all("mine")
    heard = [await layer.receive(channel) for _ in range(len(EVENTS) + 1)]
    assert {message["request_id"] for message in heard} == {"mine"}
    assert {message["engine_host_id"] for message in heard} == {HOST}
    assert list(dict.fromkeys(m["phase"] for m in heard)) == [*PHASES, "finished"]
    report = RequestReport.from_json(heard[-1]["report"])
    assert report == finished("mine", REPORT.text)


def test_a_test_overrides_single_figures() -> None:
    report = finished("mine", "So.", num_blocks=99)
    assert (report.num_blocks, report.text) == (99, "So.")
    assert report.num_cached_tokens == REPORT.num_cached_tokens
