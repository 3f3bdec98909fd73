"""A learner's browser, and a fake engine at the seam of Celery."""

from collections.abc import Iterator
from typing import Any

import pytest
from celery import current_app
from django.core.cache import cache
from django.test import Client

from courseware.learner import learner_id_of
from lab.engine import client as engine_client
from lab.engine.events import EngineStatus, RequestReport
from lab.models import EngineRequest

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


class FakeEngine:
    """Takes what submit() sends; finish() reports as the default worker would."""

    def __init__(self) -> None:
        self.statuses: list[EngineStatus] = []
        self.submitted: list[dict[str, Any]] = []

    def send_task(self, name: str, kwargs: dict[str, Any], **_: Any) -> None:
        self.submitted.append(kwargs["payload"])

    def start(self) -> None:
        self.statuses.append(
            EngineStatus("fake-host", "ready", 0.0, model="SmolLM2", device="CPU")
        )

    def finish(self, at: int, **numbers: Any) -> None:
        fields: dict[str, Any] = {
            "finish_reason": "length",
            "num_prompt_tokens": 300,
            "num_output_tokens": 64,
            "ttft_s": 0.5,
            "queue_s": 0.1,
            "output_tokens_per_s": 50.0,
        }
        request_id = self.submitted[at]["request_id"]
        report = RequestReport(request_id, "fake-host", **fields | numbers)
        EngineRequest.finish(report)
        engine_client.request_finished.send(
            sender=FakeEngine, report=report, purpose="rates"
        )


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> FakeEngine:
    fake = FakeEngine()
    monkeypatch.setattr(current_app, "send_task", fake.send_task)
    monkeypatch.setattr(engine_client, "status", lambda: fake.statuses)
    return fake
