"""The hub on a real Redis-compatible server that goes away and comes back."""

import asyncio
import subprocess

import pytest
from channels.layers import get_channel_layer

from lab.viewer import hub as hub_module
from launcher import valkey
from tests.lab.live import (
    READY,
    FakeHosts,
    first_frame,
    frame_messages,
    frames_of,
    send,
    taken,
    until,
)

pytestmark = pytest.mark.slow


class Server:
    """A Redis-compatible server of its own."""

    def __init__(self, directory):
        self.port = valkey.free_port()
        self.directory = directory
        self.url = valkey.url(self.port, "tests")

    def start(self):
        command = valkey.command(self.port, self.directory, "tests", keeps=False)
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        valkey.wait_until_ready(self.process, self.port, "tests")

    def stop(self):
        self.process.terminate()
        self.process.wait()


@pytest.fixture
def server(tmp_path):
    server = Server(tmp_path)
    server.start()
    yield server
    server.stop()


@pytest.fixture(autouse=True)
def channels_on_the_server(settings, server):
    settings.CHANNEL_LAYERS = {
        "default": {
            "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
            "CONFIG": {"hosts": [server.url], "prefix": "test"},
        }
    }


async def received(viewer, messages):
    """Send the messages until the viewer has a frame; each try is a chance."""
    for message in messages:
        try:
            await send(message)
        except (ConnectionError, OSError):
            await asyncio.sleep(0.2)
            continue
        if frames := frames_of(await taken(viewer)):
            return frames
    return []


async def test_frames_come_again_after_a_restart_of_redis(server, monkeypatch):
    monkeypatch.setattr(hub_module, "STATUS_EVERY_S", 0.1)
    hosts = FakeHosts(READY)
    hub = hosts.hub()
    viewer = await hub.join()
    before = await received(viewer, frame_messages(keyframe_every=1))

    await asyncio.to_thread(server.stop)
    hosts.is_redis_down = True
    told = []
    while not told or not told[-1].get("trouble"):
        told += [one for one in await taken(viewer) if isinstance(one, dict)]
    await asyncio.to_thread(server.start)
    hosts.is_redis_down = False
    async with asyncio.timeout(120):
        after = await received(viewer, frame_messages(run=2, keyframe_every=1))
    hub.close()

    assert before
    assert "Redis" in told[-1]["trouble"]
    assert after


async def test_a_viewer_that_joins_while_redis_is_away_is_served_later(
    server, monkeypatch
):
    monkeypatch.setattr(hub_module, "STATUS_EVERY_S", 0.1)
    await asyncio.to_thread(server.stop)
    hosts = FakeHosts(READY)
    hosts.is_redis_down = True
    hub = hosts.hub()
    viewer = await hub.join()
    told = await taken(viewer)
    await asyncio.to_thread(server.start)
    hosts.is_redis_down = False
    async with asyncio.timeout(120):
        after = await received(viewer, frame_messages(keyframe_every=1))
    hub.close()

    assert "Redis" in told[0]["trouble"]
    assert after


async def test_one_subscription_serves_all_viewers(server):
    hub = FakeHosts(READY).hub()
    viewers = [await hub.join() for _ in range(5)]
    await until(lambda: hub._subscription.is_on)
    message = next(frame_messages())
    await send(message)
    seen = [await first_frame(viewer) for viewer in viewers]
    layer = get_channel_layer()._get_layer()
    hub.close()

    assert seen == [message["frame"]] * 5
    assert len(layer.channels) == 1
