"""A second engine's process: beside the main one, and gone when it has to be."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lab.messages import queue_of
from lab.second.line import STATE_KEY, TICKET_KEY, TURN_KEY
from lab.worker import process_group
from lab.worker.beside import LEFT
from lab.worker.process_group import members
from tests.lab.engine_workers import Bench, EngineWorker, bench_in, new_id

pytestmark = pytest.mark.slow


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with bench_in(tmp_path) as bench:
        yield bench


def ask(bench: Bench, **settings: Any) -> str:
    """What a web process does when it is a ticket's turn."""
    ticket = new_id()
    told = {"learner_id": "anna", "settings": settings}
    bench.redis.set(TICKET_KEY + ticket, json.dumps(told), ex=600)
    bench.redis.set(TURN_KEY, ticket, ex=300)
    payload = {"ticket": ticket, "settings": settings}
    bench.celery.send_task(
        "lab.second_engine", kwargs={"payload": payload}, queue="engine"
    )
    return ticket


def standing(bench: Bench, ticket: str) -> dict[str, Any]:
    text = bench.redis.get(STATE_KEY + ticket)
    return json.loads(text) if text else {}


def group_of(bench: Bench, name: str) -> int:
    record = bench.directory / name / "second_engine.json"
    return json.loads(record.read_text())["group"]


def start(bench: Bench, name: str, **variables: str) -> tuple[EngineWorker, str]:
    """A main worker and a second engine beside it, both ready."""
    worker = bench.start_ready(name, **variables)
    ticket = ask(bench, num_blocks=64)
    bench.wait_for(lambda: standing(bench, ticket).get("state") == "ready", worker)
    return worker, ticket


def test_it_serves_its_own_queue_under_its_own_name_until_its_learner_leaves(bench):
    name = f"main-{new_id()[:8]}"
    worker, ticket = start(bench, name)
    found = standing(bench, ticket)
    assert found["engine_host_id"] == f"{name}-second" and found["ends_at"]
    status = bench.status(f"{name}-second")
    assert (status["state"], status["beside"]) == ("ready", name)
    assert bench.status(name)["beside"] == ""
    group = group_of(bench, name)
    [process] = members(group)
    assert process.nice() == 10
    request_id = new_id()
    payload = {
        "request_id": request_id, "log_id": request_id, "max_tokens": 5,
        "messages": [{"role": "user", "content": "why"}],
    }  # fmt: skip
    bench.celery.send_task(
        "lab.generate",
        kwargs={"payload": payload},
        queue=queue_of(f"{name}-second"),
    )
    [report] = bench.reports(1)
    assert (report.engine_host_id, report.finish_reason) == (f"{name}-second", "length")
    bench.redis.delete(TICKET_KEY + ticket)  # its learner leaves
    bench.wait_for(lambda: standing(bench, ticket)["state"] == "ended", worker)
    assert standing(bench, ticket)["reason"] == LEFT
    bench.wait_for(lambda: not bench.redis.exists(TURN_KEY), worker)
    assert members(group) == [] and bench.status(f"{name}-second") == {}
    assert bench.status(name)["state"] == "ready"


def test_nothing_is_left_of_it_when_the_main_worker_is_killed(bench):
    name = f"main-{new_id()[:8]}"
    worker, _ = start(bench, name)
    group = group_of(bench, name)
    assert len(members(group)) == 1
    worker.kill()
    bench.wait_for(lambda: members(group) == [])
    assert 0 < bench.redis.ttl(TURN_KEY) <= 20  # the next in the line waits no longer


def test_it_ends_with_the_main_worker(bench):
    name = f"main-{new_id()[:8]}"
    worker, ticket = start(bench, name)
    group = group_of(bench, name)
    worker.signal(signal.SIGTERM)
    assert worker.process.wait(120) == 0
    assert members(group) == []
    assert "main engine" in standing(bench, ticket)["reason"]


def test_its_time_is_up(bench):
    name = f"main-{new_id()[:8]}"
    worker = bench.start_ready(name, ENGINE_SECOND_TIME_S="2")
    ticket = ask(bench)
    bench.wait_for(lambda: standing(bench, ticket).get("state") == "ended", worker)
    assert "2 s" in standing(bench, ticket)["reason"]
    bench.wait_for(lambda: not bench.redis.exists(TURN_KEY), worker)
    assert not (bench.directory / name / "second_engine.json").exists()


def test_a_process_that_dies_is_told_and_what_it_held_ends(bench):
    name = f"main-{new_id()[:8]}"
    worker, ticket = start(bench, name)
    members(group_of(bench, name))[0].kill()
    bench.wait_for(lambda: standing(bench, ticket).get("state") == "ended", worker)
    assert "ended by itself" in standing(bench, ticket)["reason"]


def test_without_room_or_with_wrong_settings_it_is_refused_in_a_sentence(bench):
    name = f"main-{new_id()[:8]}"
    worker = bench.start_ready(name, ENGINE_SECOND_MEMORY_MB="4000000")
    for settings, words in (
        ({}, "MiB"),
        ({"num_blocks": 1}, "num_blocks"),
        ({"model": "shape:none"}, "ENGINE_MODEL"),
    ):
        ticket = ask(bench, **settings)
        bench.wait_for(
            lambda t=ticket: standing(bench, t).get("state") == "refused", worker
        )
        assert words in standing(bench, ticket)["reason"]


def test_what_two_killed_processes_left_ends_with_the_next_start(bench):
    """The engine process outlives both: nobody was there to end it."""
    name = f"main-{new_id()[:8]}"
    command = [sys.executable, "-c", "import time; time.sleep(300)"]
    left = subprocess.Popen(command, start_new_session=True)
    data = bench.directory / name
    data.mkdir()
    process_group.record(data / "second_engine.json", left.pid)
    bench.start_ready(name)
    assert left.wait(120) == -signal.SIGKILL


def test_a_group_whose_number_was_anothers_before_is_left_alone(tmp_path):
    command = [sys.executable, "-c", "import time; time.sleep(300)"]
    other = subprocess.Popen(command, start_new_session=True)
    path = tmp_path / "second_engine.json"
    path.write_text(json.dumps({"group": other.pid, "at": time.time() + 60}))
    process_group.end_recorded(path)
    assert other.poll() is None and not path.exists()
    other.kill()
    other.wait()
