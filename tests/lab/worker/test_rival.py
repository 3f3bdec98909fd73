"""Plain Transformers beside the main engine: an answer, or a sentence."""

import json
from typing import Any

import pytest

from lab.second.line import STATE_KEY, TICKET_KEY, TURN_KEY
from tests.lab.engine_workers import Bench, bench_in, new_id

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    with bench_in(tmp_path_factory.mktemp("rival")) as bench:
        bench.start_ready("main", ENGINE_SECOND_TIME_S="4")
        yield bench


def ask(bench: Bench, **asked: Any) -> dict[str, Any]:
    """How it ended."""
    ticket, settings = new_id(), {"chats": [[]], "dtype": "float32", **asked}
    bench.redis.set(TICKET_KEY + ticket, json.dumps({"learner_id": "anna"}), ex=600)
    bench.redis.set(TURN_KEY, ticket, ex=300)
    payload = {"ticket": ticket, "settings": settings}
    bench.celery.send_task(
        "lab.plain_transformers", kwargs={"payload": payload}, queue="engine"
    )

    def ended() -> dict[str, Any] | None:
        found = json.loads(bench.redis.get(STATE_KEY + ticket) or "{}")
        return found if found.get("state") == "ended" else None

    return bench.wait_for(ended)


def test_it_answers_in_a_process_of_its_own(bench):
    found = ask(bench, chats=[[], []])
    assert found["result"]["one_by_one"]["seconds"] == 2.0
    bench.wait_for(lambda: not bench.redis.exists(TURN_KEY))


def test_one_that_breaks_or_takes_too_long_ends_with_a_sentence(bench):
    assert "ended by itself" in ask(bench, dtype="none")["reason"]
    assert "4 s" in ask(bench, chats=[])["reason"]
    assert bench.status("main")["state"] == "ready"
