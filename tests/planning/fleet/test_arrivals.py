"""Arrivals have the rates and the burstiness that they are asked for."""

import numpy as np
import pytest

from planning.catalog.traffic_shapes import load_shapes
from planning.errors import BadSetting
from planning.fleet.arrivals import burst_rates, dispersion, source_of
from planning.fleet.plan import DAY_S, MONTH_S
from planning.fleet.plan_fields import parse_plan
from planning.fleet.request_file import read_request_file
from planning.fleet.simulation import generator
from planning.fleet.workload import workload_of
from tests.planning.shared_data import shared


def month(**fields: object) -> np.ndarray:
    traffic = parse_plan(fields).traffic
    counts = load_shapes()[1].counts if traffic.pattern == "shape" else None
    source = source_of(traffic, counts)
    return np.concatenate([*source(0.0, MONTH_S, generator(1, 0))])


@pytest.mark.parametrize(
    "pattern", "poisson constant diurnal bursts flash shape".split()
)
def test_the_mean_rate_is_what_was_asked_for(pattern: str) -> None:
    times = month(pattern=pattern, rate_per_s=0.2)
    assert len(times) / MONTH_S == pytest.approx(0.2, rel=0.03)
    assert (np.diff(times) >= 0).all() and times[0] >= 0 and times[-1] < MONTH_S


def test_the_day_has_its_peak_at_its_hour() -> None:
    times = month(pattern="diurnal", rate_per_s=0.3, peak_hour=15, day_swing_pct=80)
    counts = np.bincount((times % DAY_S / 3600).astype(int), minlength=24)
    assert counts.argmax() in (14, 15)
    assert counts.max() / counts.mean() == pytest.approx(1.8, rel=0.05)
    assert counts.min() / counts.mean() == pytest.approx(0.2, rel=0.1)


def test_a_flash_crowd_comes_as_often_as_planned() -> None:
    times = month(pattern="flash", rate_per_s=0.3, flash_factor=50, flashes_a_month=3)
    counts = np.bincount((times / 1800).astype(int))
    assert (counts > 10 * np.median(counts)).sum() == 3


def test_poisson_has_a_dispersion_of_one_and_constant_of_none() -> None:
    assert dispersion(month(rate_per_s=0.3), 60) == pytest.approx(1, abs=0.03)
    constant = month(pattern="constant", rate_per_s=0.3)
    assert dispersion(constant, 60) == pytest.approx(0, abs=0.02)
    assert dispersion(np.array([0.0, 5.0]), 60) is None


def test_bursts_have_the_dispersion_of_a_two_state_process() -> None:
    """IDC(t) = 1 + 2 d² p q / (m s) (1 - (1 - e^-st) / (s t)): s the sum of the
    switching rates, p and q the shares of the states, d the difference of their rates
    (Heffes and Lucantoni 1986)."""
    fields = {"pattern": "bursts", "rate_per_s": 0.5, "burst_minutes": 2}
    fields |= {"burst_share_pct": 20, "burst_factor": 4}
    times = month(**fields)
    inside, outside = burst_rates(parse_plan(fields).traffic)
    switching = 1 / 120 + 1 / 480
    grown = 1 - (1 - np.exp(-switching * 600)) / (switching * 600)
    difference = (inside - outside) ** 2 * 0.2 * 0.8
    expected = 1 + 2 * difference / (0.5 * switching) * grown
    assert dispersion(times, 600) == pytest.approx(expected, rel=0.1)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("conv", (1.385, 3.857, 16.13)), ("code", (13.19, 71.64, 163.97))],
)
def test_the_dispersion_of_a_real_trace_is_the_published_one(
    name: str, expected: tuple[float, ...]
) -> None:
    path = shared(f"traces/azure_llm_2023_{name}.csv")
    times = read_request_file(path.read_bytes()).times
    found = [dispersion(times, window) for window in (1, 10, 60)]
    assert found == pytest.approx(expected, rel=0.02)


def test_the_shapes_are_those_of_the_traces() -> None:
    for known in load_shapes():
        name = known.id.rsplit("-", 1)[1]
        path = shared(f"traces/azure_llm_2023_{name}.csv")
        recorded = read_request_file(path.read_bytes())
        minutes = np.bincount((recorded.times // 60).astype(int))
        assert minutes[: len(known.counts)].tolist() == known.counts.tolist()
        assert known.input_tokens[20] == np.floor(np.median(recorded.inputs))


def test_a_real_trace_is_repeated_for_the_whole_month() -> None:
    path = shared("traces/azure_llm_2023_code.csv")
    recorded = read_request_file(path.read_bytes())
    plan = parse_plan({"pattern": "file", "file": "x", "file_speed": 0.5})
    workload = workload_of(plan, recorded)
    chunks = workload.chunks(0, 200_000, generator(1, 0))
    times = np.concatenate([chunk.times for chunk in chunks])
    assert len(times) / 200_000 == pytest.approx(workload.rate_per_s, rel=0.05)
    assert times[8819] == pytest.approx(2 * recorded.period_s)
    assert (np.diff(times) >= 0).all()


def test_a_file_played_too_fast_is_refused() -> None:
    recorded = read_request_file(b"timestamp,input,output\n0,1,1\n0.01,1,1\n")
    plan = parse_plan({"pattern": "file", "file": "x", "file_speed": 1000})
    with pytest.raises(BadSetting, match="file_speed: is 1000, which makes 1e\\+05"):
        workload_of(plan, recorded)
