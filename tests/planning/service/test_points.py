"""The roofline against what others published, each point left out of the fit once."""

import pytest

from planning.service.points import Point, load_points, predicted
from planning.service.roofline import Roofline
from planning.service.shares import DOUBT, SHARES, fitted, peak_flops, ratio

POINTS = load_points()
FITTED = [point for point in POINTS if point.is_fitted]
MISSED = {
    # Something besides the card bounds this one: its throughput falls with more load.
    *("h100-8b-16", "h100-8b-64"),
    # Another engine, which reaches more of a Hopper's FLOP/s than vLLM's points.
    *("trt-h100-8b-2k", "trt-h200-8b-2k", "trt-h200-70b-2k"),
}
"""Points further off than DOUBT; docs/fleet.md names the same."""


def test_there_are_many_points_of_many_cards() -> None:
    assert len(FITTED) >= 30
    assert len({point.gpu.id for point in FITTED}) >= 6
    assert all("https://" in point.source for point in POINTS)


@pytest.mark.parametrize("point", FITTED, ids=lambda point: point.id)
def test_a_point_left_out_of_the_fit_is_told_within_a_quarter(point: Point) -> None:
    others = [one for one in FITTED if one.id != point.id]
    shares = fitted(others, SHARES, width=0.15, rounds=12)
    assert abs(ratio(point, shares) - 1) <= DOUBT


def test_what_is_missed_is_named() -> None:
    missed = {one.id for one in POINTS if abs(ratio(one, SHARES) - 1) > DOUBT}
    assert missed == MISSED


def test_the_shares_are_those_that_the_points_give() -> None:
    found = fitted(POINTS)
    for kind in ("compute", "bandwidth", "step_s"):
        own = getattr(SHARES, kind)
        assert getattr(found, kind) == pytest.approx(own, rel=0.02)
    for name in ("sync_s", "experts", "packed"):
        assert getattr(found, name) == pytest.approx(getattr(SHARES, name), rel=0.02)


@pytest.mark.parametrize("point", POINTS, ids=lambda point: point.id)
def test_no_point_is_predicted_above_the_dense_peak(point: Point) -> None:
    machine = SHARES.machine(point.gpu, point.num_gpus, point.dtype, point.era)
    line, tokens = Roofline(point.cost, machine), 4096
    flops = (point.cost.token_flops + point.cost.expert_flops) * tokens
    flops += point.cost.prompt_flops(0, tokens)
    peak = peak_flops(point.gpu, point.dtype) * point.num_gpus
    assert flops / line.prompt_s(tokens, 8192) <= peak
    assert predicted(point, line) > 0
