"""What course staff can do to a real engine: empty cache and queue, start again."""

from collections.abc import Iterator

import pytest

from lab.engine.host import EngineHost
from tests.lab import engine_host
from tests.lab.engine_host import Listener, question

pytestmark = pytest.mark.engine

TEXT = "The engine cuts the memory for keys and values into blocks of equal size. " * 8


@pytest.fixture(scope="module")
def listener() -> Listener:
    return Listener()


@pytest.fixture(scope="module")
def host(listener: Listener) -> Iterator[EngineHost]:
    host = engine_host.start(listener, max_concurrent_requests=1)
    yield host
    host.stop()


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
    runs = host.submit(question("runs", "Tell me all.", 100, ignore_eos=True))
    listener.wait_for(lambda: _begun(listener, "runs"))
    assert host.reset_prefix_cache().result(240) is False, "vLLM refuses"
    assert runs.result(240).finish_reason == "length"
    assert host.reset_prefix_cache().result(240) is True
    after = host.submit(question("after", TEXT, 4)).result(240)
    assert after.num_cached_tokens == 0, "nothing was left of it"


def test_the_queue_is_cleared_and_what_runs_goes_on(
    host: EngineHost, listener: Listener
) -> None:
    runs = host.submit(question("long", "Tell me all.", 60, ignore_eos=True))
    listener.wait_for(lambda: _begun(listener, "long"))
    waiting = [host.submit(question(f"waits-{i}", f"Why {i}?", 5)) for i in range(3)]
    listener.wait_for(lambda: listener.mirror and len(listener.mirror.waiting) == 3)
    host.clear_queue([])
    for future in waiting:
        report = future.result(240)
        assert report.finish_reason == "interrupted"
        assert report.error and "cleared the queue" in report.error
    assert runs.result(240).num_output_tokens == 60


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
    answer = host.submit(question("later", "Say hello.", 5)).result(240)
    assert answer.finish_reason in {"stop", "length"}
    assert host.status.engine_run > first_run and host.status.state == "ready"
