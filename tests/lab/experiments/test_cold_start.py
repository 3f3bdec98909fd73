"""Cold start: a second engine from nothing, with phases that add up."""

import asyncio
import os
import re
import time
import uuid
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from lab import client as lab_client
from lab.engine.config import EngineConfig
from lab.experiments import cold_start
from lab.experiments.bench import Bench, RunEnded, RunRefused
from lab.experiments.cold_start import COLD_START, Start, outcome
from lab.messages import (
    EngineStatus,
    Generation,
    NapTiming,
    PhaseTiming,
    RequestEvent,
)
from lab.second import line as line_module
from launcher.engine_environment import engine_variables
from launcher.machine import this_machine
from tests.lab import engine_host
from tests.lab.engine_workers import EngineWorker, new_id
from tests.lab.fake_engine import READY, FakeEngine, finished

READY_S = 240.0
MAIN = replace(READY, num_blocks=364)


def bench_of(status: EngineStatus, said: list[str]) -> Bench:
    """A bench whose main engine answers at once."""

    async def submit(request_id: str, generation: Generation) -> None:
        event = RequestEvent(
            request_id, status.engine_host_id, "finished", report=finished(request_id)
        )
        asyncio.get_running_loop().call_soon(bench.under_way.note, asdict(event))

    async def tell(message: dict[str, Any]) -> None:
        said.append(message["sentence"])

    async def nothing(*_: Any) -> None:
        return None

    bench = Bench(
        status,
        learner_id="anna",
        nonce="abc",
        max_requests=64,
        submit=submit,
        abort=nothing,
        count=nothing,
        counters=lambda: None,
        tell=tell,
    )
    return bench


def start(name: str, **phases: float) -> Start:
    timings = [PhaseTiming(one, 0.0, seconds) for one, seconds in phases.items()]
    return Start(name, replace(READY, phases=timings), 2.0, None, [0.1, 0.3])


def test_the_phases_of_a_start_are_its_sum_and_go_to_the_simulator():
    fresh = start("fresh", imports=6.0, spawn=10.0)
    forked = start("forked", imports=6.0, spawn=2.0)
    found = outcome([fresh, forked], [0.05])
    assert found.answer == 16.0
    ratio = next(f for f in found.figures if "÷" in f.label)
    assert (ratio.value, ratio.kind) == (0.5, "derived")
    assert found.tables[0].rows == [["imports", 6.0, 6.0], ["spawn", 10.0, 2.0]]
    assert found.links[1].url.endswith("?cold_start_s=8.0")
    columns = {one.name: one.points for one in found.plots[0].series}
    assert columns["spawn"] == [(0.0, 10.0), (1.0, 2.0)]
    assert found.plots[0].names == ["fresh", "forked"]
    assert type(found).from_json(found.to_json()) == found
    idle, meanwhile = found.figures[-2:]
    assert (idle.value, meanwhile.value) == (50.0, pytest.approx(200.0))


@pytest.mark.django_db
def test_the_link_fills_in_the_simulators_form(client: Client):
    found = outcome([start("once", imports=6.0, spawn=2.5)], [])
    page = client.get(found.links[0].url).content.decode()
    assert re.search(r'name="cold_start_s"[^>]*value="8\.5"', page)


def test_the_bands_of_a_start_add_up_to_it():
    one = start("once", imports=6.0, a=0.1, b=0.1, spawn=3.0)
    found = outcome([one], [])
    bands = found.plots[0].series
    assert [band.name for band in bands] == ["imports", "spawn", "shorter phases"]
    assert sum(band.points[0][1] for band in bands) == pytest.approx(one.total_s)


@pytest.mark.parametrize(
    ("compare", "why"),
    [("compile", "without compiling"), ("sleep", "needs a card")],
)
async def test_what_a_cpu_engine_cannot_do_it_says(compare: str, why: str):
    with pytest.raises(RunRefused, match=why):
        await COLD_START.run(bench_of(MAIN, []), {"compare": compare})


def test_a_start_for_naps_is_one_with_sleep_mode():
    assert [settings.can_sleep for _, settings in cold_start.plan("sleep")] == [True]


class Beside:
    """A second engine whose status tells one nap more at each look."""

    def __init__(self, *naps: NapTiming) -> None:
        self._told = [list(naps[:count]) for count in range(len(naps) + 1)]

    async def status(self) -> EngineStatus:
        naps = self._told.pop(0) if len(self._told) > 1 else self._told[0]
        return replace(READY, engine_host_id="second", naps=naps)


