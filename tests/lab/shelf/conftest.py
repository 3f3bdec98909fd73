"""Learners, a recording of made-up traffic, and a storage in memory."""

import uuid
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.test import Client

from lab.recordings.recording import RecordingHeader, RecordingWriter
from tests.lab.step_traces import Traffic

HEADER = RecordingHeader(
    engine_host_id="host-a", engine_run=5, num_blocks=64, block_size=4, machine="here",
    device="CPU engine", model="a model", versions={"vllm": "0.32.0"},
    date="2026-11-26T03:04:05+00:00", traffic="", phases=[],
)  # fmt: skip


@pytest.fixture(autouse=True)
def storage(settings: Any) -> None:
    """Files of recordings lie in memory."""
    in_memory = {"BACKEND": "django.core.files.storage.InMemoryStorage"}
    settings.STORAGES = {**django_settings.STORAGES, "recordings": in_memory}


@pytest.fixture
def file(tmp_path) -> bytes:
    """A recording as an engine host writes it."""
    path = tmp_path / "made.svlr"
    writer = RecordingWriter(path, HEADER)
    for record in Traffic().records(20):
        writer.add_trace(record)
    writer.close()
    return path.read_bytes()


@pytest.fixture
def learner(db: None) -> Client:
    """A browser with a session."""
    return browser()


def browser() -> Client:
    """Another one."""
    client = Client()
    session = client.session
    session["learner_id"] = uuid.uuid4().hex
    session.save()
    return client
