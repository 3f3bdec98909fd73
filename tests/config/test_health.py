"""What operators ask: is the process there, and is what it needs there too?"""

import json
import time
from collections.abc import Iterator

import pytest
import redis
from django.conf import settings
from django.db import connection
from django.test import Client

from lab.messages import STATUS_KEY_PREFIX

KEY = f"{STATUS_KEY_PREFIX}test-host"


@pytest.fixture
def broker() -> "Iterator[redis.Redis]":
    with redis.Redis.from_url(settings.REDIS_URL) as server:
        yield server
        server.delete(KEY, "lab:parts")


def heartbeat(broker: redis.Redis, state: str, age_s: float) -> None:
    status = {
        "engine_host_id": "test-host",
        "state": state,
        "updated_at": time.time() - age_s,
        "phases": [{"name": "load weights", "started_s": 1.0, "seconds": 2.0}],
    }
    broker.set(KEY, json.dumps(status), ex=30)


def test_healthz_answers_without_asking_anything_else(client: Client, settings):
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    answer = client.get("/healthz")
    assert (answer.status_code, answer.content) == (200, b"ok")


@pytest.mark.django_db
def test_readyz_is_200_without_an_engine_and_says_so(client: Client, broker):
    answer = client.get("/readyz")
    report = answer.json()
    assert answer.status_code == 200
    assert report["ready"] is True
    assert report["database"]["ok"] is True
    assert report["redis"]["ok"] is True
    assert (report["engine"], report["engines"]) == ("absent", [])


@pytest.mark.django_db
def test_readyz_tells_the_engines_state_and_the_age_of_its_heartbeat(
    client: Client, broker
):
    heartbeat(broker, "starting", age_s=7)
    report = client.get("/readyz").json()
    assert report["engine"] == "starting"
    assert report["engines"][0]["phases"][0]["name"] == "load weights"
    assert report["engines"][0]["heartbeat_age_s"] >= 7


@pytest.mark.django_db
def test_readyz_names_every_part(client: Client, broker):
    heartbeat(broker, "ready", age_s=1)
    broker.hset("lab:parts", "default worker", time.time() - 60)
    parts = {part["name"]: part for part in client.get("/readyz").json()["parts"]}
    assert list(parts) == [
        "web",
        "database",
        "broker",
        "default worker",
        "engine host test-host",
    ]
    assert parts["default worker"]["state"] == "away"
    assert "what gets lost is not found" in parts["default worker"]["sentence"]
    broker.hset("lab:parts", "default worker", time.time())
    parts = {part["name"]: part for part in client.get("/readyz").json()["parts"]}
    assert parts["default worker"]["state"] == "up"


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["REDIS_URL", "BROKER_URL", "LAYER_URL", "CACHE_URL"])
def test_readyz_is_503_while_redis_is_away(client: Client, settings, name: str):
    setattr(settings, name, "redis://127.0.0.1:1/0")
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["redis"] == {"ok": False, "error": "ConnectionError"}
    assert answer.json()["database"]["ok"] is True


@pytest.mark.django_db
def test_readyz_is_503_while_the_database_is_away(client: Client):
    def refuse(*arguments: object) -> None:
        raise OSError("no such host")

    with connection.execute_wrapper(refuse):
        answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["database"] == {"ok": False, "error": "OSError"}


def test_both_refuse_to_be_posted_to(client: Client):
    assert client.post("/healthz").status_code == 405
    assert client.post("/readyz").status_code == 405
