"""How engine workers begin and end: start, SIGTERM, kill -9, a wrong setting."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.engine_workers import Bench, bench_in, new_id, request_group

pytestmark = pytest.mark.slow

EXPIRES_S = 4
"""Instead of the broker's 300 s and the heartbeat's 15 s."""
QUICK = {"REPLAY_EXPIRES_S": str(EXPIRES_S), "ENGINE_DRAIN_S": "1"}
SLOW_TOKENS = {**QUICK, "REPLAY_STEP_S": "0.5"}
"""An answer takes longer than the grace time."""


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with bench_in(tmp_path) as bench:
        yield bench


async def test_sigterm_lets_a_short_answer_end_and_interrupts_a_long_one(
    bench: Bench,
) -> None:
    worker = bench.start_ready("a", REPLAY_STEP_S="0.5", ENGINE_DRAIN_S="4")
    short, long, refused = new_id(), new_id(), new_id()
    async with bench.ear(request_group(short), request_group(long)) as ear:
        bench.send(short, max_tokens=2)
        bench.send(long, max_tokens=500)
        await ear.until(lambda m: m["num_output_tokens"] > 0)
        await ear.until(
            lambda m: m["request_id"] == long and m["num_output_tokens"] > 0
        )
        bench.send(refused, messages=[])
        bench.wait_for(bench.num_reports, worker)
        assert worker.end() == 0
        assert bench.status("a")["state"] == "stopped"
        last = await ear.until_finished(long)
    reports = {report.request_id: report for report in bench.reports(3)}
    assert reports[short].finish_reason == "length"
    assert reports[refused].finish_reason == "error"
    assert reports[long].finish_reason == "interrupted"
    assert reports[long].text and reports[long].num_output_tokens >= 1
    sentence = "The engine host stopped while it answered: ask again."
    assert reports[long].error == last["report"]["error"] == sentence
    assert not bench.redis.keys("lab:life:*")
    assert "Traceback" not in worker.log_text()


async def test_sigterm_leaves_waiting_messages_to_the_next_host(bench: Bench) -> None:
    first = bench.start_ready("a", **SLOW_TOKENS, ENGINE_MAX_CONCURRENT_REQUESTS="1")
    ids = [new_id() for _ in range(20)]  # 16 threads: the rest stays in the queue
    for request_id in ids:
        bench.send(request_id, max_tokens=400)
    bench.wait_for(lambda: bench.status("a").get("num_requests") == 16, first)
    assert first.end() == 0
    assert {r.finish_reason for r in bench.reports(16)} == {"interrupted"}
    bench.start_ready("b", **QUICK)
    assert {r.finish_reason for r in bench.reports(4)} == {"length"}


async def test_after_kill_9_the_question_ends_interrupted_and_is_not_answered_twice(
    bench: Bench,
) -> None:
    first = bench.start_ready("a", **SLOW_TOKENS)
    request_id = new_id()
    async with bench.ear(request_group(request_id)) as ear:
        bench.send(request_id, max_tokens=500)
        await ear.until(lambda m: m["num_output_tokens"] > 0)
        first.kill()
        assert bench.num_reports() == 0
        ear.heard.clear()
        bench.start_ready("a", **QUICK)  # the same host, another life
        last = await ear.until_finished(request_id)
        bench.wait_for(lambda: not bench.redis.hlen("unacked"))  # delivered again
        assert await ear.silence(1.0)
    assert last["report"]["finish_reason"] == "interrupted"
    assert last["report"]["error"].endswith("ask again.")
    assert [m["phase"] for m in ear.heard] == ["finished"], "not streamed again"
    (report,) = bench.reports(1)
    assert report.finish_reason == "interrupted" and report.text == ""
    assert bench.num_reports() == 0


async def test_a_host_that_died_is_told_by_another_when_its_message_comes_again(
    bench: Bench,
) -> None:
    first = bench.start_ready("a", **SLOW_TOKENS)
    request_id = new_id()
    async with bench.ear(request_group(request_id)) as ear:
        bench.send(request_id, max_tokens=500)
        await ear.until(lambda m: m["num_output_tokens"] > 0)
        first.kill()
        bench.start_ready("b", **QUICK)
        last = await ear.until_finished(request_id)
    assert last["engine_host_id"] == "b"
    (report,) = bench.reports(1)
    assert report.finish_reason == "interrupted"


async def test_a_restarted_host_tells_at_once_what_it_left_behind(
    bench: Bench,
) -> None:
    """The broker would deliver the message again after its usual 300 s."""
    first = bench.start_ready("a", REPLAY_STEP_S="0.5", REPLAY_LIFE_S="3")
    request_id = new_id()
    async with bench.ear(request_group(request_id)) as ear:
        bench.send(request_id, max_tokens=500)
        await ear.until(lambda m: m["num_output_tokens"] > 0)
        first.kill()
        bench.start_ready("a", REPLAY_LIFE_S="3")
        last = await ear.until_finished(request_id)
    assert last["report"]["finish_reason"] == "interrupted"
    assert bench.redis.hlen("unacked") == 1, "not delivered again yet"
    (report,) = bench.reports(1)
    assert report.request_id == request_id


async def test_redis_may_go_away_while_an_answer_is_made(bench: Bench) -> None:
    worker = bench.start_ready("a", REPLAY_STEP_S="0.1")
    first, second = new_id(), new_id()
    async with bench.ear(request_group(first)) as ear:
        bench.send(first, max_tokens=20)
        await ear.until(lambda m: m["num_output_tokens"] > 0)
    bench.server.stop()
    bench.wait_for(lambda: '"finished"' in worker.log_text(), worker)
    bench.server.start()
    (report,) = bench.reports(1)
    assert report.request_id == first and report.finish_reason == "length"
    bench.send(second)
    (report,) = bench.reports(1)
    assert report.request_id == second and report.finish_reason == "length"
    bench.wait_for(lambda: bench.status("a").get("state") == "ready", worker)
    assert worker.end() == 0


async def test_an_abort_ends_a_question_that_waits_for_the_engine(bench: Bench) -> None:
    request_id = new_id()
    async with bench.ear(request_group(request_id)) as ear:
        bench.send(request_id)
        worker = bench.start("a", REPLAY_START_S="60")
        event = await ear.until(lambda m: m["phase"] == "engine_starting")
        assert event["engine_host_id"] == "a"
        bench.command("lab_abort", request_id=request_id)
        last = await ear.until_finished(request_id)
    assert last["report"]["finish_reason"] == "aborted"
    assert bench.status("a")["state"] == "starting"
    assert worker.process.poll() is None


def test_a_wrong_setting_stops_the_start_with_its_name_and_what_is_allowed(
    bench: Bench,
) -> None:
    worker = bench.start("a", ENGINE_MAX_CONCURRENT_REQUESTS="many")
    assert worker.process.wait(120) != 0
    assert (
        "ENGINE_MAX_CONCURRENT_REQUESTS is 'many': allowed is a whole number from 1 to "
        "4096." in worker.log_text()
    )
