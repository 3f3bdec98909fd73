"""What course staff can do to a real engine: empty cache and queue, start again."""

import pytest

from lab.engine.host import EngineHost
from tests.lab.engine_host import READY_TIMEOUT_S, Listener, question

pytestmark = pytest.mark.engine

TEXT = "The engine cuts the memory for keys and values into blocks of equal size. " * 8


def _begun(listener: Listener, request_id: str) -> bool:
    return any(
        e.request_id == request_id and e.num_output_tokens for e in listener.events
    )


def test_the_prefix_cache_is_emptied_unless_blocks_are_in_use(
    host: EngineHost, listener: Listener
) -> None:
    first = host.submit(question("first", TEXT, 4)).result(240)
    again = host.submit(question("again", TEXT, 4)).result(240)
    assert first.num_cached_tokens == 0 < again.num_cached_tokens
    runs = host.submit(question("runs", "Tell me all.", 200, ignore_eos=True))
    listener.wait_for(lambda: _begun(listener, "runs"))
    assert host.reset_prefix_cache().result(240) is False, "vLLM refuses"
    assert runs.result(240).finish_reason == "length"
    assert host.reset_prefix_cache().result(240) is True
    after = host.submit(question("after", TEXT, 4)).result(240)
    assert after.num_cached_tokens == 0, "nothing was left of it"


def test_the_queue_is_cleared_and_what_runs_goes_on(
    host: EngineHost, listener: Listener
) -> None:
    running = [
        host.submit(question(f"long-{i}", "Tell me all.", 120, ignore_eos=True))
        for i in range(host.config.max_concurrent_requests)
    ]
    listener.wait_for(lambda: all(_begun(listener, f"long-{i}") for i in range(4)))
    waiting = [host.submit(question(f"waits-{i}", f"Why {i}?", 5)) for i in range(3)]
    listener.wait_for(lambda: listener.mirror and len(listener.mirror.waiting) == 3)
    host.clear_queue([])
    for future in waiting:
        report = future.result(240)
        assert report.finish_reason == "interrupted"
        assert report.error and "cleared the queue" in report.error
    assert {one.result(240).num_output_tokens for one in running} == {120}


def test_a_restart_ends_what_is_under_way_with_its_reason_and_serves_again(
    host: EngineHost, listener: Listener
) -> None:
    first_run = host.status.engine_run
    runs = host.submit(question("ends", "Tell me all.", 200, ignore_eos=True))
    listener.wait_for(lambda: _begun(listener, "ends"))
    host.restart("A teacher starts it again. Ask again.")
    report = runs.result(240)
    assert report.finish_reason == "interrupted"
    assert report.error == "A teacher starts it again. Ask again."
    listener.wait_for(lambda: host.status.engine_run > first_run, READY_TIMEOUT_S)
    answer = host.submit(question("later", "Say hello.", 5)).result(READY_TIMEOUT_S)
    assert answer.finish_reason in {"stop", "length"}
    assert host.status.engine_run > first_run and host.status.state == "ready"
