"""The fan-out: every viewer gets what it can use, and nobody waits for anybody."""

from dataclasses import replace
from itertools import islice

import pytest
from channels.layers import get_channel_layer

from lab.viewer import hub as hub_module
from lab.viewer.mailbox import MAX_CHAIN_FRAMES, Chain
from tests.lab.live import (
    READY,
    FakeHosts,
    frame_messages,
    frames_of,
    new_id,
    send,
    send_event,
    send_memory,
    settled,
    taken,
    until,
)


@pytest.fixture(autouse=True)
def in_memory_channels(settings):
    settings.CHANNEL_LAYERS = {
        "default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}
    }


@pytest.fixture
def hosts():
    return FakeHosts(READY)


@pytest.fixture
async def hub(hosts):
    hub = hosts.hub()
    yield hub
    hub.close()


async def test_a_viewer_gets_every_frame_in_order(hub):
    viewer = await hub.join()
    await taken(viewer)
    messages = list(islice(frame_messages(), 20))
    for message in messages:
        await send(message)

    assert frames_of(await taken(viewer)) == [one["frame"] for one in messages]


async def test_a_late_joiner_begins_with_the_keyframe_and_misses_nothing(hub):
    await hub.join()
    messages = list(islice(frame_messages(), 12))
    for message in messages[:9]:
        hub.take(message)
    late = await hub.join()
    for message in messages[9:]:
        hub.take(message)

    assert frames_of(await taken(late)) == [one["frame"] for one in messages]


async def test_a_slow_viewer_skips_to_the_newest_keyframe_while_others_see_all(hub):
    slow, quick = await hub.join(), await hub.join()
    messages = list(islice(frame_messages(keyframe_every=10), 25))
    seen = []
    for message in messages:
        hub.take(message)
        seen += frames_of(await taken(quick))
    late = frames_of(await taken(slow))

    assert seen == [one["frame"] for one in messages]
    assert late == [one["frame"] for one in messages[20:]]
    assert messages[20]["is_keyframe"]


async def test_a_viewer_that_never_reads_costs_no_memory(hub):
    await hub.join()
    for message in islice(frame_messages(keyframe_every=50), 400):
        hub.take(message)

    assert len(hub.chains["one"].frames) <= 50


def test_a_chain_without_keyframes_is_bounded():
    chain = Chain()
    chain.add(1, 1, True, b"key")
    for sequence in range(2, MAX_CHAIN_FRAMES + 10):
        chain.add(1, sequence, False, b"delta")

    assert chain.is_broken
    assert chain.frames == []


async def test_a_lost_frame_asks_for_a_keyframe_and_sends_nothing_unusable(
    hub, hosts, monkeypatch
):
    viewer = await hub.join()
    messages = list(islice(frame_messages(), 6))
    await taken(viewer)
    hosts.num_keyframes_asked = 0
    monkeypatch.setattr(hub_module, "KEYFRAME_EVERY_S", 0.0)
    for message in (messages[0], messages[1], messages[3], messages[4]):
        hub.take(message)
    before = frames_of(await taken(viewer))
    healed = dict(messages[5], is_keyframe=True)
    hub.take(healed)

    assert before == []
    assert hosts.num_keyframes_asked == 1
    assert frames_of(await taken(viewer)) == [healed["frame"]]


async def test_a_new_engine_run_needs_its_own_keyframe(hub):
    viewer = await hub.join()
    for message in islice(frame_messages(run=1), 3):
        hub.take(message)
    await taken(viewer)
    second = list(islice(frame_messages(run=2), 3))
    hub.take(second[1])
    assert frames_of(await taken(viewer)) == []
    hub.take(second[0])
    assert frames_of(await taken(viewer)) == [second[0]["frame"]]


async def test_two_hosts_are_kept_apart_and_a_viewer_follows_one(hub, hosts):
    hosts.statuses.append(replace(READY, engine_host_id="two"))
    viewer = await hub.join()
    ones = list(islice(frame_messages("one"), 3))
    twos = list(islice(frame_messages("two", seed=5), 3))
    for pair in zip(ones, twos, strict=True):
        for message in pair:
            hub.take(message)
    assert frames_of(await taken(viewer)) == [one["frame"] for one in ones]

    assert hub.follow(viewer, "two")
    assert frames_of(await taken(viewer)) == [two["frame"] for two in twos]
    assert not hub.follow(viewer, "three")


