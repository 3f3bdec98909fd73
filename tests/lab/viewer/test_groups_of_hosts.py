"""Two hosts: a process hears of a host what one of its pages shows, and no more."""

from collections.abc import AsyncIterator
from dataclasses import replace
from itertools import islice
from typing import Any

import pytest

from lab.messages import frames_group, keyframes_group, memory_group
from lab.viewer import hub as hub_module
from lab.viewer.hub import Hub
from tests.lab.live import (
    READY,
    FakeHosts,
    frame_messages,
    frames_of,
    send,
    send_memory,
    settled,
    taken,
    until,
)

OTHER = replace(READY, engine_host_id="two")


@pytest.fixture(autouse=True)
def in_memory_channels(settings: Any) -> None:
    settings.CHANNEL_LAYERS = {
        "default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}
    }


class Heard(Hub):
    """Notes what reaches the process."""

    def __init__(self, hosts: FakeHosts) -> None:
        super().__init__(hosts.read_status, hosts.ask_keyframe)
        self.heard: list[dict[str, Any]] = []
        self._subscription._take = self._note

    def _note(self, message: dict[str, Any]) -> None:
        self.heard.append(message)
        self.take(message)

    def heard_of(self, kind: str) -> set[str]:
        """Hosts of the messages of this type."""
        found = [one for one in self.heard if one["type"] == kind]
        self.heard = [one for one in self.heard if one["type"] != kind]
        return {one["engine_host_id"] for one in found}

    async def hears(self, *groups: str) -> None:
        await until(lambda: all(map(self._subscription.hears, groups)))


@pytest.fixture
def hosts() -> FakeHosts:
    return FakeHosts(READY, OTHER)


@pytest.fixture
async def hub(hosts: FakeHosts) -> AsyncIterator[Heard]:
    hub = Heard(hosts)
    yield hub
    hub.close()


async def send_from_both(number: int = 4, keyframe_every: int = 1_000_000) -> None:
    for host in ("one", "two"):
        await send_memory(host)
        for message in islice(frame_messages(host, 1, 0, keyframe_every), number):
            await send(message)
    await settled()


async def test_a_process_whose_pages_show_a_host_hears_nothing_of_another(
    hub: Heard,
) -> None:
    viewer = await hub.join()
    await hub.hears(frames_group("one"), memory_group("one"))
    await send_from_both()
    assert hub.heard_of("lab.frame") == {"one"}
    assert hub.heard_of("memory.sample") == {"one"}
    assert len(frames_of(await taken(viewer))) == 4
    assert set(hub.chains) == {"one"}


async def test_who_goes_over_to_another_host_hears_that_one_alone(
    hub: Heard, hosts: FakeHosts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_module, "KEYFRAME_EVERY_S", 0.0)
    viewer = await hub.join()
    await hub.hears(frames_group("one"))
    await send_from_both()
    await taken(viewer)
    hub.heard.clear()
    hosts.num_keyframes_asked = 0

    assert hub.follow(viewer, "two")
    await hub.hears(frames_group("two"), memory_group("two"))
    await until(lambda: hosts.num_keyframes_asked)
    assert not hub._subscription.hears(frames_group("one"))
    await send_from_both()
    assert hub.heard_of("lab.frame") == hub.heard_of("memory.sample") == {"two"}
    assert len(frames_of(await taken(viewer))) == 4
    assert set(hub.chains) == {"two"}, "nothing is kept of what nobody sees"


async def test_small_multiples_hear_keyframes_of_the_others_and_no_deltas(
    hub: Heard, hosts: FakeHosts
) -> None:
    viewer = await hub.join()
    hub.show_all(viewer)
    await hub.hears(frames_group("one"), keyframes_group("two"))
    await send_from_both(number=4, keyframe_every=3)
    of_two = [
        one
        for one in hub.heard
        if one["type"] == "lab.frame" and one["engine_host_id"] == "two"
    ]
    assert [one["is_keyframe"] for one in of_two] == [True, True]
    small = hub_module.OVERVIEW_MARK + of_two[-1]["frame"]
    assert small in frames_of(await taken(viewer))
    assert hub.heard_of("memory.sample") == {"one"}


async def test_a_new_host_is_shown_small_as_soon_as_it_says_that_it_is_there(
    hub: Heard, hosts: FakeHosts
) -> None:
    hosts.statuses = [READY]
    viewer = await hub.join()
    hub.show_all(viewer)
    await hub.hears(keyframes_group("one"))
    await send(OTHER.message())
    await hub.hears(keyframes_group("two"))


async def test_an_experiment_hears_its_host_while_the_page_looks_at_another(
    hub: Heard,
) -> None:
    viewer = await hub.join()
    hub.hold(viewer, "one")
    hub.follow(viewer, "two")
    await hub.hears(frames_group("one"), frames_group("two"))
    await send_from_both()
    assert len(hub.frames_of("one")) == len(hub.frames_of("two")) == 4
    hub.release(viewer, "one")
    await until(lambda: not hub._subscription.hears(frames_group("one")))
    assert hub.frames_of("one") == []


async def test_the_last_of_two_viewers_takes_the_hosts_groups_along(
    hub: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_module, "LINGER_S", 0.05)
    first, second = await hub.join(), await hub.join()
    hub.follow(second, "two")
    await hub.hears(frames_group("one"), frames_group("two"))
    hub.leave(second)
    await until(lambda: not hub._subscription.hears(frames_group("two")))
    assert hub._subscription.hears(frames_group("one"))
    hub.leave(first)
    hub.leave(first)
    await until(lambda: hub._shown.large == set())
