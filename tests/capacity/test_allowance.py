"""What may be computed, and whose turn it is: by address first, then by learner."""

from contextlib import ExitStack

import pytest
from django.core.cache import cache
from django.http import HttpRequest
from django.test import RequestFactory

from capacity import allowance
from courseware.counting import count_within

HARDWARE = "/lab/hardware/"
CHALLENGE = "/lab/challenge/bursty-chat/"


def somebody(address: str, learner: str) -> HttpRequest:
    request = RequestFactory().get("/", REMOTE_ADDR=address)
    request.learner_id = learner  # type: ignore[attr-defined]
    return request


def takes(turns: ExitStack, who: HttpRequest, what: str = "preview") -> bool:
    return turns.enter_context(allowance.slot(who, what))


@pytest.mark.parametrize("what", ["preview", "month"])
def test_fifty_pages_of_one_address_leave_the_next_turn_to_another(what) -> None:
    pages = [somebody("192.0.2.1", f"cookie-{number}") for number in range(50)]
    another = somebody("198.51.100.7", "honest")
    with ExitStack() as first, ExitStack() as others:
        taken = [takes(others, one, what) for one in pages[:-1]]
        assert sum(taken) == allowance.NUM_SLOTS[what]
        assert not takes(others, another, what)
        cache.delete(f"fleet:slot:{what}:0")
        assert not any(takes(others, one, what) for one in pages)
        assert takes(first, another, what)
        cache.delete(f"fleet:slot:{what}:1")
        assert takes(others, pages[0], what), "nobody waits any more"


def test_one_learner_s_pages_leave_it_to_the_others_of_a_class() -> None:
    greedy = somebody("192.0.2.1", "greedy")
    with ExitStack() as turns:
        while takes(turns, greedy):
            pass
        assert not takes(turns, somebody("192.0.2.1", "honest"))
        cache.delete("fleet:slot:preview:3")
        assert not takes(turns, greedy)
        assert takes(turns, somebody("192.0.2.1", "honest"))


def test_two_addresses_that_both_wait_end_with_as_many_turns() -> None:
    one, two = somebody("192.0.2.1", "a"), somebody("198.51.100.7", "b")
    with ExitStack() as turns:
        while takes(turns, one):
            pass
        for number in range(2):
            assert not takes(turns, two)
            cache.delete(f"fleet:slot:preview:{number}")
            assert not takes(turns, one)
            assert takes(turns, two)
        takes(turns, two)
        cache.delete("fleet:slot:preview:0")
        assert takes(turns, one) or takes(turns, two)


def spend_all(learner, settings) -> None:
    most_ms = settings.LIMITS.simulated_s * 1000
    count_within("fleet-ms", learner.learner_id, 60, by=most_ms)


def test_the_calculator_s_work_counts_and_is_refused_with_a_sentence(
    learner, neighbour, settings
) -> None:
    learner.page(HARDWARE)
    assert count_within("fleet-ms", learner.learner_id, 60, by=0) > 1
    spend_all(learner, settings)
    for path in (HARDWARE, "/lab/fleet/card/?model=llama-3.1-8b"):
        answer = learner.client.get(path)
        assert (answer.status_code, answer.headers["Retry-After"]) == (429, "60"), path
        assert "You have used 30 seconds" in answer.text
    assert 'role="alert"' in learner.fragment(HARDWARE, status=429)
    neighbour.page(HARDWARE)


def test_the_challenge_refuses_as_the_simulator_does(learner, settings) -> None:
    spend_all(learner, settings)
    for answer in (
        learner.client.get(CHALLENGE),
        learner.client.post(f"{CHALLENGE}hand-in/", {"mode": "serverless"}),
    ):
        assert (answer.status_code, answer.headers["Retry-After"]) == (429, "60")
        assert "You have used 30 seconds" in answer.text


def test_a_result_is_explained_within_the_same_seconds(
    learner, settings, monkeypatch
) -> None:
    fields = {"mode": "serverless", "max_workers": "4"}
    handed = learner.client.post(f"{CHALLENGE}hand-in/", fields)
    shown = handed.headers["Location"].partition("#")[0]
    assert 'id="handed-in"' in learner.client.get(shown).text
    spend_all(learner, settings)
    monkeypatch.setattr(
        "capacity.fleet.outcome.challenge", lambda plan: pytest.fail("simulated")
    )
    assert 'id="handed-in"' not in learner.client.get(shown).text


def test_a_fleet_that_cannot_be_simulated_is_a_fault_of_the_form(
    learner, monkeypatch
) -> None:
    monkeypatch.setattr("planning.fleet.bounded.STARTS", 0)
    fields = {"mode": "serverless", "max_workers": "5"}
    for answer in (
        learner.client.get(CHALLENGE, fields),
        learner.client.post(f"{CHALLENGE}hand-in/", fields),
    ):
        assert answer.status_code == 400
        assert "takes too long to simulate" in answer.text
