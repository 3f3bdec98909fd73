"""A term means one thing: in glossary, panel, questions, a plan and the docs."""

from pathlib import Path

import pytest

from courseware.loader import CONTENT, read_glossary
from planning.fleet.plan import Plan, Serverless, Traffic
from planning.fleet.results import simulate
from quizzes.bank import read_bank

ROOT = Path(__file__).resolve().parents[2]
GLOSSARY = read_glossary(CONTENT / "glossary.yaml")
DOCS = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")


def test_a_cold_start_runs_from_the_request_until_a_worker_can_serve() -> None:
    words = "rom the request that finds no worker up until a worker can serve it"
    assert words in GLOSSARY["cold-start"]["says"] and words in DOCS
    assert "Cold start" not in (ROOT / "templates/lab/_panel.html").read_text("utf-8")


def test_the_question_orders_a_cold_start_as_the_term_does() -> None:
    items = read_bank().questions["cold-start-order"].items
    told = GLOSSARY["cold-start"]["says"].lower()
    places = [
        told.index(word)
        for word in ("machine", "process", "weights", "engine made ready")
    ]
    assert places == sorted(places)
    assert "machine" in items[0].text and "weights" in items[2].text
    assert "over once the engine can serve" in items[-1].because


def test_a_plan_counts_a_cold_start_from_the_request_that_finds_nobody() -> None:
    """A lone request waits for all of the cold start, and for nothing else."""
    traffic = Traffic(pattern="poisson", rate_per_s=1e-4)
    workers = Serverless(cold_start_s=40.0, cold_start_cv=0.0, idle_timeout_s=1.0)
    plan = Plan(mode="serverless", traffic=traffic, serverless=workers)
    found = simulate(plan, 2_000)
    assert found.wait_mean_s is not None
    assert found.wait_mean_s.mean == pytest.approx(40.0, abs=2.0)


def test_the_prefix_cache_holds_blocks_of_running_requests_too() -> None:
    for text in (GLOSSARY["prefix-cache"]["says"], DOCS):
        assert "running or finished" in text


def test_a_prompt_is_read_in_chunks() -> None:
    assert "in pieces (chunks)" in GLOSSARY["prefill"]["says"]
    assert "chunked prefill spreads it over steps" in DOCS


def test_serverless_is_billed_for_more_than_the_work() -> None:
    says = GLOSSARY["serverless"]["says"]
    assert "which is billed, stays for an idle timeout, which is billed too" in says


def test_waiting_includes_a_worker_that_is_starting() -> None:
    assert "a worker that is starting" in GLOSSARY["waiting"]["says"]
    assert "waits for a worker that is starting" in DOCS