async def test_resync_hands_out_the_chain_again(hub):
    viewer = await hub.join()
    messages = list(islice(frame_messages(), 4))
    for message in messages:
        hub.take(message)
    await taken(viewer)
    hub.resync(viewer)

    assert frames_of(await taken(viewer)) == [one["frame"] for one in messages]


async def test_a_joiner_hears_of_the_hosts_and_of_their_memory(hub):
    first = await hub.join()
    await taken(first)
    await send_memory()
    await taken(first)
    hello, memory = (await taken(await hub.join()))[:2]

    assert hello["type"] == "hello"
    assert [host["engine_host_id"] for host in hello["hosts"]] == ["one"]
    assert hello["trouble"] is None
    assert memory["used_bytes"] == 2**31


async def test_a_status_replaces_the_one_not_yet_sent(hub):
    viewer = await hub.join()
    await taken(viewer)
    for state in ("starting", "starting", "ready"):
        hub.take(replace(READY, state=state).message())

    assert [message["state"] for message in await taken(viewer)] == ["ready"]


async def test_without_redis_the_viewer_is_told_and_the_hub_comes_back(
    hub, hosts, monkeypatch
):
    monkeypatch.setattr(hub_module, "STATUS_EVERY_S", 0.02)
    hosts.is_redis_down = True
    viewer = await hub.join()
    told = await taken(viewer)
    hosts.is_redis_down = False
    back = []
    while not back or back[-1]["trouble"]:
        back += await taken(viewer)

    assert "Redis" in told[-1]["trouble"]
    assert back[-1]["trouble"] is None
    assert back[-1]["hosts"][0]["engine_host_id"] == "one"


async def test_no_keyframe_is_asked_of_an_engine_that_starts(hub, hosts):
    hosts.statuses = [replace(READY, state="starting")]
    await hub.join()
    await settled()
    assert hosts.num_keyframes_asked == 0

    hosts.statuses = [READY]
    await hub.join()
    await settled()
    assert hosts.num_keyframes_asked == 1


async def test_events_of_a_request_reach_only_those_who_watch_it(hub):
    mine, theirs = await hub.join(), await hub.join()
    request_id = new_id()
    await hub.watch(mine, request_id)
    await taken(mine)
    await taken(theirs)
    await send_event(request_id, "decode")

    assert [one["request_id"] for one in await taken(mine)] == [request_id]
    assert await taken(theirs) == []


async def test_one_bad_message_does_not_end_the_view(hub):
    viewer = await hub.join()
    await taken(viewer)
    await get_channel_layer().group_send("lab.frames", {"type": "lab.frame"})
    await send(next(frame_messages()))

    assert len(frames_of(await taken(viewer))) == 1


async def test_the_last_viewer_takes_the_subscription_along(hub, monkeypatch):
    monkeypatch.setattr(hub_module, "LINGER_S", 0.05)
    viewer = await hub.join()
    hub.take(next(frame_messages()))
    hub.leave(viewer)
    await until(lambda: hub._tasks == [])

    assert hub.chains == {}
    assert hub._shown.large == set()


async def test_who_goes_from_page_to_page_sees_the_blocks_at_once(hub, hosts):
    viewer = await hub.join()
    messages = list(islice(frame_messages(), 3))
    await settled()
    await send(messages[0])
    hub.leave(viewer)
    await settled()
    for message in messages[1:]:
        await send(message)
    again = await hub.join()

    assert frames_of(await taken(again)) == [one["frame"] for one in messages]
    assert hosts.num_keyframes_asked <= 1, "the first visit's"


async def test_who_is_back_keeps_what_the_visit_before_lets_go(hub, monkeypatch):
    monkeypatch.setattr(hub_module, "LINGER_S", 0.05)
    hub.leave(await hub.join())
    viewer = await hub.join()
    await until(lambda: hub._num_lingering == 0)

    await send(next(frame_messages()))
    assert len(frames_of(await taken(viewer))) == 1


async def test_who_asks_gets_keyframes_of_the_other_hosts_behind_a_mark(hub, hosts):
    hosts.statuses.append(replace(READY, engine_host_id="two"))
    large, small = await hub.join(), await hub.join()
    (first, delta, second) = islice(frame_messages("two", keyframe_every=2), 3)
    hub.take(first)
    hub.show_all(small)
    hub.take(delta)
    hub.take(second)

    seen = frames_of(await taken(small))
    assert seen == [hub_module.OVERVIEW_MARK + second["frame"]], "the newest one"
    assert frames_of(await taken(large)) == [], "who does not ask gets none"
    hub.follow(small, "two")
    assert frames_of(await taken(small)) == [second["frame"]], "now in full"
