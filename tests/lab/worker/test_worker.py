"""Engine workers as they run: real Celery, real broker, a replayed engine."""

import asyncio
import json
from collections.abc import Iterator
from itertools import pairwise

import pytest

from tests.lab.engine_workers import (
    Bench,
    EngineWorker,
    bench_in,
    frame_groups,
    new_id,
    request_group,
)

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with bench_in(tmp_path_factory.mktemp("bench")) as bench:
        yield bench


@pytest.fixture(scope="module")
def worker(bench: Bench) -> EngineWorker:
    return bench.start_ready("alone", REPLAY_STEP_S="0.02")


async def test_a_task_is_served_and_its_report_comes_once(
    bench: Bench, worker: EngineWorker
) -> None:
    request_id = new_id()
    async with bench.ear(request_group(request_id), *frame_groups("alone")) as ear:
        bench.send(request_id)
        last = await ear.until_finished(request_id)
    events = [m for m in ear.heard if m["type"] == "request.event"]
    phases = list(dict.fromkeys(event["phase"] for event in events))
    assert phases[0] == "waiting" and phases[-2:] == ["decode", "finished"]
    texts = [event["text"] for event in events if event["phase"] == "decode"]
    assert len(texts) > 3
    assert all(b.startswith(a) for a, b in pairwise(texts))
    (report,) = bench.reports(1)
    assert report.request_id == request_id and report.finish_reason == "length"
    assert report.num_output_tokens == 20 and report.is_recorded
    assert report.text.startswith(texts[-1]) and report.num_blocks > 1
    assert last["report"]["text"] == report.text
    assert any(m["type"] == "lab.frame" for m in ear.heard)
    assert bench.num_reports() == 0


async def test_abort_by_command_ends_a_running_answer(
    bench: Bench, worker: EngineWorker
) -> None:
    request_id = new_id()
    async with bench.ear(request_group(request_id)) as ear:
        bench.send(request_id, max_tokens=500)
        await ear.until(lambda m: m["num_output_tokens"] > 2)
        bench.command("lab_abort", request_id=request_id)
        last = await ear.until_finished(request_id)
    assert last["report"]["finish_reason"] == "aborted"
    (report,) = bench.reports(1)
    assert 2 < report.num_output_tokens < 500
    assert report.text and report.error is None


async def test_an_abort_that_comes_before_its_request_is_remembered(
    bench: Bench, worker: EngineWorker
) -> None:
    request_id = new_id()
    bench.command("lab_abort", request_id=request_id)
    await asyncio.to_thread(bench.has_heard)
    bench.send(request_id)
    (report,) = bench.reports(1)
    assert (report.finish_reason, report.num_output_tokens) == ("aborted", 0)


async def test_a_message_that_is_no_request_is_refused_with_its_sentence(
    bench: Bench, worker: EngineWorker
) -> None:
    request_id = new_id()
    async with bench.ear(request_group(request_id)) as ear:
        bench.send(request_id, messages=[])
        last = await ear.until_finished(request_id)
    (report,) = bench.reports(1)
    assert report.finish_reason == "error"
    assert report.error == last["report"]["error"] == "A request has 1 to 64 messages."


async def test_a_prompt_that_does_not_fit_is_refused_in_the_host_too(
    bench: Bench, worker: EngineWorker
) -> None:
    content = "word " * 2040
    bench.send(new_id(), messages=[{"role": "user", "content": content}])
    (report,) = bench.reports(1)
    assert report.finish_reason == "error"
    assert report.error and "together this engine holds 2,048" in report.error


async def test_a_keyframe_comes_when_it_is_asked_for(
    bench: Bench, worker: EngineWorker
) -> None:
    async with bench.ear(*frame_groups("alone")) as ear:
        bench.command("lab_keyframe")
        frame = await ear.until(lambda m: m["is_keyframe"])
        assert frame["engine_host_id"] == "alone"
        assert frame["engine_run"] == bench.status("alone")["engine_run"]


async def test_a_message_delivered_twice_is_served_once(
    bench: Bench, worker: EngineWorker
) -> None:
    request_id = new_id()
    async with bench.ear(request_group(request_id)) as ear:
        bench.send(request_id)
        await ear.until(lambda m: m["num_output_tokens"] > 2)
        bench.send(request_id)  # as the broker does after a lost connection
        await ear.until_finished(request_id)
        assert await ear.silence(1.0)
    (report,) = bench.reports(1)
    assert report.finish_reason == "length"
    assert bench.num_reports() == 0


async def test_a_worker_outlives_its_connections_and_reports_once(
    bench: Bench, worker: EngineWorker
) -> None:
    request_id = new_id()
    async with bench.ear(request_group(request_id)) as ear:
        bench.send(request_id, max_tokens=30)
        await ear.until(lambda m: m["num_output_tokens"] > 2)
    bench.redis.client_kill_filter(_type="normal", skipme=True)
    (report,) = bench.reports(1)
    assert report.request_id == request_id and report.finish_reason == "length"
    second = new_id()
    bench.send(second)
    (report,) = bench.reports(1)
    assert report.request_id == second and report.finish_reason == "length"
    assert bench.num_reports() == 0


def test_many_at_once_are_all_answered(bench: Bench, worker: EngineWorker) -> None:
    ids = {new_id() for _ in range(12)}
    for request_id in ids:
        bench.send(request_id)
    reports = bench.reports(12)
    assert {report.request_id for report in reports} == ids
    assert {report.finish_reason for report in reports} == {"length"}


def test_the_log_follows_a_request_by_its_id_and_holds_no_text(
    bench: Bench, worker: EngineWorker
) -> None:
    request_id = new_id()
    bench.send(request_id, log_id="page-4711-abc")
    (report,) = bench.reports(1)
    lines = [json.loads(line) for line in worker.log_lines() if "page-4711" in line]
    told = [line["event"] for line in lines if line["logger"] == "lab.engine.in_flight"]
    assert told == ["request accepted", "first token", "finished"]
    assert {line["log_id"] for line in lines} == {"page-4711-abc"}
    assert "A secret question" not in worker.log_text()
    assert report.text not in worker.log_text()
