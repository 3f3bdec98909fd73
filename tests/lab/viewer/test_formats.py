"""Hosts of two versions: a newer format is named, and everything else goes on."""

from collections.abc import AsyncIterator
from dataclasses import replace
from itertools import islice
from typing import Any

import pytest

from lab.live_state import LiveState
from lab.tracing.frames import FORMAT_VERSION
from lab.viewer.formats import OLDEST_VERSION, VERSION_BYTE, why_unreadable
from lab.viewer.hub import Hub
from tests.lab.live import READY, FakeHosts, frame_messages, frames_of, taken

UPGRADED = replace(READY, engine_host_id="two")


@pytest.fixture(autouse=True)
def in_memory_channels(settings: Any) -> None:
    settings.CHANNEL_LAYERS = {
        "default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}
    }


@pytest.fixture
def hosts() -> FakeHosts:
    return FakeHosts(READY, UPGRADED)


@pytest.fixture
async def hub(hosts: FakeHosts) -> AsyncIterator[Hub]:
    hub = hosts.hub()
    yield hub
    hub.close()


def of_version(version: int, message: dict[str, Any]) -> dict[str, Any]:
    frame = bytearray(message["frame"])
    frame[VERSION_BYTE] = version
    return {**message, "frame": bytes(frame)}


def said_of(messages: list[Any], host: str) -> list[str]:
    """What statuses say of a host's frames, the newest last."""
    return [
        one["unreadable"]
        for one in messages
        if isinstance(one, dict)
        and one["type"] == "engine.status"
        and one["engine_host_id"] == host
    ]


async def test_frames_of_a_newer_format_are_named_and_the_other_host_plays_on(
    hub: Hub,
) -> None:
    viewer = await hub.join()
    await taken(viewer)
    for message in islice(frame_messages("two"), 3):
        hub.take(of_version(FORMAT_VERSION + 1, message))
    messages = list(islice(frame_messages("one"), 3))
    for message in messages:
        hub.take(message)
    heard = await taken(viewer)
    (said,) = said_of(heard, "two")
    assert f"format {FORMAT_VERSION + 1}, which is newer" in said
    assert "until the web server is upgraded" in said
    assert frames_of(heard) == [one["frame"] for one in messages]
    late = await taken(await hub.join())
    assert [host["unreadable"] for host in late[0]["hosts"]] == ["", said]


async def test_no_keyframe_is_asked_of_who_cannot_be_read(
    hub: Hub, hosts: FakeHosts
) -> None:
    hosts.statuses = [UPGRADED]
    await hub.join()
    hub.take(of_version(FORMAT_VERSION + 1, next(frame_messages("two"))))
    hosts.num_keyframes_asked = 0
    hub._heal()
    await taken(await hub.join())
    assert hosts.num_keyframes_asked == 0


async def test_a_host_that_went_back_is_shown_again(hub: Hub) -> None:
    viewer = await hub.join()
    hub.follow(viewer, "two")
    messages = list(islice(frame_messages("two"), 3))
    hub.take(of_version(FORMAT_VERSION + 1, messages[0]))
    assert said_of(await taken(viewer), "two")[-1]
    for message in messages:
        hub.take(message)
    heard = await taken(viewer)
    assert said_of(heard, "two")[-1] == ""
    assert frames_of(heard) == [one["frame"] for one in messages]


@pytest.mark.parametrize("version", range(OLDEST_VERSION, FORMAT_VERSION + 1))
def test_older_formats_are_read_on(version: int) -> None:
    message = of_version(version, next(frame_messages()))
    assert why_unreadable(message["frame"]) == ""


def test_a_format_that_is_read_no_more_is_named_too() -> None:
    frame = of_version(OLDEST_VERSION - 1, next(frame_messages()))["frame"]
    assert "older" in why_unreadable(frame)


def test_what_a_newer_host_adds_to_its_state_is_left_out() -> None:
    state = LiveState("one", 1, 7, 0.0, 16, 10, 4, 0, 5, 1, 0, 0, 0, 0)
    told = {**state.to_json(), "num_new": 3}
    told["minute"]["num_new"] = 3
    assert LiveState.from_json(told) == state
