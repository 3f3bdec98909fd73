"""Throughput against latency: arrivals, what is expected, the knee, the real sweep."""

import itertools
from dataclasses import replace

import pytest

from lab.engine.host import EngineHost
from lab.experiments.arrivals import BURSTINESS, arrivals, rate_of
from lab.experiments.calibration import calibrated
from lab.experiments.curve import Load, Point, knee, outcome, served, so_far
from lab.experiments.drawing import drawn
from lab.experiments.expected import (
    Served,
    Shape,
    as_they_come,
    card_cost,
    in_lockstep,
)
from lab.experiments.outcome import Outcome
from lab.experiments.throughput import (
    BY_PROBES,
    LONG_OUTPUT,
    NUM_LONGER,
    THROUGHPUT,
)
from lab.messages import RequestReport
from tests.lab.experiments.real_bench import Ear, run
from tests.lab.fake_engine import READY, REPORT

SHAPE = Shape(prompt=100, output=11, budget=2_048, max_running=64)


def test_arrivals_have_the_rate_and_bursts_have_longer_gaps():
    def spread(shape: float) -> float:
        when = arrivals(4.0, 400, shape, "seed")
        gaps = [b - a for a, b in itertools.pairwise(when)]
        mean = sum(gaps) / len(gaps)
        assert when[-1] == pytest.approx(100), "400 at 4 a second"
        assert list(when) == sorted(when)
        return (sum((gap - mean) ** 2 for gap in gaps) / len(gaps)) ** 0.5 / mean

    assert spread(BURSTINESS["poisson"]) == pytest.approx(1.0, abs=0.2)
    assert spread(BURSTINESS["bursts"]) == pytest.approx(2.0, abs=0.5)
    assert arrivals(4.0, 9, 1.0, "a") == arrivals(4.0, 9, 1.0, "a")


def test_a_poisson_process_has_as_many_arrivals_in_a_second_as_its_rate():
    when = arrivals(5.0, 1_000, 1.0, "seed")
    counts = [sum(second <= at < second + 1 for at in when) for second in range(200)]
    mean = sum(counts) / len(counts)
    variance = sum((count - mean) ** 2 for count in counts) / len(counts)
    assert mean == pytest.approx(5, rel=0.05)
    assert variance == pytest.approx(mean, rel=0.3), "as a Poisson count has it"


def test_two_measured_loads_give_the_constants_of_a_step():
    alone = Served(None, itl_s=0.020, ttft_s=0.120, e2el_s=None)
    crowd = Served(None, itl_s=0.050, ttft_s=None, e2el_s=None)
    cost = calibrated(alone, crowd, at_once=16, prompt=100)
    assert cost is not None
    assert cost.request_s == pytest.approx(0.002)
    assert cost.step_s == pytest.approx(0.018)
    for at_once, itl_s in ((1, 0.020), (16, 0.050), (4, 0.026)):
        assert in_lockstep(cost, at_once, SHAPE).itl_s == pytest.approx(itl_s)
    assert in_lockstep(cost, 1, SHAPE).ttft_s == pytest.approx(0.120)
    assert calibrated(replace(alone, itl_s=None), crowd, 16, 100) is None


def test_what_a_request_takes_to_the_engine_is_not_counted_for_each_prompt():
    alone = Served(None, itl_s=0.020, ttft_s=0.120, e2el_s=None)
    crowd = Served(None, itl_s=0.050, ttft_s=0.120 + 15 * 0.04, e2el_s=None)
    cost = calibrated(alone, crowd, at_once=16, prompt=100)
    assert cost is not None
    assert cost.token_s == pytest.approx(0.0004)
    assert cost.entry_s == pytest.approx(0.120 - 0.018 - 0.040)
    for at_once, ttft_s in ((1, 0.120), (16, 0.720)):
        found = in_lockstep(cost, at_once, SHAPE)
        assert found.ttft_s == pytest.approx(ttft_s)
        assert found.e2el_s == pytest.approx(ttft_s + 10 * found.itl_s)


def test_requests_that_come_too_fast_wait_in_the_expected_open_loop_too():
    alone, crowd = Served(None, 0.02, 0.1, None), Served(None, 0.05, None, None)
    cost = calibrated(alone, crowd, 16, 100)
    slow = as_they_come(cost, arrivals(0.5, 20, 1.0, "a"), SHAPE)
    fast = as_they_come(
        cost, arrivals(50.0, 20, 1.0, "a"), replace(SHAPE, max_running=2)
    )
    assert fast.e2el_s > 3 * slow.e2el_s
    assert fast.tokens_per_s > slow.tokens_per_s


def test_a_card_of_the_catalog_needs_no_measurement():
    assert card_cost(READY) is None, "a processor is not in the catalog"
    card = replace(READY, device="NVIDIA H100 80GB HBM3")
    cost = card_cost(card)
    assert cost is not None
    one, many = (in_lockstep(cost, n, SHAPE) for n in (1, 64))
    assert many.tokens_per_s > 10 * one.tokens_per_s


def _point(number: float, tokens_per_s: float, e2el_s: float, **more) -> Point:
    one = Served(tokens_per_s, e2el_s / 10, 0.1, e2el_s)
    return Point(Load(number), served=one, **more)


CURVE = [_point(1, 30, 1.0), _point(2, 58, 1.1), _point(4, 90, 1.5), _point(8, 100, 3)]


