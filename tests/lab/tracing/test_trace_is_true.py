"""What the trace tells is what vLLM's block pool holds, at every emission."""

import json
from pathlib import Path

import pytest

from lab.tracing.mirror import RequestMirror
from tests.lab import engine_host
from tests.lab.checked_host import checked_host
from tests.lab.engine_host import Listener, question

pytestmark = pytest.mark.engine

PREFIX = "A block holds the keys and values of a fixed number of tokens. " * 9


def test_every_record_of_real_traffic_equals_the_block_pool(tmp_path: Path) -> None:
    report_path = tmp_path / "report.json"

    listener = Listener()
    host = engine_host.start(
        listener,
        checked_host(report_path),
        max_model_len=512,
        num_blocks=72,
        max_concurrent_requests=16,
        request_deadline_s=240,  # a busy machine takes its time
    )
    try:
        _shared_prefixes(host)
        _preempting_crowd_with_aborts(host, listener)
        _lapped_reader(host)
    finally:
        host.stop()
    report = json.loads(report_path.read_text())
    assert report["mismatches"] == []
    assert report["blocks"] >= 50_000
    assert report["owners"] >= 5_000
    assert report["preemptions"] >= 3
    assert report["evictions"] >= 50
    assert report["hit_tokens"] >= 256
    assert report["shared"] >= 100
    assert report["snapshots"] >= 2
    assert report["steady"] >= 100


def _shared_prefixes(host: engine_host.EngineHost) -> None:
    host.submit(question("first", PREFIX + "Why?", 8)).result()
    together = [
        host.submit(question(f"same-{i}", f"{PREFIX}Why {i}?", 48, ignore_eos=True))
        for i in range(6)
    ]
    reports = [future.result() for future in together]
    assert all(report.num_cached_tokens >= 96 for report in reports)


def _preempting_crowd_with_aborts(
    host: engine_host.EngineHost, listener: Listener
) -> None:
    crowd = [
        host.submit(
            question(
                f"crowd-{i}",
                f"Number {i}. {PREFIX[: 40 * i]}",
                220,
                ignore_eos=True,
                priority=i % 3,
            )
        )
        for i in range(22)
    ]
    listener.wait_for(lambda: any(r.num_preemptions for r in _mirrored(listener)), 60)
    host.abort("crowd-3")  # running
    host.abort("crowd-20")  # waiting
    reports = [future.result() for future in crowd]
    assert [r.finish_reason for r in reports].count("aborted") == 2


def _mirrored(listener: Listener) -> list[RequestMirror]:
    return list(listener.mirror.requests.values()) if listener.mirror else []


def _lapped_reader(host: engine_host.EngineHost) -> None:
    """A reader that lost the thread gets a snapshot in the middle of traffic."""
    running = host.submit(question("last", PREFIX + "And now?", 60, ignore_eos=True))
    assert host.run is not None
    host.run.tap.ask_snapshot()
    report = running.result()
    assert report.finish_reason == "length", report.error
