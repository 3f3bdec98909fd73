"""EngineRequest: limits, one report each, no text, and forgetting."""

import dataclasses
import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.core.cache import cache
from django.utils import timezone

from courseware.learner import forget_learner
from lab.errors import LimitExceeded
from lab.messages import Generation, RequestReport
from lab.models import EngineRequest

pytestmark = pytest.mark.django_db

SECRET = "What do you know about my neighbour?"
GENERATION = Generation([{"role": "user", "content": SECRET}], max_tokens=8)
REPORT = RequestReport(
    request_id="r1",
    engine_host_id="host-a",
    finish_reason="stop",
    text="He is " + SECRET,
    short_id=3,
    num_prompt_tokens=12,
    num_output_tokens=4,
    ttft_s=0.25,
)


@pytest.fixture(autouse=True)
def empty_cache() -> None:
    cache.clear()


def accept(request_id: str, learner: str = "anna", **changes: Any) -> EngineRequest:
    fields = {"purpose": "mentor", "generation": GENERATION} | changes
    return EngineRequest.accept(request_id, learner, **fields)


def test_a_request_is_kept_without_any_text() -> None:
    accept("r1", address="203.0.113.9")
    EngineRequest.finish(REPORT)
    kept = json.dumps(EngineRequest.objects.values().get(), default=str)
    assert SECRET not in kept and "He is" not in kept
    assert "203.0.113.9" not in kept


def test_a_report_is_kept_once_and_only_for_a_known_request() -> None:
    accept("r1")
    first = EngineRequest.finish(REPORT)
    assert first is not None and first.finish_reason == "stop"
    assert first.report["num_output_tokens"] == 4 and first.report["ttft_s"] == 0.25
    later = dataclasses.replace(REPORT, finish_reason="interrupted")
    assert EngineRequest.finish(later) is None
    assert EngineRequest.objects.get().finish_reason == "stop"
    unknown = dataclasses.replace(REPORT, request_id="r2")
    assert EngineRequest.finish(unknown) is None


def test_a_prompt_that_is_too_long_is_refused_by_its_number() -> None:
    message = {"role": "user", "content": "x" * 16_001}
    accept("fits", generation=Generation([{**message, "content": "x" * 32_000}], 8))
    with pytest.raises(LimitExceeded) as refusal:
        accept("long", generation=Generation([message, message], 8))
    assert str(refusal.value) == (
        "The prompt has 32,002 characters; allowed are 32,000."
    )
    assert not EngineRequest.objects.filter(request_id="long").exists()


@pytest.mark.parametrize(
    ("purpose", "allowed"), [("mentor", 3), ("demo", 64), ("quiz", 48), ("other", 4)]
)
def test_each_purpose_has_its_own_limit_per_learner(purpose: str, allowed: int) -> None:
    for number in range(allowed):
        accept(f"r{number}", purpose=purpose)
    with pytest.raises(LimitExceeded, match=f"^{allowed} of your requests are under"):
        accept("one more", purpose=purpose)
    accept("another learner's", learner="bert", purpose=purpose)
    accept("another purpose", purpose="else")


def test_a_finished_request_makes_room_for_the_next() -> None:
    for number in range(3):
        accept(f"r{number}")
    EngineRequest.finish(REPORT)
    accept("next")
    with pytest.raises(LimitExceeded):
        accept("one more")


def test_requests_that_died_with_their_host_are_forgotten_after_ten_minutes() -> None:
    for number in range(3):
        accept(f"r{number}")
    long_ago = timezone.now() - timedelta(minutes=11)
    EngineRequest.objects.filter(request_id="r1").update(created_at=long_ago)
    accept("next")


def test_all_learners_together_have_a_limit() -> None:
    limit = settings.LIMITS.mentor_total
    EngineRequest.objects.bulk_create(
        EngineRequest(request_id=f"r{n}", learner_id=f"learner{n}", purpose="mentor")
        for n in range(limit - 1)
    )
    accept("the last one", learner="early")
    with pytest.raises(LimitExceeded, match=f"{limit} questions to the mentor of all"):
        accept("one more", learner="late")


@pytest.fixture
def three_a_minute(settings: Any) -> None:
    settings.LIMITS = replace(settings.LIMITS, requests_address=3)


def ask(number: int, address: str) -> None:
    accept(f"{address}-{number}"[:32], learner=f"learner{number}", address=address)


def test_one_address_has_a_limit_however_many_learners_it_makes(
    three_a_minute: None,
) -> None:
    for number in range(3):
        ask(number, "203.0.113.9")
    with pytest.raises(LimitExceeded, match="came from your network address"):
        ask(4, "203.0.113.9")
    ask(5, "203.0.113.10")


def test_an_ipv6_subscriber_counts_as_one_address(three_a_minute: None) -> None:
    for number in range(3):
        ask(number, f"2001:db8:1:2::{number}")
    with pytest.raises(LimitExceeded):
        ask(4, "2001:db8:1:2:9::4")
    ask(5, "2001:db8:1:3::1")


def test_the_count_is_shared_by_all_processes_and_holds_no_address(
    three_a_minute: None,
) -> None:
    import redis

    ask(1, "203.0.113.77")
    with redis.Redis.from_url(settings.REDIS_URL, decode_responses=True) as server:
        keys = list(server.scan_iter("servelab*engine-requests*"))
        assert len(keys) == 1 and "203.0.113.77" not in keys[0]
        assert 0 < server.ttl(keys[0]) <= 60


def test_an_unknown_address_is_not_counted(three_a_minute: None) -> None:
    for number in range(5):
        accept(f"r{number}", learner=f"learner{number}", address="")


def test_a_forgotten_learner_leaves_nothing_behind() -> None:
    accept("r1")
    accept("r2", learner="bert")
    forget_learner("anna")
    assert [r.learner_id for r in EngineRequest.objects.all()] == ["bert"]
    assert EngineRequest.finish(REPORT) is None, "a late report brings nobody back"


def test_demonstrations_of_a_class_leave_the_mentor_its_room() -> None:
    EngineRequest.objects.bulk_create(
        EngineRequest(request_id=f"r{n}", learner_id=f"learner{n}", purpose="demo")
        for n in range(settings.LIMITS.demo_total)
    )
    with pytest.raises(LimitExceeded, match="of demonstrations and experiments of all"):
        accept("one more", learner="late", purpose="demo")
    accept("a question", learner="late", purpose="mentor")


def test_a_class_of_a_hundred_at_one_address_is_not_refused_for_its_room() -> None:
    cache.clear()
    for learner in range(100):
        for number in range(8):
            accept(
                f"{learner}-{number}",
                learner=f"learner{learner}",
                purpose="demo",
                address="203.0.113.200",
            )
        accept(f"q{learner}", learner=f"learner{learner}", address="203.0.113.200")
    assert EngineRequest.objects.count() == 900


def test_one_learner_has_a_limit_a_minute(settings: Any) -> None:
    settings.LIMITS = replace(settings.LIMITS, requests_learner=2)
    accept("first", learner="quick")
    accept("second", learner="quick")
    with pytest.raises(LimitExceeded, match="2 requests of yours were sent within"):
        accept("third", learner="quick")
    accept("third", learner="calm")
