"""Engine workers of somebody else's engine: real Celery, real broker."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.attached.host import READS_ONLY
from tests.lab.attached.engines import own_engine
from tests.lab.attached.openai_server import WORDS, openai_server
from tests.lab.engine_workers import Bench, bench_in, frame_groups, new_id

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with bench_in(tmp_path_factory.mktemp("bench")) as bench:
        yield bench


async def test_frames_of_an_attached_engine_reach_the_viewers(
    bench: Bench, tmp_path: Path
) -> None:
    with own_engine(tmp_path / "tap"):
        worker = bench.start_ready("attached", ENGINE_ATTACH=str(tmp_path / "tap"))
        assert bench.status("attached")["reads_only"]
        async with bench.ear(*frame_groups("attached")) as ear:
            await ear.until(lambda m: m["type"] == "lab.frame")
        request_id = new_id()
        bench.send(request_id, queue="engine.attached")
        (report,) = bench.reports(1)
        assert (report.request_id, report.error) == (request_id, READS_ONLY)
        assert worker.end() == 0


def test_the_common_queue_is_left_to_engines_of_the_labs_own(
    bench: Bench, tmp_path: Path
) -> None:
    with openai_server() as server:
        bench.start_ready("addressed", ENGINE_ADDRESS=server.address)
        common, own = new_id(), new_id()
        bench.send(common)
        bench.send(own, queue="engine.addressed", priority=0)
        (report,) = bench.reports(1)
        assert report.request_id == own
        assert report.text.split() == list(WORDS)
        assert bench.redis.llen("engine") == 1
