"""A real uvicorn with our wire, and viewers that read, or do not."""

import asyncio
import socket
import struct

import pytest
import uvicorn
import websockets

from config import wire as wire_module
from config.wire import EXTENSION, Wire
from lab.viewer.dealer import Dealer, packed
from lab.viewer.mailbox import Chain, Viewer

KEYFRAME = b"k" * 70_000


class Served:
    """An application that only lets viewers in; the dealer sends."""

    def __init__(self):
        self.viewers = set()
        self.dealer = Dealer(self.viewers)
        self.chain = Chain()
        self.gone = asyncio.Event()

    async def __call__(self, scope, receive, send):
        await receive()
        await send({"type": "websocket.accept"})
        viewer = Viewer(scope["extensions"][EXTENSION], self.dealer.wake)
        viewer.follow("one", self.chain)
        self.viewers.add(viewer)
        while (await receive())["type"] != "websocket.disconnect":
            continue
        self.viewers.discard(viewer)
        self.gone.set()

    def add(self, seq, *, is_keyframe=False):
        self.chain.add(1, seq, is_keyframe, KEYFRAME if is_keyframe else b"d%d" % seq)
        self.dealer.wake()


@pytest.fixture
async def served():
    application = Served()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        settings = {"ws": Wire, "lifespan": "off", "log_level": "error"}
        config = uvicorn.Config(
            application, ws_per_message_deflate=False, loop="none", **settings
        )
        server = uvicorn.Server(config)
        running = asyncio.create_task(server.serve(sockets=[listening]))
        dealing = asyncio.create_task(application.dealer.run())
        application.address = "127.0.0.1", listening.getsockname()[1]
        while not server.started:  # noqa: ASYNC110  no event tells of it
            await asyncio.sleep(0.01)
        yield application
        server.should_exit = True
        dealing.cancel()
        await running


async def test_frames_arrive_whole_and_in_order_in_one_parcel(served):
    host, port = served.address
    async with websockets.connect(f"ws://{host}:{port}/") as browser:
        served.add(1, is_keyframe=True)
        for seq in range(2, 40):
            served.add(seq)
        got = [await asyncio.wait_for(browser.recv(), 60) for _ in range(39)]

    assert got == [KEYFRAME, *(b"d%d" % seq for seq in range(2, 40))]


async def test_who_never_reads_is_bounded_and_dropped_while_others_go_on(
    served, monkeypatch
):
    monkeypatch.setattr(wire_module, "STALLED_S", 3.0)
    host, port = served.address
    reader, writer = await asyncio.open_connection(host, port, limit=1024)
    writer.write(
        b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        b"\r\n"
    )
    await reader.readuntil(b"\r\n\r\n")
    writer.transport.pause_reading()
    async with websockets.connect(f"ws://{host}:{port}/") as browser:
        dead = min(served.viewers, key=lambda one: one.wire.client[1] != _port(writer))
        most = seq = 0
        while not served.gone.is_set() and seq < 3000:
            seq += 1
            served.add(seq, is_keyframe=True)
            await asyncio.wait_for(browser.recv(), 60)
            most = max(most, dead.wire.transport.get_write_buffer_size())
            await asyncio.sleep(0.005)

        assert served.gone.is_set()
        assert served.viewers == {one for one in served.viewers if one is not dead}
        assert len(served.viewers) == 1
    assert most > wire_module.HIGH_WATER_BYTES
    assert most < wire_module.HIGH_WATER_BYTES + 2 * len(KEYFRAME)
    writer.close()


def _port(writer):
    return writer.get_extra_info("sockname")[1]


@pytest.mark.parametrize("length", [0, 125, 126, 65_535, 65_536])
def test_a_packed_message_says_its_length(length):
    message = packed(b"x" * length)
    short = message[1]
    sizes = {126: (4, ">xxH"), 127: (10, ">xxQ")}
    start, form = sizes.get(short, (2, ""))

    assert message[0] == 0x82
    said = struct.unpack_from(form, message)[0] if form else short
    assert said == len(message) - start == length
