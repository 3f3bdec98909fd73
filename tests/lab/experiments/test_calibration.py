"""The planning model fitted to an engine whose machine does other work too."""

import random
from collections.abc import Sequence
from dataclasses import replace

import pytest

from lab.experiments.calibration import held_up, pace_of
from lab.experiments.curve import outcome
from lab.experiments.expected import Pace, Shape, in_closed_loop
from lab.experiments.planned import Planned, planned_by
from lab.experiments.points import Load, Point, served
from lab.messages import RequestReport
from planning.service.fitted import FittedCost
from planning.service.steps import Request, StepCost, replay

SHAPE = Shape(prompt=96, output=32, budget=512, max_running=32)
TRUE = FittedCost(
    step_s=0.020, token_s=2e-4, pair_s=0.0, request_s=1.3e-3, cached_s=0.0, entry_s=0.03
)
PACE = Pace(gap_s=0.012, turn_s=0.08)


class Busy:
    """A machine that holds up this share of the steps, to six times their time."""

    def __init__(self, cost: StepCost, share: float, seed: int) -> None:
        self._cost, self._share = cost, share
        self._random = random.Random(seed)

    def seconds(
        self, chunks: Sequence[tuple[int, int]], contexts: Sequence[float]
    ) -> float:
        times = 6 if self._random.random() < self._share else 1
        return times * self._cost.seconds(chunks, contexts)


def ran(at_once: int, share: float = 0.0, shape: Shape = SHAPE) -> Point:
    """A closed loop on that machine, with the reports that its requests would have."""
    load = Load(float(at_once))
    cost, way = Busy(TRUE, share, at_once), TRUE.entry_s
    sent_s = [place * PACE.gap_s for place in range(at_once)]
    requests = [Request(way + at, shape.prompt, shape.output) for at in sent_s]

    def then(ended: Request) -> Request | None:
        if len(requests) == load.num_requests:
            return None
        sent_s.append(max(ended.last_s + PACE.turn_s, sent_s[-1] + PACE.gap_s))
        requests.append(Request(way + sent_s[-1], shape.prompt, shape.output))
        return requests[-1]

    replay(cost, list(requests), shape.budget, shape.max_running, then)
    reports = [
        RequestReport(
            f"{number}", "h", "length",
            num_prompt_tokens=shape.prompt, num_output_tokens=shape.output,
            arrived_at=1000 + at, ttft_s=one.first_s - at, e2el_s=one.last_s - at,
            output_tokens_per_s=1 / one.itl_s, itls_s=one.gaps_s,
        )
        for number, (at, one) in enumerate(zip(sent_s, requests, strict=True))
    ]  # fmt: skip
    return Point(load, served=served(reports), reports=tuple(reports))


def model_of(alone: Point, crowd: Point) -> Planned:
    long = replace(SHAPE, prompt=384, output=2)
    ttft_s = ran(1, shape=long).served.least_ttft_s
    found = planned_by([alone, crowd], SHAPE, long, ttft_s)
    assert found is not None
    return found


@pytest.mark.parametrize(("share_alone", "share_crowd"), [(0, 0), (0.3, 0.1), (0, 0.5)])
def test_the_constants_are_those_of_undisturbed_steps(share_alone, share_crowd):
    cost = model_of(ran(1, share_alone), ran(16, share_crowd)).cost
    assert isinstance(cost, FittedCost)
    assert cost.step_s + cost.request_s == pytest.approx(0.0213, rel=0.01)
    assert cost.step_s + 16 * cost.request_s == pytest.approx(0.0408, rel=0.05)
    assert cost.token_s == pytest.approx(2e-4, rel=0.05)


def test_who_sends_has_a_pace_of_its_own():
    pace = pace_of(ran(1).reports, ran(16).reports, 16)
    assert pace.gap_s == pytest.approx(PACE.gap_s)
    assert pace.turn_s == pytest.approx(PACE.turn_s)
    assert pace_of([], [], 16) == Pace()


def test_on_a_quiet_machine_what_is_expected_comes_true():
    model = model_of(ran(1), ran(16))
    for at_once in (2, 4, 8):
        point = model.compared(model.drawn(ran(at_once)))
        for off in (*point.off, *point.off_counted):
            assert abs(off) < 6, at_once
        assert point.held_up == pytest.approx(1, abs=0.05)


def test_what_the_machine_held_up_is_told_apart_from_what_the_model_is_off_by():
    """The loads that it was fitted to were held up, the others less and more."""
    shares = {2: 0.0, 4: 0.5, 8: 0.05}
    model = model_of(ran(1, 0.4), ran(16, 0.4))
    points = [model.compared(model.drawn(ran(*one))) for one in shares.items()]
    for point in points:
        throughput, itl = point.off_counted
        assert abs(throughput) < 20 and abs(itl) < 20
    assert max(abs(point.off[1]) for point in points) > 60, "as it was drawn"
    assert 0.9 < points[0].held_up < 1.2 < points[1].held_up
    ends = [replace(ran(n, 0.4), is_calibration=True) for n in (1, 16)]
    found = outcome([ends[0], *points, ends[1]], "at once", "")
    assert "The machine did other work meanwhile" in found.says
    assert "run it again when the machine has less to do" in found.says
    figures = {one.label: one.value for one in found.figures}
    assert figures["with hold-ups counted in, its error in ITL, largest"] < 20
    row = found.tables[0].rows[2]
    assert row[-3] == points[1].held_up and row[-2] == points[1].off_counted[0]


def test_a_load_whose_times_are_unknown_is_held_up_by_nobody_knows_how_much():
    quiet = in_closed_loop(TRUE, 4, 8, SHAPE)
    assert held_up(replace(quiet, quiet_s=None), quiet) is None
    assert held_up(None, quiet) is None
