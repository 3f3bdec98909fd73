"""A run of contiguous against paged: refused, ended, and on the real engine."""

import asyncio
import itertools
from dataclasses import asdict, replace
from typing import Any

import pytest

from lab.allocators.observed import paged_bands
from lab.engine.host import EngineHost
from lab.experiments.bench import Bench, RunEnded, RunRefused
from lab.experiments.contiguous import CONTIGUOUS, EQUAL, plan
from lab.experiments.contiguous_sides import Memory, all_shadows
from lab.experiments.following import Following
from lab.messages import Generation, RequestEvent
from tests.lab.experiments.real_bench import Ear, run
from tests.lab.experiments.test_contiguous import sums_of
from tests.lab.fake_engine import READY, REPORT


def _bench(submitted: list[str], said: list[str]) -> Bench:
    """An engine that answers nothing, unless a test does."""

    async def submit(request_id: str, generation: Generation) -> None:
        submitted.append(request_id)

    async def tell(message: dict[str, Any]) -> None:
        said.append(message["sentence"])

    async def nothing(*_: Any) -> None:
        return None

    return Bench(
        replace(READY, num_blocks=120),
        learner_id="anna",
        nonce="abc",
        max_requests=32,
        submit=submit,
        abort=nothing,
        count=nothing,
        counters=lambda: None,
        tell=tell,
    )


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"output": 512}, "answers with at most 256 tokens"),
        ({"prompt": 4_000}, "whose requests hold 2,048 tokens"),
        ({"number": 64}, "32 requests at a time are allowed"),
    ],
)
def test_what_this_engine_cannot_serve_is_refused_by_a_sentence(values, sentence):
    with pytest.raises(RunRefused, match=sentence):
        plan(_bench([], []), CONTIGUOUS.defaults | values)


async def test_a_run_that_is_ended_leaves_nothing_running():
    before = asyncio.all_tasks()
    submitted: list[str] = []
    running = asyncio.create_task(
        CONTIGUOUS.run(_bench(submitted, []), CONTIGUOUS.defaults)
    )
    await asyncio.sleep(0.2)
    assert len(submitted) == CONTIGUOUS.defaults["number"]
    assert len(asyncio.all_tasks() - before) > 2, "it looks and tells meanwhile"
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert asyncio.all_tasks() == before


async def test_without_the_engines_frames_nothing_is_compared():
    submitted: list[str] = []
    bench = _bench(submitted, [])
    running = asyncio.create_task(CONTIGUOUS.run(bench, CONTIGUOUS.defaults))
    await asyncio.sleep(0.2)
    assert len(submitted) == CONTIGUOUS.defaults["number"]
    for number, request_id in enumerate(submitted):
        report = replace(REPORT, request_id=request_id, short_id=number)
        event = RequestEvent(request_id, "h", "finished", number, report=report)
        bench.under_way.note(asdict(event))
    with pytest.raises(RunEnded, match="Not all of the engine's frames came"):
        await running


@pytest.mark.engine
async def test_regions_hold_few_of_the_requests_that_blocks_hold(
    host: EngineHost, ear: Ear
) -> None:
    ear.said.clear()
    found, reports = await run(CONTIGUOUS, host, ear, number=12, output=96)
    size, pool = host.status.block_size, (host.status.num_blocks - 1) * 32
    held = {figure.label: figure.value for figure in found.figures}
    assert found.answer == pool // 1_024 == 3, "a region takes max_model_len"
    assert held["in memory at once, in blocks"] == 12
    assert held["internal fragmentation of one request, in blocks, at most"] < size
    assert held["of the blocks' places held tokens"] > 70
    assert held["of the regions' places held tokens"] < 25

    blocks, regions, _ = found.plots
    for plot in (blocks, regions):
        assert {round(y) for y in sums_of(plot)} == {pool}
    assert "blocks of others" not in {one.name for one in blocks.series}

    wanted = sum(r.num_prompt_tokens + r.num_output_tokens - 1 for r in reports)
    tokens = max(y for _, y in blocks.series[0].points)
    assert tokens <= wanted, "no token has two places"
    names = {row[0]: row[1] for row in found.tables[0].rows}
    for allocator in ("buddy", "first fit"):
        order = [names[f"{one}, {allocator}"] for one in ("Max", "Pow2", "Oracle")]
        assert order == sorted(order)
    assert any("In regions, computed: 3 in memory" in one for one in ear.said)


@pytest.mark.engine
async def test_tokens_are_conserved_frame_by_frame_on_both_sides(
    host: EngineHost, ear: Ear
) -> None:
    """Of what a run on the real engine observed, not only of what it shows."""
    lengths = {"number": 20, "prompt": 150, "output": 60, "lengths": EQUAL}
    async with Following(lambda: ear.frames) as following:
        _, reports = await run(CONTIGUOUS, host, ear, **lengths)
        own = {report.short_id for report in reports}
        assert await following.until_gone(sorted(own))
    observed = following.observed
    for seen in observed.frames:
        bands = paged_bands(seen, own, 32)
        assert bands.pool == 127 * 32
        assert min(vars(bands).values()) >= 0
        assert bands.empty < 32 * max(1, bands.num_held)
    served = [observed.served[one] for one in sorted(own)]
    for one, report in zip(served, sorted(reports, key=_short_id), strict=True):
        assert one.num_prompt == report.num_prompt_tokens
        one.num_output = report.num_output_tokens
        assert one.num_held - 2 <= one.tokens[-1] <= one.num_held
        assert one.num_held == one.num_prompt + 59
        assert all(a <= b for a, b in itertools.pairwise(one.tokens))
    memory = Memory("first-fit", "oracle", 32, 127 * 32, 1_024, 32)
    for moments in all_shadows(memory, served).values():
        assert all(one.bands.pool == 127 * 32 for one in moments)
    first, buddy = (
        all_shadows(memory, served)[replace(memory, allocator=one)]
        for one in ("first-fit", "buddy")
    )
    assert all(one.bands.rounding == 0 for one in first)
    assert any(one.bands.rounding for one in buddy)
    assert not any(one.bands.internal for one in first + buddy)


def _short_id(report) -> int:
    return report.short_id
