"""5,000 answers from 50 clients at once: none lost, none counted twice.

On the database of the run: SQLite in the fast tests, PostgreSQL in the tests on it.
"""

import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connection, connections
from django.http import HttpResponse
from django.test import Client

from courseware.learner import learner_id_of
from quizzes.loader import load_quizzes
from quizzes.models import Answer, Attempt, QuestionRevision, Quiz
from tests.quizzes.conftest import BROWSER, right_fields

NUM_CLIENTS = 50
NUM_ANSWERS = 5_000
NUM_QUESTIONS = 25
"""Questions of the quiz; each is answered twice at once by two tabs."""


@pytest.fixture
def shared_database(transactional_db: None, tmp_path: Path) -> Iterator[None]:
    """A database that threads can share; SQLite's in memory locks whole tables."""
    if connection.vendor != "sqlite":
        yield
        return
    before = connections["default"]
    settings = connections.settings["default"]
    name = settings["NAME"]
    settings["NAME"] = tmp_path / "many.sqlite3"
    connections["default"] = connections.create_connection("default")
    connections["default"].inc_thread_sharing()
    try:
        call_command("migrate", verbosity=0, interactive=False)
        yield
    finally:
        connections["default"].close()
        settings["NAME"] = name
        connections["default"] = before


@pytest.fixture
def long_quiz(shared_database: None) -> Quiz:
    load_quizzes()
    names = QuestionRevision.objects.filter(kind="single", is_current=True)
    pool = list(names.values_list("name", flat=True))
    draws = [[pool[at % len(pool)]] for at in range(NUM_QUESTIONS)]
    return Quiz.objects.create(
        name="long", title="L", chapter="c", anchor="a", draws=draws
    )


class Tab(threading.Thread):
    """One tab: starts attempts and answers all, as fast as it can."""

    def __init__(self, client: Client, rounds: int, gate: threading.Barrier) -> None:
        super().__init__()
        self.client, self.rounds, self.gate = client, rounds, gate
        self.statuses: Counter[int] = Counter()
        self.error: Exception | None = None

    def run(self) -> None:
        try:
            for _ in range(self.rounds):
                self._round()
        except Exception as error:
            self.error = error
            self.gate.abort()
        finally:
            connections.close_all()

    def _round(self) -> None:
        self.gate.wait(60)
        start = self._post("/quiz/long/start/")
        url = start.headers["Location"].rsplit("/", 2)[0]
        attempt = Attempt.objects.get(pk=url.rsplit("/", 1)[1])
        for position in range(1, NUM_QUESTIONS + 1):
            fields = {"try": "1", **right_fields(attempt, position)}
            answer = self._post(f"{url}/{position}/answer/", fields)
            self.statuses[answer.status_code] += 1
        self.gate.wait(60)
        finish = self._post(f"{url}/finish/")
        assert finish.status_code == 302

    def _post(self, url: str, fields: dict[str, str] | None = None) -> HttpResponse:
        """As the server does, with the connection given back after the request: the
        test client keeps it, and there are more tabs than connections in the pool."""
        try:
            return self.client.post(url, fields)
        finally:
            connections.close_all()


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_no_answer_is_lost_or_counted_twice(long_quiz: Quiz) -> None:
    pairs = NUM_CLIENTS // 2
    rounds = NUM_ANSWERS // (NUM_CLIENTS * NUM_QUESTIONS)
    tabs: list[Tab] = []
    learner_ids = []
    for _ in range(pairs):
        first = Client(**BROWSER)
        first.get("/quiz/")
        learner_ids.append(learner_id_of(first.session))
        second = Client(**BROWSER)
        second.cookies = first.cookies.copy()
        gate = threading.Barrier(2)
        tabs += [Tab(first, rounds, gate), Tab(second, rounds, gate)]
    for tab in tabs:
        tab.start()
    for tab in tabs:
        tab.join()
    assert [tab.error for tab in tabs if tab.error] == []
    assert sum(tab.statuses.total() for tab in tabs) == NUM_ANSWERS
    assert {status for tab in tabs for status in tab.statuses} == {302}
    attempts = Attempt.objects.filter(quiz=long_quiz)
    assert attempts.count() == pairs * rounds
    assert attempts.filter(closed_at=None).count() == 0
    assert {attempt.score for attempt in attempts} == {1.0}
    answers = Answer.objects.filter(attempt__quiz=long_quiz)
    assert answers.count() == pairs * rounds * NUM_QUESTIONS
    assert answers.exclude(state=Answer.State.DONE).count() == 0
    for learner_id in learner_ids:
        numbers = attempts.filter(learner_id=learner_id).order_by("number")
        assert list(numbers.values_list("number", flat=True)) == list(
            range(1, rounds + 1)
        )
    assert connection.vendor in ("sqlite", "postgresql")
