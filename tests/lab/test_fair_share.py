"""Who has many requests under way does not keep others from their first."""

import pytest
from django.core.cache import cache

from lab import client
from lab.engine.generation import GenerationRequest
from lab.messages import Generation
from lab.models import EngineRequest
from tests.lab.fake_engine import FakeEngine

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def empty_cache() -> None:
    cache.clear()


def submit(learner: str, text: str, purpose: str = "demo") -> None:
    messages = [{"role": "user", "content": text}]
    client.submit(Generation(messages, 8), learner_id=learner, purpose=purpose)


def line(engine: FakeEngine) -> list[str]:
    """What was sent, in the order in which vLLM's queue by priority has it: the smaller
    number first, the earlier one of equals (vllm/v1/request.py, Request.__lt__)."""
    sent = [GenerationRequest.from_payload(one) for one in engine.submitted]
    sent.sort(key=lambda request: request.order)
    return [request.messages[0]["content"] for request in sent]


def ended(engine: FakeEngine, number: int) -> None:
    """Requests end in the order in which they were sent."""
    for payload in engine.submitted[:number]:
        EngineRequest.objects.filter(request_id=payload["request_id"]).update(
            finish_reason="length"
        )


@pytest.mark.parametrize("purpose", ["demo", "mentor", "quiz"])
def test_anothers_first_comes_before_the_second_of_who_has_many(
    purpose: str,
) -> None:
    engine = FakeEngine()
    with client.transport(engine):
        for number in range(3):
            submit("anna", f"anna {number}", purpose)
        submit("ben", "ben 0", purpose)
        submit("ben", "ben 1", purpose)
    assert line(engine) == ["anna 0", "ben 0", "anna 1", "ben 1", "anna 2"]


def test_it_is_so_too_where_who_has_many_has_been_at_it_for_long() -> None:
    engine = FakeEngine()
    with client.transport(engine):
        for number in range(12):
            submit("anna", f"anna {number}")
        ended(engine, 8)
        submit("anna", "anna 12")
        submit("ben", "ben 0")
        submit("carl", "carl 0")
    assert line(engine)[8:] == [
        *("anna 8", "ben 0", "carl 0", "anna 9", "anna 10", "anna 11", "anna 12"),
    ], "ben's comes before the next of anna's, and hers keep their order"


def test_a_question_still_goes_before_all_demonstrations() -> None:
    engine = FakeEngine()
    with client.transport(engine):
        submit("ben", "ben's demonstration")
        for number in range(3):
            submit("anna", f"anna {number}", "mentor")
    assert line(engine) == ["anna 0", "anna 1", "anna 2", "ben's demonstration"]


def test_a_message_of_the_version_before_is_of_the_first_round() -> None:
    payload = {
        "request_id": "r1",
        "messages": [{"role": "user", "content": "What?"}],
        "max_tokens": 8,
        "priority": 2,
    }
    assert GenerationRequest.from_payload(payload).order == 2_000_000
    with pytest.raises(ValueError, match="round"):
        GenerationRequest.from_payload({**payload, "round": -1})
