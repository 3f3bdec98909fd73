"""From submit() through broker, engine worker and default worker into the database,
and ``manage.py record`` beside it: real processes, a replayed engine."""

import asyncio
import json
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.engine.config import PROJECT_DIR
from lab.receipts.custody import held_key
from lab.recordings.reader import read_recording
from lab.tracing.mirror import PoolMirror
from lab.tracing.trace import TraceKind, decode
from tests.lab.engine_workers import (
    Bench,
    EngineWorker,
    bench_in,
    new_id,
    request_group,
)
from tests.lab.replay_engine import GHOSTS

SUBMIT = """
import django; django.setup()
from lab import client
from lab.messages import Generation
generation = Generation([{"role": "user", "content": "A secret question"}], 20)
print(client.submit(generation, learner_id="anna", purpose="demo", log_id="page-77777"))
"""

KEEP = """
import django; django.setup()
from lab import client
from lab.models import KeptRecording
one = {"recording_id": "5" * 32, "state": "recording", "engine_host_id": "a"}
if "%(action)s" == "start":
    KeptRecording.begin("anna", title="lunch", **one)
print(client.keep("a", "%(action)s", "5" * 32)["state"])
"""

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with bench_in(tmp_path_factory.mktemp("way")) as bench:
        yield bench


@pytest.fixture(scope="module")
def worker(bench: Bench) -> EngineWorker:
    return bench.start_ready("a", REPLAY_STEP_S="0.02")


@pytest.fixture
def default_worker(bench: Bench) -> Iterator[Path]:
    """The worker with the database; gives the path of its log."""
    migration = bench.run("manage.py", "migrate", "--verbosity", "0")
    assert migration.wait(200) == 0
    log = bench.directory / "default.log"
    command = "-m celery -A config worker -Q default -P solo -n default@x"
    with log.open("w") as file:
        process = subprocess.Popen(
            [sys.executable, *command.split()],
            cwd=PROJECT_DIR,
            env=bench.environment(),
            stdout=file,
            stderr=file,
        )
    yield log
    process.terminate()
    process.wait(120)


def test_a_report_lands_in_the_database_and_the_id_is_in_every_log(
    bench: Bench, worker: EngineWorker, default_worker: Path
) -> None:
    submitted = bench.run("-c", SUBMIT)
    assert submitted.stdout is not None
    request_id = submitted.stdout.read().split()[-1]

    def row() -> tuple[str, str, str]:
        with sqlite3.connect(bench.directory / "database.sqlite3") as database:
            found: tuple[str, str, str] = database.execute(
                "SELECT learner_id, finish_reason, report FROM lab_enginerequest "
                "WHERE request_id = ?",
                [request_id],
            ).fetchone()
        return found

    bench.wait_for(lambda: row()[1])
    learner_id, finish_reason, report = row()
    assert (learner_id, finish_reason) == ("anna", "length")
    numbers = json.loads(report)
    assert numbers["num_output_tokens"] == 20 and numbers["is_recorded"]
    assert "text" not in numbers and "secret" not in report
    assert any(
        '"page-77777"' in line and '"finished"' in line for line in worker.log_lines()
    )
    assert "secret" not in worker.log_text() + default_worker.read_text()


def test_a_recording_of_a_running_host_holds_its_traces_and_no_text(
    bench: Bench, worker: EngineWorker
) -> None:
    command = ("manage.py", "record", "--seconds", "2", "--out", "lunch")
    recording = bench.run(*command, "--traffic", "three questions")
    path = bench.directory / "a" / "recordings" / "lunch.svlr"
    part = path.with_name("lunch.svlr.part")
    bench.wait_for(lambda: part.exists() or recording.poll() is not None, worker)
    refused = bench.run(*command[:-1], "dinner")
    assert refused.stdout is not None and recording.stdout is not None
    assert "lunch.svlr is being recorded" in refused.stdout.read()
    assert refused.wait(120) != 0
    ids = [new_id() for _ in range(3)]
    for request_id in ids:  # an idle engine takes no step: it begins now
        bench.send(request_id, max_tokens=400)
    assert recording.wait(200) == 0, recording.stdout.read()
    for request_id in ids:
        bench.command("lab_abort", request_id=request_id)
    reports = [r for r in bench.reports(3) if r.request_id in ids]

    found = read_recording(path)

    assert found.header.engine_host_id == "a" and found.header.num_blocks == 364
    assert found.header.traffic == "three questions"
    kinds = [decode(record).header.kind for record in found.records]
    assert kinds[0] is TraceKind.SNAPSHOT and TraceKind.SCHEDULE in kinds
    sequences = [decode(record).header.sequence for record in found.records]
    assert sequences == list(range(sequences[0], sequences[0] + len(sequences)))
    assert found.samples and {s.engine_host_id for s in found.samples} == {"a"}
    assert found.duration_s > 1
    content = path.read_bytes()
    assert all(request_id.encode() not in content for request_id in ids)
    assert reports and b"secret" not in content


