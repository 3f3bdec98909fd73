"""What benches send straight to an engine host."""

import asyncio

import pytest

from benchmarks.engine_worker import serve_at_once
from lab.engine.host import EngineHost
from tests.lab.engine_host import question

pytestmark = pytest.mark.engine


def test_all_prompts_are_served_in_as_many_queues(host: EngineHost) -> None:
    asked = [question(f"direct-{number}", "Say hello.", 4) for number in range(5)]
    served = asyncio.run_coroutine_threadsafe(
        serve_at_once(host, asked, 2), host.loop
    ).result(240)
    assert sorted(report.request_id for report in served) == [
        f"direct-{number}" for number in range(5)
    ]
    assert all(report.num_output_tokens and not report.error for report in served)
