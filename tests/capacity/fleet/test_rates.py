"""Rates from the running engine: measured now, with their date; or a sentence."""

from datetime import timedelta

import pytest
from django.utils import timezone

from capacity.models import RateMeasurement
from lab import client
from lab.models import EngineRequest

MEASURE = "/lab/fleet/rates/"


def test_without_an_engine_it_says_so(learner, engine) -> None:
    response = learner.client.post(MEASURE)
    assert response.status_code == 503 and "No engine is up" in response.text
    assert not RateMeasurement.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_one_request_runs_alone_then_four_at_once(learner, engine) -> None:
    engine.start()
    page = learner.post(MEASURE, mode="hybrid")
    assert "one request alone" in page and len(engine.submitted) == 1
    engine.finish(0)
    assert len(engine.submitted) == 5
    row = RateMeasurement.objects.get()
    url = f"{MEASURE}{row.measurement_id}/"
    assert "four requests at once" in learner.fragment(url)
    for at in range(1, 5):
        engine.finish(at, output_tokens_per_s=40.0)
    done = learner.fragment(url, mode="hybrid")
    assert "750" in done and "50.0 tokens/s" in done and "8.3 %" in done
    assert "SmolLM2, CPU" in done and "mode=hybrid" in done


@pytest.mark.django_db(transaction=True)
def test_a_plan_with_measured_rates_says_where_and_when(learner, engine) -> None:
    engine.start()
    learner.post(MEASURE)
    for at in range(5):
        engine.finish(at)
    row = RateMeasurement.objects.get()
    query = {
        "rates": row.measurement_id,
        "prefill_tokens_per_s": "750",
        "decode_tokens_per_s": "50",
        "slowdown_pct": "0",
    }
    page = learner.page("/lab/fleet/", **query)
    assert "These rates were measured on SmolLM2" in page
    changed = learner.page("/lab/fleet/", **{**query, "slowdown_pct": "5"})
    assert "These rates were measured" not in changed


@pytest.mark.django_db(transaction=True)
def test_a_request_that_fails_ends_the_measurement(learner, engine) -> None:
    engine.start()
    learner.post(MEASURE)
    engine.finish(0, finish_reason="error", error="The engine has stopped.")
    url = f"{MEASURE}{RateMeasurement.objects.get().measurement_id}/"
    assert "The engine has stopped." in learner.fragment(url)
    assert len(engine.submitted) == 1


def let_time_pass() -> None:
    """The measurement began longer ago than a report may take, and what it sent has
    ended."""
    EngineRequest.objects.update(finish_reason="interrupted")
    long_ago = timezone.now() - client.OVERDUE - timedelta(seconds=1)
    RateMeasurement.objects.update(created_at=long_ago)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("num_reports", [0, 1, 4])
def test_a_report_that_never_comes_ends_the_measurement(
    num_reports, learner, engine
) -> None:
    engine.start()
    learner.post(MEASURE)
    for at in range(num_reports):
        engine.finish(at)
    url = f"{MEASURE}{RateMeasurement.objects.get().measurement_id}/"
    assert "The engine is answering" in learner.fragment(url)
    long_ago = timezone.now() - client.OVERDUE - timedelta(seconds=1)
    RateMeasurement.objects.update(created_at=long_ago)
    assert "The engine is answering" in learner.fragment(url), (
        "the clock alone ends none"
    )
    let_time_pass()
    given_up = learner.fragment(url)
    assert "No engine answered within 10 minutes. Measure again." in given_up
    assert "hx-trigger" not in given_up
    engine.finish(num_reports)
    assert learner.fragment(url) == given_up


@pytest.mark.django_db(transaction=True)
def test_a_measurement_that_is_done_is_never_overdue(learner, engine) -> None:
    engine.start()
    learner.post(MEASURE)
    for at in range(5):
        engine.finish(at)
    let_time_pass()
    url = f"{MEASURE}{RateMeasurement.objects.get().measurement_id}/"
    assert "Plan with these rates" in learner.fragment(url)


@pytest.mark.django_db(transaction=True)
def test_a_measurement_is_nobody_elses(learner, neighbour, engine) -> None:
    engine.start()
    learner.post(MEASURE)
    url = f"{MEASURE}{RateMeasurement.objects.get().measurement_id}/"
    assert neighbour.client.get(url).status_code == 404