async def sent_and_ended(bench: Bench, request_id: str) -> None:
    """Heard as the page hears it: the default worker takes the report."""
    async with bench.ear(request_group(request_id)) as ear:
        bench.send(request_id, max_tokens=60)
        await ear.until_finished(request_id)


def test_a_learners_recording_comes_from_the_host_to_the_storage(
    bench: Bench, worker: EngineWorker, default_worker: Path
) -> None:
    def told(action: str) -> str:
        process = bench.run("-c", KEEP % {"action": action})
        assert process.stdout is not None
        return process.stdout.read().split()[-1]

    def row() -> tuple[str, float, int]:
        with sqlite3.connect(bench.directory / "database.sqlite3") as database:
            found: tuple[str, float, int] = database.execute(
                "SELECT state, duration_s, num_bytes FROM lab_keptrecording"
            ).fetchone()
        return found

    assert told("start") == "waiting"
    key = held_key("recording", "5" * 32)
    bench.wait_for(lambda: bench.redis.exists(key), worker)
    request_id = new_id()
    asyncio.run(sent_and_ended(bench, request_id))
    assert told("stop") in ("recording", "writing", "done", "idle")

    bench.wait_for(lambda: row()[0] == "kept")
    (kept,) = bench.directory.glob(f"**/kept-recordings/{'5' * 32}.svlr")
    found = read_recording(kept)
    assert found.header.engine_host_id == "a"
    assert row()[2] == kept.stat().st_size and row()[1] > 0.5
    assert request_id.encode() not in kept.read_bytes()
    assert kept.with_suffix(".frames").read_bytes().startswith(b"SVLP")
    assert list(worker.log.parent.glob("a/recordings/under-way-a/*")) == []


def test_only_a_host_that_is_there_can_be_recorded(
    bench: Bench, worker: EngineWorker
) -> None:
    command = ("manage.py", "record", "--seconds", "1", "--out", "x", "--host", "z")
    process = bench.run(*command)
    assert process.stdout is not None
    assert "No engine host 'z': there are ['a']" in process.stdout.read()
    assert process.wait(120) != 0


def test_a_kind_of_traffic_is_sent_and_recorded_to_its_end(
    bench: Bench, worker: EngineWorker, default_worker: Path
) -> None:
    options = ("--requests", "4", "--seconds", "2", "--out", "shared")
    process = bench.run("manage.py", "recordtraffic", "prefix", *options)
    assert process.stdout is not None
    assert process.wait(200) == 0, process.stdout.read()
    path = bench.directory / "a" / "recordings" / "shared.svlr"
    assert process.stdout.read().splitlines()[-1].startswith(f"{path}: ")
    found = read_recording(path)
    assert found.header.traffic == "One long beginning that all requests share"
    mirror = PoolMirror(found.header.num_blocks, found.header.block_size)
    for trace in found.traces():
        mirror.apply(trace)
    assert [one for one in mirror.requests if one < GHOSTS] == [], "all have ended"


def test_an_experiment_is_run_and_recorded_by_a_command(
    bench: Bench, worker: EngineWorker, default_worker: Path
) -> None:
    process = bench.run("manage.py", "recordexperiments", "full-house", "structured")
    assert process.stdout is not None
    said = process.stdout.read()
    assert process.wait(240) == 0, said
    for name in ("full-house", "structured"):
        made = (bench.directory / "a" / "recordings").glob(f"*-{name}-2*.svlr")
        (path,) = made
        assert str(path) in said
        found = read_recording(path)
        assert found.header.traffic.startswith("Experiment: ")
        assert found.duration_s > 1
    with sqlite3.connect(bench.directory / "database.sqlite3") as database:
        runs = database.execute("SELECT count(*) FROM lab_experimentrun").fetchone()
    assert runs == (0,), "who ran them has left"
