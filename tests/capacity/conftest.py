"""A learner's browser, and the fake engine with reports that rates come from."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client

from courseware.learner import learner_id_of
from lab import client
from tests.lab.fake_engine import READY, FakeEngine

BROWSER = {"HTTP_USER_AGENT": "Mozilla/5.0 (X11; Linux x86_64) Firefox/150.0"}


class Learner:
    """One browser."""

    def __init__(self) -> None:
        self.client = Client(**BROWSER)
        self.client.get("/privacy/")
        self.learner_id = learner_id_of(self.client.session) or ""

    def page(self, path: str, status: int = 200, **query: Any) -> str:
        response = self.client.get(path, query)
        assert response.status_code == status, response.content[:500]
        return " ".join(response.text.split())

    def fragment(self, path: str, status: int = 200, **query: Any) -> str:
        response = self.client.get(path, query, headers={"HX-Request": "true"})
        assert response.status_code == status
        assert "<html" not in response.text
        return " ".join(response.text.split())

    def post(self, path: str, **fields: Any) -> str:
        return " ".join(self.client.post(path, fields, follow=True).text.split())


@pytest.fixture(autouse=True)
def no_counts() -> Iterator[None]:
    """Every test begins with a full allowance."""
    cache.clear()
    yield


@pytest.fixture
def learner(db: None) -> Learner:
    return Learner()


@pytest.fixture
def neighbour(db: None) -> Learner:
    return Learner()


NUMBERS = {
    "finish_reason": "length",
    "num_prompt_tokens": 300,
    "num_cached_tokens": 0,
    "num_output_tokens": 64,
    "ttft_s": 0.5,
    "queue_s": 0.1,
    "output_tokens_per_s": 50.0,
}


class TimedEngine(FakeEngine):
    """Its reports are of the requests that rates are measured with."""

    def start(self) -> None:
        self.hosts.append(replace(READY, model="SmolLM2", device="CPU"))

    def finish(self, number: int = -1, **fields: Any) -> None:
        super().finish(number, **NUMBERS | fields)


@pytest.fixture
def engine() -> Iterator[TimedEngine]:
    fake = TimedEngine()
    with client.transport(fake):
        yield fake