async def nap_of(told: NapTiming, commands: FakeEngine) -> Start:
    with lab_client.transport(commands):
        bench = bench_of(MAIN, [])
        return await cold_start._nap(bench, Beside(told), READY, told.level)


async def test_an_engine_woken_is_a_start_of_one_phase_with_what_it_freed():
    commands = FakeEngine()
    told = NapTiming(2, 0.5, 2.0, 3 << 30, reads_weights=True)
    woken = await nap_of(told, commands)
    assert commands.commands == [
        ("lab_nap", {"engine_host_id": READY.engine_host_id, "level": 2})
    ]
    found = outcome([start("start", imports=6.0, spawn=10.0), woken], [0.05])
    figures = {one.label: (one.value, one.unit) for one in found.figures}
    name = "woken from level 2"
    assert figures[f"{name}: to the first token"] == (2.0, "s")
    assert figures[f"{name} ÷ start"] == (0.125, "")
    asleep = f"{name}: to fall asleep (weights dropped, read again)"
    assert figures[asleep] == (0.5, "s")
    assert figures[f"{name}: memory of the card freed meanwhile"] == (3.0, "GiB")
    assert found.links[1].url.endswith("?cold_start_s=2.0")


async def test_an_engine_that_did_not_wake_ends_the_run_with_a_sentence():
    with pytest.raises(RunEnded, match="did not sleep at level 1 and wake again"):
        await nap_of(NapTiming(1), FakeEngine())


@pytest.fixture
def clean_line() -> Iterator[None]:
    yield
    with line_module.server() as server:
        for key in server.scan_iter(match="lab:*"):
            server.delete(key)


def until_ready(worker: EngineWorker) -> EngineStatus:
    deadline = time.monotonic() + READY_S
    while time.monotonic() < deadline:
        assert worker.process.poll() is None, worker.log_text()[-3000:]
        for status in lab_client.statuses():
            if (status.engine_host_id, status.state) == (worker.name, "ready"):
                return status
        time.sleep(0.1)
    raise AssertionError(worker.log_text()[-3000:])


@pytest.mark.slow
async def test_a_start_beside_the_main_engine_from_the_line_to_its_end(
    tmp_path: Path, clean_line: None
) -> None:
    name = f"main-{new_id()[:8]}"
    url = settings.REDIS_URL
    worker = EngineWorker(url, tmp_path, name, 8, {"REPLAY_START_S": "0.3"})
    try:
        status = await asyncio.to_thread(until_ready, worker)
        said: list[str] = []
        found = await COLD_START.run(bench_of(status, said), {"compare": "fork"})
        assert [row[0] for row in found.tables[0].rows]
        assert len(found.links) == 3, "fresh, forked, forked from the warm one"
        assert found.answer == pytest.approx(
            sum(row[1] for row in found.tables[0].rows if row[1] is not None)
        )
        assert any("beside the main" in sentence for sentence in said)
        left = [s.engine_host_id for s in lab_client.statuses() if s.beside == name]
        assert left == [] or await _gone(name)
    finally:
        worker.end()


async def _gone(name: str) -> bool:
    for _ in range(200):
        if not any(s.beside == name for s in lab_client.statuses()):
            return True
        await asyncio.sleep(0.1)
    return False


async def test_what_refuses_it_is_the_runs_sentence(clean_line: None) -> None:
    with lab_client.transport(FakeEngine()), pytest.raises(RunEnded, match="main one"):
        await COLD_START.run(bench_of(MAIN, []), {"compare": "once"})


@pytest.mark.engine
@pytest.mark.timeout(900)  # three starts, on a machine with other work
async def test_a_real_second_engine_starts_while_the_first_serves(
    tmp_path: Path, clean_line: None
) -> None:
    name = f"main-{uuid.uuid4().hex[:8]}"
    given = {"ENGINE_MODEL": str(engine_host.model_dir())}
    environment = {**os.environ, **given}
    config = EngineConfig.from_env(environment)
    given |= engine_variables(this_machine(), config, environment)
    worker = EngineWorker(settings.REDIS_URL, tmp_path, name, 8, given, app="config")
    try:
        status = await asyncio.to_thread(until_ready, worker)
        found = await COLD_START.run(bench_of(status, []), {"compare": "fork"})
        fresh, forked, warm = (
            sum(row[at] or 0.0 for row in found.tables[0].rows) for at in (1, 2, 3)
        )
        print(f"\nfresh {fresh:.1f} s, forked {forked:.1f} s, warm {warm:.1f} s")
        assert found.answer == pytest.approx(fresh)
        assert cold_start.WEIGHTS in [row[0] for row in found.tables[0].rows]
        assert forked > 0 and warm > 0
    finally:
        worker.end(30)
