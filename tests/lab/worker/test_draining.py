"""SIGTERM to an engine host: it takes no more and ends what it has; others go on."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.engine_workers import Bench, bench_in, new_id, request_group

pytestmark = pytest.mark.slow


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with bench_in(tmp_path) as bench:
        yield bench


async def test_a_host_that_drains_ends_what_it_has_and_another_takes_the_rest(
    bench: Bench,
) -> None:
    """Of three requests the first host has two; its answers take about eight seconds,
    more than it had before it aborted them."""
    slow = {"REPLAY_STEP_S": "0.4", "ENGINE_DRAIN_S": "60"}
    first = bench.start_ready("a", threads=2, **slow)
    held, waiting = [new_id(), new_id()], new_id()
    async with bench.ear(*map(request_group, held)) as ear:
        for request_id in held:
            bench.send(request_id, max_tokens=40)
        for request_id in held:
            await ear.until(lambda m, i=request_id: m["request_id"] == i)
        bench.send(waiting, max_tokens=2)
        first.signal(signal.SIGTERM)
        bench.wait_for(lambda: bench.status("a").get("state") == "draining", first)
        assert "takes no more" in bench.status("a")["reason"]
        bench.start_ready("b", ENGINE_DRAIN_S="1")
        later = new_id()
        bench.send(later, max_tokens=2)
        assert first.process.wait(150) == 0
    reports = {report.request_id: report for report in bench.reports(4)}
    assert {reports[one].engine_host_id for one in held} == {"a"}
    assert {reports[one].finish_reason for one in held} == {"length"}
    for one in (waiting, later):
        assert reports[one].engine_host_id == "b"
        assert reports[one].finish_reason == "length"
    assert bench.status("a")["state"] == "stopped"
    assert "Traceback" not in first.log_text()
