"""Whose words lead: decided by what was measured of the engine's model."""

from dataclasses import replace
from io import StringIO

import pytest
from django.core.management import call_command
from django.urls import reverse

from courseware.learner import SESSION_KEY
from lab.client import transport
from mentor import asking, voices
from mentor.commands import Ask
from mentor.errors import MentorError
from mentor.models import Turn
from mentor.presentation import turn_json
from mentor.voices import Voice, keep, kept_in, leads
from tests.lab.fake_engine import READY, FakeEngine, deliver, finished
from tests.mentor.fake_course import ANSWER, TRUE

GOOD = Voice(
    model=READY.model,
    supported_pct=99.0,
    voice_right_pct=95.0,
    voice_wrong=0,
    copied_pct=20.0,
    voice_tokens_per_s=100.0,
    voice_ttft_ms_p50=200.0,
    start_s=20.0,
    num_questions=284,
    at_once=8,
    machine="a machine",
    measured="2026-11-26",
)


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "voices.yaml"
    path.write_text("# Measured here.\n", encoding="utf-8")
    with kept_in(path):
        yield path


@pytest.mark.parametrize(
    "worse",
    [
        {"supported_pct": 94.9},
        {"voice_right_pct": 91.9},
        {"voice_wrong": 1},
        {"copied_pct": 50.1},
        {"num_questions": 99},
    ],
)
def test_a_model_leads_only_where_all_marks_are_reached(worse, table):
    keep(GOOD, table)
    assert leads(GOOD.model)
    keep(replace(GOOD, **worse), table)
    assert not leads(GOOD.model)


def test_a_model_that_was_not_measured_never_leads(table):
    assert not leads(GOOD.model) and not leads("")
    keep(GOOD, table)
    assert not leads("another") and not leads(f"{GOOD.model}, random weights")


def test_an_entry_takes_the_place_of_the_models_last_one(table):
    keep(GOOD, table)
    keep(replace(GOOD, model="another", note="a second"), table)
    keep(replace(GOOD, start_s=30.0), table)
    assert [v.start_s for v in voices.voices(table).values()] == [30.0, 20.0]
    assert table.read_text(encoding="utf-8").startswith("# Measured here.\n- model:")


def test_a_table_of_another_form_is_refused(tmp_path):
    path = tmp_path / "voices.yaml"
    path.write_text("- {model: x, supported: 3}\n", encoding="utf-8")
    with pytest.raises(MentorError, match="another form"):
        voices.voices(path)


def test_the_shipped_table_is_of_the_form():
    assert all(v.num_questions for v in voices.voices().values())


@pytest.fixture
def answered(learner, chapter, engine):
    def answer(text: str) -> Turn:
        turn = asking.ask(learner, Ask(None, f"What is it? {len(text)}"))
        deliver(finished(turn.request_id, text))
        return Turn.objects.get(pk=turn.pk)

    return answer


@pytest.mark.django_db(transaction=True)
def test_the_engine_leads_where_its_model_may_and_all_it_said_is_supported(
    answered, table
):
    assert not turn_json(answered(TRUE))["leads"]
    keep(GOOD, table)
    assert turn_json(answered(TRUE))["leads"]
    assert not turn_json(answered(f"{TRUE} It was made in 1999."))["leads"]


@pytest.mark.django_db(transaction=True)
def test_a_course_that_doubts_its_answer_stays_first(answered, teacher, table):
    keep(GOOD, table)
    teacher.finding = replace(ANSWER, words="It may not be just that.")
    assert not turn_json(answered(TRUE))["leads"]


@pytest.mark.django_db(transaction=True)
def test_an_open_or_failed_answer_leaves_the_course_first(
    learner, chapter, engine, table
):
    keep(GOOD, table)
    turn = asking.ask(learner, Ask(None, "What is it?"))
    assert turn.is_open and not turn_json(turn)["leads"]
    deliver(finished(turn.request_id, "", finish_reason="error", error="It broke."))
    assert not turn_json(Turn.objects.get(pk=turn.pk))["leads"]


@pytest.mark.django_db(transaction=True)
def test_both_layouts_are_read_without_javascript(answered, table, client, learner):
    session = client.session
    session[SESSION_KEY] = learner
    session.save()

    def page(turn: Turn) -> str:
        url = reverse("mentor:conversation", args=[turn.conversation_id])
        return client.get(url).content.decode().partition("<main")[2]

    shown = page(answered(TRUE))
    assert shown.index("From the course") < shown.index("In the engine’s words")
    assert "Sources: what the course says" not in shown
    keep(GOOD, table)
    shown = page(answered(TRUE))
    words, fold = shown.index("In the engine’s words"), shown.index("<details")
    assert words < shown.index("mentor-cite") < fold < shown.index("From the course")
    assert shown.index("<code>KV cache</code>") > fold


@pytest.mark.django_db(transaction=True)
def test_what_is_measured_is_kept_with_the_models_name(chapter, table, tmp_path):
    class Speaking(FakeEngine):
        def send(self, task, arguments, priority, queue="engine"):
            super().send(task, arguments, priority, queue)
            deliver(finished(self.request_id(), TRUE))

    path = tmp_path / "set.yaml"
    path.write_text("- {q: 'What takes a block?', facts: [[request]]}\n")
    with transport(Speaking(READY)):
        call_command(
            "evalmentor", questions=path, voice=True, keep=table, stdout=StringIO()
        )
    voice = voices.voices(table)[READY.model]
    assert (voice.supported_pct, voice.voice_right_pct) == (100, 100)
    assert (voice.num_questions, voice.at_once) == (1, 8)
    assert not voice.leads, "of one question nothing follows"
