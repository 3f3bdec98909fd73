"""Measured questions: predict, run on the engine, see both side by side."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.utils import timezone
from kombu.exceptions import OperationalError

from lab import client
from lab.models import EngineRequest
from lab.receipts.ending import finish
from quizzes.grading import MeasuredKey
from quizzes.measuring import NOT_SENT
from quizzes.models import Answer, Measurement
from quizzes.questions import RUN_NAMES
from quizzes.recorded import recorded_runs
from quizzes.reports import COUNTS, numbers_of, of_run
from quizzes.variants import variant_of
from tests.lab.fake_engine import READY, FakeEngine, finished
from tests.quizzes.conftest import Learner, shipped_bank

QUIZ = "deploying-ai-models-measured"
REPORT_OF = {
    **dict.fromkeys(COUNTS, 0),
    "num_output_tokens": 60,
    "output_tokens_per_s": 40.0,
    "ttft_s": 0.1,
    "queue_s": 0.0,
    "e2el_s": 2.0,
}
TWICE = {"ask-blocks": "9", "ask-tokens": "296"}


@pytest.fixture
def engine_up(engine: FakeEngine) -> FakeEngine:
    engine.hosts = [READY]
    return engine


@pytest.fixture
def on_commit(django_capture_on_commit_callbacks):
    return lambda: django_capture_on_commit_callbacks(execute=True)


def test_the_engine_answers_and_grades(
    learner: Learner, engine_up: FakeEngine, on_commit
) -> None:
    attempt = learner.start(QUIZ)
    with on_commit():
        page = learner.answer(1, **{"ask-blocks": "12"})
    assert "The engine is answering" in page
    sent = engine_up.submitted[0]
    assert sent["max_tokens"] == 60 and sent["ignore_eos"] is True
    assert f'data-quiz-request="{sent["request_id"]}"' in page
    engine_up.finish()
    page = learner.page(1)
    assert "Right." in page and "12 blocks of 32" in page
    assert "just for this attempt" in page
    assert attempt.latest(1).score == 1.0


def test_the_second_run_follows_the_first_with_the_same_salt(
    learner: Learner, engine_up: FakeEngine, on_commit
) -> None:
    attempt = learner.start(QUIZ)
    with on_commit():
        learner.answer(2, **TWICE)
    with on_commit():
        engine_up.finish()
    first, second = engine_up.submitted
    assert first["cache_salt"] == second["cache_salt"]
    assert first["messages"] == second["messages"]
    assert attempt.latest(2).state == Answer.State.RUNNING
    engine_up.finish(num_cached_tokens=288, num_blocks_shared=9)
    page = learner.page(2)
    assert "Partly right." in page and "288" in page and "quiz-block-cached" in page
    other = Learner()
    other.start(QUIZ)
    with on_commit():
        other.answer(2, **TWICE)
    assert engine_up.submitted[-1]["cache_salt"] != first["cache_salt"]


def test_the_prediction_cannot_be_changed_while_it_runs(
    learner: Learner, engine_up: FakeEngine, on_commit
) -> None:
    attempt = learner.start(QUIZ)
    with on_commit():
        learner.answer(1, **{"ask-blocks": "11"})
    with on_commit():
        learner.answer(1, **{"ask-blocks": "12"})
    assert len(engine_up.submitted) == 1
    engine_up.finish()
    assert attempt.latest(1).outcome == "wrong"


def test_without_an_engine_a_recorded_run_answers_and_says_so(
    learner: Learner,
) -> None:
    attempt = learner.start(QUIZ)
    page = learner.answer(2, **TWICE)
    assert "No engine was up: this is a recorded run of a real one" in page
    assert "another text" not in page, "recorded with this very prompt"
    assert attempt.latest(2).score == 0.5
    assert attempt.latest(2).submitted == {"blocks": "9", "tokens": "296"}


def test_without_engine_and_recording_it_does_not_count(
    learner: Learner, engine_up: FakeEngine, monkeypatch, on_commit
) -> None:
    monkeypatch.setattr("quizzes.measuring.recorded", lambda name: None)
    engine_up.hosts = []
    attempt = learner.start(QUIZ)
    page = learner.answer(1, **{"ask-blocks": "12"})
    assert "It does not count" in page
    learner.client.post(f"{learner.url}1/retry/")
    assert attempt.latest(1).state == Answer.State.OPEN
    engine_up.hosts = [READY]
    with on_commit():
        learner.answer(1, **{"ask-blocks": "12"})
        engine_up.hosts = [READY]
    engine_up.finish()
    assert attempt.latest(1).score == 1.0


def test_an_engine_that_stops_or_is_away_costs_nothing(
    learner: Learner, engine_up: FakeEngine, on_commit
) -> None:
    attempt = learner.start(QUIZ)
    with on_commit():
        learner.answer(1, **{"ask-blocks": "12"})
    engine_up.finish(finish_reason="error", error="The engine was restarted.")
    assert "The engine was restarted." in learner.page(1)
    learner.finish()
    attempt.refresh_from_db()
    assert attempt.score == 0.0
    assert attempt.latest(1).state == Answer.State.FAILED


def test_the_time_of_day_alone_ends_no_measurement(
    learner: Learner, engine_up: FakeEngine, on_commit
) -> None:
    attempt = learner.start(QUIZ)
    with on_commit():
        learner.answer(1, **{"ask-blocks": "12"})
    long_ago = timezone.now() - client.OVERDUE - timedelta(seconds=1)
    Answer.objects.update(answered_at=long_ago)
    assert "The engine is answering" in learner.page(1)
    EngineRequest.objects.update(finish_reason="stop")  # and its report got lost
    assert "No engine answered within 10 minutes." in learner.page(1)
    assert attempt.latest(1).state == Answer.State.FAILED


def test_a_broker_that_is_away_is_said(
    learner: Learner, engine_up: FakeEngine, transactional_db
) -> None:
    attempt = learner.start(QUIZ)
    engine_up.broken = OperationalError("away")
    page = learner.answer(1, **{"ask-blocks": "12"})
    assert "could not be sent" in page
    assert attempt.latest(1).state == Answer.State.FAILED


def test_a_broker_that_goes_between_two_runs_is_said_without_a_visitor(
    learner: Learner, engine_up: FakeEngine, transactional_db
) -> None:
    """The default worker sends the second run when it has the end of the first."""
    attempt = learner.start(QUIZ)
    learner.answer(2, **TWICE)
    report = finished(engine_up.request_id())
    engine_up.broken = OperationalError("away")
    with pytest.raises(OperationalError):
        finish(report)
    assert attempt.latest(2).state == Answer.State.RUNNING
    client.swept.send(sender=None)
    assert attempt.latest(2).error == NOT_SENT


def test_the_sweep_leaves_a_measurement_that_is_under_way(
    learner: Learner, engine_up: FakeEngine, transactional_db
) -> None:
    attempt = learner.start(QUIZ)
    learner.answer(2, **TWICE)
    client.swept.send(sender=None)
    finish(finished(engine_up.request_id()))
    client.swept.send(sender=None)
    assert attempt.latest(2).state == Answer.State.RUNNING
    assert len(engine_up.submitted) == 2


def test_a_report_counts_once_and_only_if_it_is_ours(
    learner: Learner, engine_up: FakeEngine, on_commit
) -> None:
    attempt = learner.start(QUIZ)
    with on_commit():
        learner.answer(1, **{"ask-blocks": "12"})
    engine_up.finish()
    engine_up.finish(num_blocks=99)
    assert attempt.latest(1).score == 1.0
    assert Measurement.objects.get().numbers["num_blocks"] == 12


def test_a_page_that_waits_gets_nothing_until_it_changes(
    learner: Learner, engine_up: FakeEngine, on_commit
) -> None:
    learner.start(QUIZ)
    with on_commit():
        learner.answer(1, **{"ask-blocks": "12"})
    waiting = f"{learner.url}1/?waiting={engine_up.submitted[0]['request_id']}"
    assert learner.client.get(waiting).status_code == 204
    engine_up.finish()
    assert learner.client.get(waiting).status_code == 200


def test_the_truth_follows_the_engines_own_block_size(
    learner: Learner, engine_up: FakeEngine, on_commit
) -> None:
    engine_up.hosts = [replace(READY, block_size=16)]
    attempt = learner.start(QUIZ)
    assert "block size 16" in learner.page(3)
    with on_commit():
        learner.answer(3, **{"ask-blocks": "38", "ask-added": "19"})
    engine_up.finish(num_blocks=38, num_output_tokens=300)
    assert attempt.latest(3).score == 1.0


STEP_TIME = 8
"""Its place in the quiz: one request alone, eight at once, one alone again."""


def test_a_batch_is_sent_at_once_and_the_next_run_waits_for_all_of_it(
    learner: Learner, engine_up: FakeEngine, on_commit
) -> None:
    attempt = learner.start(QUIZ)
    assert "8 requests at once" in learner.page(STEP_TIME)
    with on_commit():
        learner.answer(STEP_TIME, **{"ask-ratio": "2x"})
    assert len(engine_up.submitted) == 1
    with on_commit():
        engine_up.finish(output_tokens_per_s=40.0)
    assert len(engine_up.submitted) == 9
    for number in range(1, 8):
        with on_commit():
            engine_up.finish(number, output_tokens_per_s=25.0)
    assert len(engine_up.submitted) == 9, "one of the eight still runs"
    with on_commit():
        engine_up.finish(8, output_tokens_per_s=25.0)
    assert len(engine_up.submitted) == 10
    assert attempt.latest(STEP_TIME).state == Answer.State.RUNNING
    engine_up.finish(9, output_tokens_per_s=40.0)
    answer = attempt.latest(STEP_TIME)
    assert answer.score == 1.0 and answer.measurements.count() == 10
    page = learner.page(STEP_TIME)
    assert "8 requests at once" in page and "40.0 ms" in page and "1.60" in page


def test_a_time_that_was_not_reported_does_not_count(
    learner: Learner, engine_up: FakeEngine, on_commit
) -> None:
    attempt = learner.start(QUIZ)
    with on_commit():
        learner.answer(6, **{"ask-ratio": "5"})
    with on_commit():
        engine_up.finish(ttft_s=None)
    engine_up.finish(ttft_s=0.1)
    assert attempt.latest(6).state == Answer.State.FAILED
    assert "did not report the times" in learner.page(6)


def test_recorded_times_teach_what_the_questions_say() -> None:
    """A try that other work disturbed would say that eight are quicker than one."""
    found = recorded_runs()["reports"]
    for name, low, high in [
        ("measured-ttft-hit", 2, 40), ("measured-prefill-length", 2, 20),
        ("measured-step-time", 1, 5), ("measured-batch-throughput", 3, 16),
        ("measured-queue-wait", 0.5, 1.5),
    ]:  # fmt: skip
        question = shipped_bank().questions[name]
        runs = dict(zip(RUN_NAMES, found[name]["runs"], strict=False))
        key = variant_of(question, 0).key(runs)
        assert isinstance(key, MeasuredKey)
        assert low < key.asks["ratio"].value < high, name


def test_a_run_is_the_median_of_its_requests() -> None:
    requests = [
        numbers_of(REPORT_OF | {"ttft_s": ttft, "queue_s": queue, "e2el_s": 2.0})
        for ttft, queue in [(0.1, 0.0), (0.2, 0.4), (0.9, 1.0)]
    ]
    run = of_run(requests)
    assert run["ttft_ms"] == 200 and run["longest_queue_ms"] == 1000
    assert run["num_waited"] == 1 and run["num_requests"] == 3
    assert run["tokens_per_s"] == 90 and run["itl_ms"] == 25
    assert of_run([run]) == run, "a recorded run has them already"
    unknown = of_run([numbers_of(REPORT_OF | {"ttft_s": None})])
    assert "ttft_ms" not in unknown
