"""The simulator against mathematics: closed forms of queues, and of keep-alive."""

from typing import Any

import pytest
import yaml

from planning.fleet.queueing_check import simulate_vector
from planning.fleet.queueing_theory import closed_form
from tests.planning.shared_data import shared

VECTORS: list[dict[str, Any]] = [
    {"model": "M/M/1", "params": {"lam": 0.8, "mu": 1.0, "c": 1}},
    {"model": "M/M/c", "params": {"lam": 3.2, "mu": 1.0, "c": 4}},
    {"model": "M/D/1", "params": {"lam": 0.7, "service": 1.0}},
    {
        "model": "M/G/1 (P-K)",
        "params": {
            "lam": 0.5,
            "service_mean": 1.2,
            "service_cv": 1.5,
            "service_dist": "lognormal",
        },
    },
    {
        "model": "M/G/inf + keep-alive tau",
        "params": {"lam": 0.02, "service": 6.0, "tau": 60.0},
    },
    {"model": "M/M/c/K", "params": {"lam": 5.0, "mu": 1.0, "c": 4, "K": 10}},
    {
        "model": "M/G/c/c",
        "params": {"lam": 5.0, "service_mean": 1.0, "service_cv": 1.5, "c": 6},
    },
]
NAMES = [vector["model"] for vector in VECTORS]


@pytest.mark.parametrize("vector", VECTORS, ids=NAMES)
def test_a_few_seeds_come_near_the_closed_form(vector: dict[str, Any]) -> None:
    found = simulate_vector(vector, num_seeds=8, num_requests=100_000)
    for name, value in closed_form(vector["model"], vector["params"]).items():
        assert found[name].mean == pytest.approx(value, rel=0.05), name


@pytest.mark.slow
@pytest.mark.parametrize("vector", VECTORS, ids=NAMES)
def test_32_seeds_of_a_million_requests_agree_with_theory(
    vector: dict[str, Any],
) -> None:
    found = simulate_vector(vector)
    for name, value in closed_form(vector["model"], vector["params"]).items():
        one, rounding = found[name], 1e-9 * abs(value)
        assert one.low - rounding <= value <= one.high + rounding, name
        assert one.mean == pytest.approx(value, rel=0.01), name


def test_the_closed_forms_are_those_of_the_vectors() -> None:
    vectors = yaml.safe_load(shared("queueing_vectors.yaml").read_text())["vectors"]
    assert len(vectors) >= 5
    for vector in vectors:
        theory = closed_form(vector["model"], vector["params"])
        for name, value in vector["expected"].items():
            assert theory[name] == pytest.approx(value, rel=1e-5), (vector["id"], name)


def test_every_expected_name_of_the_vectors_is_simulated() -> None:
    vectors = yaml.safe_load(shared("queueing_vectors.yaml").read_text())["vectors"]
    for vector in vectors:
        found = simulate_vector(vector, num_seeds=2, num_requests=1000)
        assert set(vector["expected"]) <= set(found), vector["id"]


def test_the_same_seed_gives_the_same_and_another_does_not() -> None:
    first, again, other = (
        simulate_vector(VECTORS[1], num_seeds=2, num_requests=5000, seed=seed)
        for seed in (7, 7, 8)
    )
    assert first == again != other


def test_a_load_above_one_has_no_steady_state() -> None:
    with pytest.raises(ValueError, match=r"The load is 1\.2: above 1"):
        closed_form("M/M/1", {"lam": 1.2, "mu": 1.0})
    with pytest.raises(ValueError, match="no closed form for 'G/G/7'"):
        closed_form("G/G/7", {"lam": 1.0, "mu": 2.0})


@pytest.mark.parametrize(
    ("params", "sentence"),
    [
        ({"lam": 0.8, "c": 2}, "need mu or service_mean or service; given are lam, c"),
        ({"mu": 1.0, "c": 2}, "The parameters need lam; given are mu, c"),
        ({"lam": 0.8, "mu": 0.0, "c": 2}, "mu is 0: it is a number above 0"),
    ],
)
def test_a_vector_that_lacks_a_parameter_is_refused_by_its_name(params, sentence):
    with pytest.raises(ValueError, match=sentence):
        closed_form("M/M/c", params)
    with pytest.raises(ValueError, match=sentence):
        simulate_vector({"model": "M/M/c", "params": params}, num_seeds=1)
