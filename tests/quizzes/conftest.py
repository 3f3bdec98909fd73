"""A learner's browser, the loaded bank, and a fake engine at the seam of Celery."""

import uuid
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

import pytest
from django.test import Client

from courseware.learner import learner_id_of
from courseware.models import Chapter, Section
from lab import client
from quizzes.bank import read_bank
from quizzes.loader import load_bank
from quizzes.models import Attempt, QuestionRevision, Quiz
from tests.lab.fake_engine import FakeEngine

ANCHORS = "pagedattention serverless-or-provisioned cold-starts hardware".split()
BROWSER = {"HTTP_USER_AGENT": "Mozilla/5.0 (X11; Linux x86_64) Firefox/150.0"}
NUMBERS = {
    "finish_reason": "length",
    "num_prompt_tokens": 296,
    "num_cached_tokens": 0,
    "num_output_tokens": 60,
    "num_blocks": 12,
    "num_blocks_shared": 0,
}


class MeasuredEngine(FakeEngine):
    """Its reports are of a measured question's first run."""

    def finish(self, number: int = -1, **fields: Any) -> None:
        super().finish(number, **NUMBERS | fields)


@pytest.fixture
def engine() -> Iterator[MeasuredEngine]:
    fake = MeasuredEngine()
    with client.transport(fake):
        yield fake


shipped_bank = lru_cache(maxsize=1)(read_bank)
"""Read once: it is the same for all tests, and they change rows only."""


@pytest.fixture
def bank(db: None) -> None:
    chapter = Chapter.objects.create(
        slug="deploying-ai-models", title="D", summary="S", position=1, minutes=1
    )
    for position, anchor in enumerate(ANCHORS):
        Section.objects.create(
            chapter=chapter, position=position, anchor=anchor, title=anchor, text="x"
        )
    load_bank(shipped_bank())


class Learner:
    """One browser that takes quizzes."""

    def __init__(self) -> None:
        self.client = Client(**BROWSER)
        self.client.get("/")
        self.learner_id = learner_id_of(self.client.session)

    def start(self, quiz: str = "deploying-ai-models") -> Attempt:
        self.client.post(f"/quiz/{quiz}/start/")
        attempt = Attempt.objects.get(
            learner_id=self.learner_id, quiz_id=quiz, closed_at=None
        )
        self.url = f"/quiz/attempts/{attempt.pk}/"
        return attempt

    def page(self, position: int = 1, **headers: str) -> str:
        response = self.client.get(f"{self.url}{position}/", headers=headers)
        assert response.status_code == 200
        return response.content.decode()

    def answer(self, position: int = 1, **fields: Any) -> str:
        fields = {"try": "1", "certainty": "2", **fields}
        response = self.client.post(
            f"{self.url}{position}/answer/", fields, follow=True
        )
        assert response.status_code == 200
        return response.content.decode()

    def finish(self) -> str:
        response = self.client.post(f"{self.url}finish/", follow=True)
        return response.content.decode()


@pytest.fixture
def learner(bank: None, engine: FakeEngine) -> Learner:
    return Learner()


@pytest.fixture
def make_quiz(db: None) -> Callable[..., Quiz]:
    """A quiz of one question with this body."""

    def make(**body: Any) -> Quiz:
        name = f"quiz-{uuid.uuid4().hex[:8]}"
        body = {"id": name, "text": "What?", **body}
        QuestionRevision.objects.create(
            name=name, revision="1", kind=body["kind"], tags=["t"], body=body
        )
        return Quiz.objects.create(
            name=name, title="T", chapter="c", anchor="a", draws=[[name]]
        )

    return make


def right_fields(attempt: Attempt, position: int) -> dict[str, Any]:
    """What to send to be right, read from the server's own key."""
    variant = attempt.latest(position).variant()
    question = variant.question
    if question.choices:
        rights = [p.letter for p in variant.parts if question.choices[p.index].is_right]
        return {"choice": rights}
    key: Any = variant.key()
    if question.kind == "ordering":
        return {f"place-{item}": n for n, item in enumerate(key.order, 1)}
    if question.kind == "matching":
        return {f"match-{left}": right for left, right in key.pairs.items()}
    if question.kind == "shorttext":
        return {"text": key.accepted[0]}
    return {"value": f"{float(key.value):.9f}"}
