"""evalmentor --voice: an engine's own words, measured the whole way."""

import json
import re
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from courseware.models import Learner
from lab import client
from mentor.evaluation import Question
from mentor.models import Turn
from mentor.voice_evaluation import put, results
from tests.lab.fake_engine import READY, FakeEngine, deliver, finished
from tests.mentor.fake_course import DECLINE, TRUE

pytestmark = pytest.mark.django_db(transaction=True)
INVENTED = "It was made in 1999."


class Speaking(FakeEngine):
    """Says the same to everything, at once."""

    def __init__(self, text: str) -> None:
        super().__init__(READY)
        self.text = text

    def send(self, *task: Any) -> None:
        super().send(*task)
        deliver(finished(self.request_id(), self.text))


def question(q: str = "What takes a block?", fact: str = "request", **more: Any) -> Any:
    fields = {"after": (), "section": "", "kind": "what", "scope": "in", "wrong": ()}
    facts = ((re.compile(fact),),)
    return Question(q=q, facts=facts, **(fields | more))


def value(found: list[dict[str, Any]], name: str) -> float:
    return next(row["value"] for row in found if row["name"] == name)


@pytest.fixture
def speaking():
    engine = Speaking(f"{TRUE} {INVENTED}")
    with client.transport(engine):
        yield engine


def test_only_supported_sentences_count_as_stated(speaking, chapter):
    asked = [question(), question(q="When was it made?", fact="1999")]
    found = results(list(put(asked)), wall_s=2.0)
    assert value(found, "supported_pct") == 50
    assert value(found, "voice_right_pct") == 50
    assert value(found, "voice_wrong") == 0
    assert value(found, "voice_tokens_per_s") > 0


def test_a_false_statement_counts_where_the_check_let_it_pass(speaking, chapter):
    wrong = (re.compile("takes a block"),)
    (voiced,) = put([question(wrong=wrong)])
    assert voiced.wrong and voiced.supported == [TRUE]


def test_what_the_course_said_word_for_word_is_told_apart(speaking, chapter, teacher):
    speaking.text = "PagedAttention cuts the `KV cache` into blocks."
    (voiced,) = put([question(fact="blocks")])
    assert (voiced.num_copied, voiced.right) == (1, True)
    speaking.text = TRUE
    (voiced,) = put([question()])
    assert voiced.num_copied == 0


def test_earlier_questions_go_along_and_nothing_is_left_behind(
    speaking, chapter, teacher
):
    learners = set(Learner.objects.values_list("pk", flat=True))
    list(put([question(after=("What is vLLM?",))]))
    assert list(teacher.asked[-1]["before"]) == ["What is vLLM?"]
    assert [m["role"] for m in speaking.prompt()] == ["system", "user"]
    assert not Turn.objects.exists()
    assert set(Learner.objects.values_list("pk", flat=True)) == learners


def test_what_the_course_declines_is_not_the_engines(speaking, chapter, teacher):
    teacher.finding = DECLINE
    assert list(put([question()])) == []
    assert results([], wall_s=1.0) == []


SET = """
- {q: "What takes a block?", scope: in, facts: [[request]]}
- {q: "What is the capital of Peru?", scope: out, wrong: [Lima]}
- {q: "is my request waiting?", scope: in, kind: lab, facts: [[block]]}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "set.yaml"
    path.write_text(SET, encoding="utf-8")
    return path


def test_the_command_asks_what_is_inside_and_ends_with_an_object(
    speaking, chapter, file
):
    out = StringIO()
    call_command(
        "evalmentor", questions=file, voice=True, json=True, missed=True, stdout=out
    )
    lines = out.getvalue().splitlines()
    report = json.loads(lines[-1])
    assert report["bench"] == "evalmentor --voice"
    assert value(report["results"], "voice_right_pct") == 100
    assert len(speaking.submitted) == 1
    assert any(INVENTED in line and line.strip().startswith("-") for line in lines)


def test_without_an_engine_the_command_says_so(engine, chapter, file):
    engine.hosts = []
    with pytest.raises(CommandError, match="No engine is ready"):
        call_command("evalmentor", questions=file, voice=True)
