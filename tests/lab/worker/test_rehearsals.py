"""A rehearsal in a process of its own beside the engine: a result, or a sentence."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from lab.second.line import STATE_KEY, TICKET_KEY, TURN_KEY
from tests.lab.engine_workers import Bench, bench_in, new_id
from tests.lab.rehearsal.made_recordings import SETTINGS, Engine, traffic
from tests.lab.rehearsal.test_whatif_command import write

pytestmark = [pytest.mark.slow, pytest.mark.engine]


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    with bench_in(tmp_path_factory.mktemp("rehearsals")) as bench:
        bench.start_ready("main", ENGINE_SECOND_TIME_S="200")
        yield bench


@pytest.fixture(scope="module")
def file(tmp_path_factory) -> bytes:
    path = tmp_path_factory.mktemp("made") / "made.svlr"
    return Path(write(Engine(SETTINGS, traffic(3, 120)).record(200), path)).read_bytes()


def ask(bench: Bench, file: bytes, **what_if: Any) -> dict[str, Any]:
    """How it ended."""
    ticket = new_id()
    settings = {
        "file": base64.b64encode(file).decode(),
        "what_if": {
            "num_blocks": None, "block_size": None, "max_num_seqs": None,
            "max_num_batched_tokens": None, "has_prefix_caching": None, **what_if,
        },
    }  # fmt: skip
    bench.redis.set(TICKET_KEY + ticket, json.dumps({"learner_id": "anna"}), ex=300)
    bench.redis.set(TURN_KEY, ticket, ex=300)
    payload = {"ticket": ticket, "settings": settings}
    bench.celery.send_task("lab.rehearsal", kwargs={"payload": payload}, queue="engine")

    def ended() -> dict[str, Any] | None:
        found = json.loads(bench.redis.get(STATE_KEY + ticket) or "{}")
        return found if found.get("state") in ("ended", "refused") else None

    return bench.wait_for(ended, timeout_s=150)


def test_the_result_comes_back_and_the_turn_is_free(bench, file):
    found = ask(bench, file, num_blocks=120)
    assert found["result"]["check"]["num_differing"] == 0
    assert found["result"]["wanted"]["num_blocks"] == 120
    bench.wait_for(lambda: not bench.redis.exists(TURN_KEY))


def test_what_cannot_be_rehearsed_ends_with_a_sentence(bench, file):
    assert "9 blocks cannot be rehearsed" in ask(bench, file, num_blocks=9)["reason"]
    assert "damaged" in ask(bench, file[:-40] + b"x" * 40)["reason"]
    assert "no recording in this message" in ask(bench, b"")["reason"]
