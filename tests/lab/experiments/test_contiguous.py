"""Contiguous against paged: the plan, the outcome of made-up frames, and real ones."""

from dataclasses import replace

import pytest

from lab.allocators.observed import Observed
from lab.allocators.shadow import replayed
from lab.experiments.contiguous import (
    EQUAL,
    MIXED,
    Live,
    output_lengths,
)
from lab.experiments.contiguous_outcome import outcome
from lab.experiments.contiguous_sides import Memory, all_shadows
from lab.experiments.drawing import drawn
from lab.experiments.following import Following
from lab.experiments.outcome import Outcome
from lab.tracing.frames import FrameEncoder
from lab.tracing.trace import decode
from tests.data.make_golden import source
from tests.lab.fake_engine import REPORT
from tests.lab.step_traces import Traffic

BLOCK_SIZE = 4
NUM_TOKENS = 119 * BLOCK_SIZE
MEMORY = Memory("buddy", "max", BLOCK_SIZE, NUM_TOKENS, 128, 12)


@pytest.fixture(scope="module")
def frames() -> list[bytes]:
    """Of twenty requests that come one after the other, until all have gone."""
    traffic = Traffic(num_blocks=120, block_size=BLOCK_SIZE, max_running=12)
    traffic.abort_chance = 0.0
    encoder = FrameEncoder("h", 1, 120, BLOCK_SIZE)
    encoder.apply(decode(traffic.snapshot()))
    made = []
    for number in range(400):
        if number == 60:
            traffic.arrivals_per_step = 0.0
        for record in traffic.step():
            encoder.apply(decode(record))
        if number % 2 and (frame := encoder.next_frame()) is not None:
            made.append(frame)
    return made


def _observed(frames: list[bytes]) -> Observed:
    following = Following(lambda: frames)
    following.look()
    observed = following.observed
    for served in observed.served.values():
        assert served.num_steps is not None, "all have gone"
        served.num_output = served.tokens[-1] + 1 - served.num_prompt
    return observed


def sums_of(plot):
    """Of all bands, at each place across."""
    return [
        sum(y for _, y in at)
        for at in zip(*(one.points for one in plot.series), strict=True)
    ]


def test_answers_are_all_the_same_or_spread_from_a_quarter_on():
    assert output_lengths(3, 100, {"lengths": EQUAL}) == [100] * 3
    mixed = output_lengths(24, 160, {"lengths": MIXED})
    assert min(mixed) == 40 and 140 < max(mixed) <= 160 and len(set(mixed)) > 20
    assert min(output_lengths(8, 20, {"lengths": MIXED})) >= 16


def test_all_bands_sum_to_the_pool_and_both_drawings_are_to_one_scale(frames):
    observed = _observed(frames)
    found = outcome(MEMORY, observed, set(observed.served), [REPORT] * 20)
    blocks, regions, at_once = found.plots
    for plot in (blocks, regions):
        assert set(sums_of(plot)) == {NUM_TOKENS}
        assert drawn(plot)["ticks_across"] == drawn(at_once)["ticks_across"]
    assert found.answer == 3, "476 tokens are 256, 128, 64, … and a region takes 128"
    held = {figure.label: figure.value for figure in found.figures}
    assert held["in memory at once, in blocks"] > found.answer
    assert (
        held["internal fragmentation of one request, in blocks, at most"] < BLOCK_SIZE
    )
    assert Outcome.from_json(found.to_json()) == found


def test_all_six_stand_in_the_table_and_keep_their_order(frames):
    observed = _observed(frames)
    served = list(observed.served.values())
    shadows = all_shadows(MEMORY, served)
    assert len(shadows) == 6
    places = sum(served.num_held for served in observed.served.values())
    for memory, moments in shadows.items():
        assert all(one.bands.pool == NUM_TOKENS for one in moments)
        assert moments[-1].bands.held == 0 and places
        if memory.reservation == "oracle":
            assert all(one.bands.internal == 0 for one in moments)
    found = outcome(MEMORY, observed, set(observed.served), [REPORT] * 20)
    (table,) = found.tables
    assert len(table.rows) == 7 and {len(row) for row in table.rows} == {10}
    at_once = {row[0]: row[1] for row in table.rows}
    for allocator in ("buddy", "first fit"):
        most, about, exact = (
            at_once[f"{one}, {allocator}"] for one in ("Max", "Pow2", "Oracle")
        )
        assert most <= about <= exact


def test_a_region_that_never_fits_holds_nobody(frames):
    observed = _observed(frames)
    memory = replace(MEMORY, longest=300)
    found = outcome(memory, observed, set(observed.served), [REPORT])
    assert found.answer == 0 and "does not fit this pool of 476" in found.says
    assert drawn(found.plots[1])["is_empty"]


def test_the_live_shadow_ends_where_the_one_afterwards_does(frames):
    observed = _observed(frames)
    lengths = {one: served.num_output for one, served in observed.served.items()}
    after = replayed(MEMORY.shadow(), list(observed.served.values()))

    seen: list[bytes] = []
    following = Following(lambda: seen)
    live = Live(MEMORY, following.observed)
    assert live.look({}) == ""
    for number in range(0, len(frames), 5):
        seen[:] = frames[: number + 5]
        following.look()
        sentence = live.look(lengths)
        told = following.observed.frames[-1].step - min(
            one.arrival for one in observed.served.values()
        )
        if 0 <= told < len(after):
            moment = after[told]
            assert f"computed: {moment.num_held} in memory, " in sentence
            assert f"{moment.num_waiting} wait." in sentence


def test_a_recorded_real_run_is_as_the_paper_has_it():
    """The traces of a real engine: shares in the order of the published ones, and the
    pool whole in each frame."""
    records, num_blocks, block_size = source()
    encoder, made = FrameEncoder("h", 1, num_blocks, block_size), []
    for number, record in enumerate(records):
        encoder.apply(decode(record))
        if number % 3 == 0 and (frame := encoder.next_frame()) is not None:
            made.append(frame)
    following = Following(lambda: made)
    following.look()
    served = following.observed.served
    own = {one for one in served if served[one].num_steps and served[one].tokens}
    for one in own:
        served[one].num_output = served[one].tokens[-1] + 1 - served[one].num_prompt
    own = {one for one in own if served[one].num_output > 0}
    assert len(own) > 30
    memory = Memory(
        "buddy", "max", block_size, (num_blocks - 1) * block_size, 2_048, 32
    )
    found = outcome(memory, following.observed, own, [REPORT] * len(own))
    for plot in found.plots[:2]:
        assert set(sums_of(plot)) == {memory.num_tokens}
    of_pool = {row[0]: row[4] for row in found.tables[0].rows}
    order = [of_pool[f"{one}, buddy"] for one in ("Max", "Pow2", "Oracle")]
    assert order == sorted(order)
    assert of_pool["blocks, measured"] > max(order)
    held = {figure.label: figure.value for figure in found.figures}
    assert held["of the blocks' places held tokens"] > 95
    assert found.answer == 5, "regions of 2,048 tokens in 11,616"


async def test_who_is_never_seen_to_leave_is_missed(frames):
    following = Following(lambda: frames[:3], every_s=0.01)
    following.look()
    assert not await following.until_gone([10_000])
    whole = Following(lambda: frames, every_s=0.01)
    async with whole:
        assert await whole.until_gone(list(_observed(frames).served))