def test_the_knee_is_where_throughput_over_response_time_is_largest():
    assert knee(CURVE, lambda point: point.served).load.number == 4
    assert knee([], lambda point: point.served) is None
    found = outcome(CURVE, "at once", "")
    assert found.answer == pytest.approx(100 / 30)
    assert "The knee is at 4 at once" in found.says
    assert [mark.y for mark in found.plots[1].marks] == [1.5]
    assert "beyond it" in outcome(CURVE[:3], "at once", "").says, "no end in sight"


def test_the_models_error_leaves_out_what_it_was_fitted_to():
    def with_model(point: Point, times: float, **more: bool) -> Point:
        expected = replace(point.served, tokens_per_s=times * point.served.tokens_per_s)
        return replace(point, expected=expected, **more)

    points = [
        with_model(CURVE[0], 1.5, is_calibration=True),
        with_model(CURVE[1], 1.1),
        with_model(CURVE[2], 0.8),
    ]
    found = outcome(points, "at once", "")
    figures = {figure.label: figure.value for figure in found.figures}
    assert figures["the planning model’s error in throughput, median"] == pytest.approx(
        15
    )
    assert figures[
        "the planning model’s error in throughput, largest"
    ] == pytest.approx(20)
    rows = found.tables[0].rows
    assert rows[0][6] == "fitted" and rows[1][6] == pytest.approx(10)


def test_the_expected_curve_is_drawn_before_a_point_is_measured():
    expected = [replace(p, expected=p.served, served=None) for p in CURVE]
    first = so_far(expected, "…").plots[0]
    assert [len(series.points) for series in first.series] == [4, 0]
    half = [replace(p, expected=p.served) for p in CURVE[:2]] + expected[2:]
    shown = drawn(so_far(half, "…").plots[0])
    assert [row[0] for row in shown["table"].rows] == ["1", "2", "4", "8"]
    assert shown["table"].rows[3][3:] == [None, None], "not measured yet"
    names = [one["words"] for one in shown["labels"] if one["kind"] == "name"]
    assert names == ["1", "2"], "of the measured alone"


def test_an_outcome_with_marks_and_names_comes_back_from_json():
    found = outcome(CURVE, "at once", "")
    assert Outcome.from_json(found.to_json()) == found


def test_what_was_not_told_is_no_answer():
    mute = replace(REPORT, arrived_at=None, e2el_s=None)
    point = Point(Load(1), served=served([mute]))
    assert outcome([point, point], "at once", "").answer is None


# On a real engine


def _loads(outcome: Outcome) -> dict[str, list]:
    return {row[0]: row for row in outcome.tables[0].rows}


@pytest.mark.engine
async def test_more_at_once_share_steps_and_make_more_tokens(
    host: EngineHost, ear: Ear
) -> None:
    shown: list[Outcome] = []
    found, reports = await run(
        THROUGHPUT, host, ear, shown, most=8, output=16, prompt=32
    )
    reports = _without_longer(reports, 16)
    loads = _loads(found)
    assert list(loads) == ["1", "2", "4", "8"]
    counted = sum(row[1] for row in loads.values())
    assert counted + 1 == len(reports), "all that was sent, but for the warm-up"
    assert found.answer == pytest.approx(loads["8"][4] / loads["1"][4])
    assert loads["8"][3] > 4, "they did share steps"
    assert BY_PROBES[:30] in found.says
    assert "while they were taken" in found.says, "the load that they are of"
    assert loads["1"][6] == loads["8"][6] == "fitted"
    assert isinstance(loads["2"][6], float) and isinstance(loads["4"][6], float)
    measured = [len(one.plots[0].series[1].points) for one in shown]
    assert measured == [2, 3, 4], "the curve grows, after what is expected of it"
    assert all(len(one.plots[0].series[0].points) == 4 for one in shown)


@pytest.mark.engine
async def test_an_open_loop_sends_at_its_rate_whatever_has_ended(
    host: EngineHost, ear: Ear
) -> None:
    found, reports = await run(
        THROUGHPUT, host, ear, loop="poisson", rate=8, seconds=2, most=4, output=8,
        prompt=32,
    )  # fmt: skip
    reports = _without_longer(reports, 8)
    rows = [row for row in found.tables[0].rows if row[2] is not None]
    assert [row[1] for row in rows] == [8, 8, 8, 16]
    assert all(row[2] > 0 and row[4] > 0 for row in rows), "both were measured"


def _without_longer(reports: list[RequestReport], output: int) -> list[RequestReport]:
    """The longer prompts, which calibrate the model, are known by their answers."""
    assert {one.num_output_tokens for one in reports} == {output, LONG_OUTPUT}
    found = [one for one in reports if one.num_output_tokens == output]
    assert len(reports) - len(found) == NUM_LONGER
    return found


def test_the_rate_of_arrivals_is_gaps_over_time():
    assert rate_of([10.0, 10.5, 11.0]) == pytest.approx(2.0)
    assert rate_of([10.0]) is None and rate_of([1.0, 1.0]) is None


def test_served_is_of_the_reports():
    one = replace(
        RequestReport("a", "h", "length"),
        arrived_at=10.0, e2el_s=2.0, ttft_s=0.5, num_output_tokens=11,
        output_tokens_per_s=10 / 1.5,
    )  # fmt: skip
    found = served([one, replace(one, arrived_at=11.0)])
    assert found.tokens_per_s == pytest.approx(22 / 3)
    assert found.itl_s == pytest.approx(0.15)
