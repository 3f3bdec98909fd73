"""The page of engines elsewhere: superusers see and name them, nobody else."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client

from courseware.models import User
from lab import client as lab_client
from tests.lab.fake_engine import READY, FakeEngine

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("cache_in_memory")]

PATH, NAME = "/lab/staff/engines/", "/lab/staff/engines/name/"
ASKED = replace(
    READY, engine_host_id="asked", by_address=True, versions={"vllm": "0.32.0"}
)
SHOWN = replace(READY, engine_host_id="shown", reads_only=True)
TOLD = {
    "sentence": "gpu.example is asked from now on.",
    "is_ok": True,
    "address": "https://gpu.example/v1",
    "setting": "http://gpu/v1",
    "allowed": "gpu.example",
}
USE = {"host": "asked", "action": "use", "address": "https://gpu.example/v1"}


@pytest.fixture
def engine() -> Iterator[FakeEngine]:
    fake = FakeEngine(READY)
    fake.hosts = [READY, ASKED, SHOWN]
    fake.replies = [TOLD]
    with lab_client.transport(fake):
        yield fake


@pytest.fixture
def operator(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("o@example.org", "a long phrase"))
    return client


def named(engine: FakeEngine) -> list[dict[str, Any]]:
    return [
        told
        for name, told in engine.commands
        if name == "lab_address" and told["action"] != "state"
    ]


def test_what_is_in_force_is_shown(operator: Client, engine: FakeEngine) -> None:
    page = operator.get(PATH).content.decode()
    assert "https://gpu.example/v1" in page and "http://gpu/v1" in page
    assert "0.32.0" in page and "attached: its blocks are seen" in page
    assert page.count('<section class="engines-host"') == 2, "not the lab's own"
    assert PATH in operator.get("/lab/").content.decode()


def test_a_host_that_is_mute_or_away_is_said_to_be(
    operator: Client, engine: FakeEngine
) -> None:
    engine.replies = []
    assert "did not answer" in operator.get(PATH).content.decode()
    assert "did not answer" in operator.post(NAME, USE, follow=True).content.decode()
    engine.hosts = []
    assert "ENGINE_ADDRESS" in operator.get(PATH).content.decode()


def test_an_address_is_named_and_written_down(
    operator: Client, engine: FakeEngine
) -> None:
    answer = operator.post(NAME, USE, follow=True)
    assert "is asked from now on" in answer.content.decode()
    (told,) = named(engine)
    assert told == {
        "engine_host_id": "asked", "action": "use", "address": USE["address"],
    }  # fmt: skip
    (entry,) = LogEntry.objects.all()
    assert entry.user.email == "o@example.org"
    assert "engine host asked" in entry.object_repr
    assert "https://gpu.example/v1" in entry.change_message
    operator.post(NAME, {**USE, "action": "test"})
    assert LogEntry.objects.count() == 1, "a test changes nothing"


def test_what_was_typed_stands_in_its_field_until_it_is_used(
    operator: Client, engine: FakeEngine
) -> None:
    wrong = "http://10.0.0.9/v1"
    for action, is_ok, typed in [
        ("test", False, wrong), ("use", False, wrong), ("test", True, USE["address"]),
    ]:  # fmt: skip
        engine.replies = [{**TOLD, "is_ok": is_ok}]
        sent = {**USE, "action": action, "address": typed}
        page = operator.post(NAME, sent, follow=True).content.decode()
        assert f'value="{typed}"' in page
        assert 'value="http' not in operator.get(PATH).content.decode(), "once"
    engine.replies = [TOLD]
    page = operator.post(NAME, USE, follow=True).content.decode()
    assert 'value="http' not in page
    page = operator.post(NAME, {**USE, "action": "drop"}, follow=True).content.decode()
    assert 'value="http' not in page


@pytest.mark.parametrize(
    "fields", [{"action": "state"}, {"host": "shown"}, {"host": "one\0"}, {"host": ""}]
)
def test_what_makes_no_sense_is_sent_nowhere(
    operator: Client, engine: FakeEngine, fields: dict[str, str]
) -> None:
    assert operator.post(NAME, USE | fields).status_code == 302
    assert named(engine) == [] and not LogEntry.objects.exists()


def test_nobody_else_sees_or_names_one(client: Client, engine: FakeEngine) -> None:
    for answer in (client.get(PATH), client.post(NAME, USE)):
        assert answer.status_code == 302 and "/admin/login/" in answer.url
    teacher = User.objects.create_user("t@example.org", "a long pass phrase")
    teacher.is_staff = True
    teacher.save()
    client.force_login(teacher)
    for answer in (client.get(PATH), client.post(NAME, USE)):
        assert answer.status_code == 403
    assert PATH not in client.get("/lab/").content.decode()
    assert named(engine) == []


def test_a_post_needs_the_pages_token(engine: FakeEngine) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(User.objects.create_superuser("s@example.org", "a long phrase"))
    assert strict.post(NAME, USE).status_code == 403
    assert named(engine) == []
    assert strict.get(NAME).status_code == 405
