"""What ends the sessions of an account ends pages, open sockets and new ones alike."""

from collections.abc import Callable
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from channels.testing import WebsocketCommunicator
from django.core.cache import cache
from django.test import Client

from config.asgi import application
from courseware.models import User
from courseware.sockets import NO_LEARNER
from tests.courseware.conftest import BROWSER

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
PASSWORD = "a-long-sentence"
ANN = "ann@example.org"


@pytest.fixture(autouse=True)
def ann(db: None, settings: Any) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.CHANNEL_LAYERS = {
        "default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}
    }
    cache.clear()
    User.objects.create_user(ANN, PASSWORD)


def signed_in() -> Client:
    client = Client(**BROWSER)
    client.post("/account/sign-in/", {"username": ANN, "password": PASSWORD})
    assert client.get("/account/").status_code == 200
    return client


def socket(client: Client) -> WebsocketCommunicator:
    """With a copy of the browser's cookie, as somebody may have kept one."""
    cookie = f"sessionid={client.cookies['sessionid'].value}".encode()
    headers = [(b"cookie", cookie), (b"origin", b"http://localhost")]
    return WebsocketCommunicator(
        application, "/ws/mentor/", headers=[*headers, (b"host", b"localhost")]
    )


async def is_answered(one: WebsocketCommunicator) -> bool:
    """Whether what it says is heard; else it is closed."""
    await one.send_json_to({"type": "ping"})
    said: Any = await one.receive_output(timeout=60)
    if said["type"] == "websocket.close":
        assert said["code"] == NO_LEARNER
        return False
    return True


def disable() -> None:
    User.objects.update(is_active=False)


def set_a_password() -> None:
    """As the link of a letter does."""
    user = User.objects.get()
    user.set_password("another-sentence")
    user.save()


def sign_out_elsewhere() -> None:
    User.objects.update(session_round=7)


ENDS = [disable, set_a_password, sign_out_elsewhere]


@pytest.mark.parametrize("end", ENDS)
async def test_an_open_socket_ends_with_its_account(end: Callable[[], None]) -> None:
    one = socket(await sync_to_async(signed_in)())
    assert (await one.connect(timeout=60))[0] and await is_answered(one)
    await sync_to_async(end)()
    assert not await is_answered(one)
    await one.disconnect(timeout=60)


@pytest.mark.parametrize("end", ENDS)
async def test_its_session_opens_no_socket(end: Callable[[], None]) -> None:
    client = await sync_to_async(signed_in)()
    await sync_to_async(end)()
    one = socket(client)
    await one.connect(timeout=60)
    said: Any = await one.receive_output(timeout=60)
    assert (said["type"], said["code"]) == ("websocket.close", NO_LEARNER)
    await one.disconnect(timeout=60)


@pytest.mark.parametrize("end", [*ENDS, lambda: User.objects.all().delete()])
def test_its_pages_are_nobodys(end: Callable[[], None]) -> None:
    client = signed_in()
    own = client.session["learner_id"]
    end()
    assert client.get("/account/").status_code == 302
    assert client.session.get("learner_id") != own


async def test_a_copy_of_the_cookie_ends_with_signing_out() -> None:
    client = await sync_to_async(signed_in)()
    one, thief = socket(client), Client(**BROWSER)
    thief.cookies["sessionid"] = client.cookies["sessionid"].value
    await sync_to_async(client.post)("/account/sign-out/")
    answer = await sync_to_async(thief.get)("/account/")
    assert answer.status_code == 302
    await one.connect(timeout=60)
    said: Any = await one.receive_output(timeout=60)
    assert (said["type"], said["code"]) == ("websocket.close", NO_LEARNER)
    await one.disconnect(timeout=60)
