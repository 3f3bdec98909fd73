"""The viewer's socket: what a browser gets, may say, and must not."""

import asyncio
import json
from dataclasses import asdict, replace
from itertools import islice

import pytest
from asgiref.sync import sync_to_async
from channels.testing import WebsocketCommunicator
from kombu.exceptions import OperationalError

from config.asgi import application
from lab import client
from lab.consumers import NOT_STOPPED
from lab.messages import frames_group
from lab.models import EngineRequest
from lab.viewer.cache import NOBODY, OFF
from lab.viewer.commands import COMMANDS_AT_ONCE, MAX_COMMAND_BYTES
from lab.viewer.hub import hub_of_process
from tests.lab.fake_engine import FakeEngine
from tests.lab.live import (
    READY,
    Browser,
    frame_messages,
    new_id,
    send,
    send_event,
    until,
)
from tests.lab.viewer.test_why import STATE

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def in_memory_channels(settings):
    settings.CHANNEL_LAYERS = {
        "default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}
    }


@pytest.fixture
def engine():
    """The engine hosts, as far as the socket reaches them."""
    fake = FakeEngine(READY)
    with client.transport(fake):
        yield fake


async def sent(engine, number):
    """Ids of the first requests, when as many were submitted."""
    await until(lambda: len(engine.submitted) >= number)
    return [payload["request_id"] for payload in engine.submitted]


@pytest.fixture
async def browse(engine):
    browsers = []

    async def open_socket(learner_id=None):
        browsers.append(await Browser(learner_id or new_id()).connect())
        return browsers[-1]

    yield open_socket
    for browser in browsers:
        await browser.leave()


async def test_a_learner_is_greeted_and_gets_frames(browse):
    browser = await browse()
    hello = await browser.hear("hello")
    messages = list(islice(frame_messages(), 3))
    for message in messages:
        await send(message)

    assert hello["hosts"][0]["model"] == "smollm2"
    assert [await browser.frame() for _ in messages] == [
        message["frame"] for message in messages
    ]


async def test_a_joiner_asks_the_engines_for_a_keyframe(browse, engine):
    browser = await browse()
    await browser.hear("hello")
    await until(lambda: engine.commands)

    assert engine.commands[0][0] == "lab_keyframe"


async def test_without_a_learner_the_socket_closes_and_says_why(engine):
    browser = await Browser(None).connect()

    assert await browser.output() == {"type": "websocket.close", "code": 4401}


async def test_another_origin_is_refused(engine):
    socket = WebsocketCommunicator(
        application, "/ws/lab/", headers=[(b"origin", b"https://evil.example")]
    )
    connected, _ = await socket.connect(timeout=60)
    assert not connected


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ({"text_data": "}{"}, "JSON object"),
        ({"text_data": "[" * 900}, "JSON object"),
        ({"text_data": "[]"}, '"type"'),
        ({"text_data": '{"type": "shutdown"}'}, '"type"'),
        ({"text_data": '{"type": ["follow"]}'}, '"type"'),
        ({"text_data": '{"type": "follow", "engine_host_id": 7}'}, "engine_host_id"),
        ({"text_data": '{"type": "follow", "engine_host_id": "nine"}'}, "nine"),
        (
            {"text_data": '{"type": "follow", "engine_host_id": "../x"}'},
            "engine_host_id",
        ),
        ({"text_data": '{"type": "heat", "since": -1}'}, "since"),
        ({"text_data": '{"type": "demo", "name": "fire"}'}, "fire"),
        ({"text_data": "x" * (MAX_COMMAND_BYTES + 1)}, "bytes"),
        ({"bytes_data": b"\x00\x01"}, "not bytes"),
    ],
)
async def test_a_wrong_command_is_answered_by_a_sentence(browse, data, sentence):
    browser = await browse()
    await browser.hear("hello")
    await browser.say_raw(**data)
    answer = await browser.hear("error")
    await send(next(frame_messages()))

    assert sentence in answer["sentence"]
    assert await browser.frame()


async def test_the_prefix_cache_is_told_when_it_is_asked_for(browse, engine):
    engine.replies = [asdict(STATE)]
    browser = await browse()
    await browser.hear("hello")
    await send(next(frame_messages()))
    await browser.frame()
    await browser.say(type="cache")
    told = await browser.hear("cache")
    assert told["tree"] == told["candidates"] == told["choices"] == []
    assert told["lacks"] == NOBODY
    assert engine.commands[-1][0] == "lab_look"
    await send(replace(READY, has_prefix_caching=False).message())
    await browser.hear("engine.status")
    engine.replies = [asdict(STATE)]
    await browser.say(type="cache")
    told = await browser.hear("cache")
    assert told["lacks"] == f"{OFF} {NOBODY}"


@pytest.mark.parametrize(
    ("command", "since"),
    [({"type": "timeline"}, 0), ({"type": "heat", "since": "1200"}, 1200)],
)
async def test_timeline_and_heat_are_told_of_the_followed_host(
    browse, engine, command, since
):
    what = command["type"]
    engine.replies = [{"type": what, "engine_host_id": "one", "step": 1300}]
    browser = await browse()
    await browser.hear("hello")
    await send(next(frame_messages()))
    await browser.frame()
    await browser.say(**command)
    assert (await browser.hear(what))["step"] == 1300
    asked = {"engine_host_id": "one", "what": what, "since": since}
    assert engine.commands[-1] == ("lab_show", asked)


async def test_too_many_commands_are_left_out_and_said(browse):
    browser = await browse()
    for _ in range(COMMANDS_AT_ONCE + 1):
        await browser.say(type="resync")

    assert "Too many" in (await browser.hear("error"))["sentence"]


async def test_following_another_host_shows_its_frames(browse):
    browser = await browse()
    await browser.hear("hello")
    two = next(frame_messages("two", seed=3))
    await send(next(frame_messages("one")))
    await browser.frame()
    await send(replace(READY, engine_host_id="two").message())
    await browser.say(type="follow", engine_host_id="two")
    await until(lambda: hub_of_process()._subscription.hears(frames_group("two")))
    await send(two)

    assert await browser.frame() == two["frame"]


async def test_resync_brings_the_keyframe_again(browse):
    browser = await browse()
    await browser.hear("hello")
    message = next(frame_messages())
    await send(message)
    await browser.frame()
    await browser.say(type="resync")

    assert await browser.frame() == message["frame"]


async def test_sending_it_twice_waits_for_the_first_and_sums_both_up(browse, engine):
    browser = await browse()
    await browser.hear("hello")
    await browser.say(type="demo", name="twice")
    begin = await browser.hear("demo.begin")
    (first,) = await sent(engine, 1)
    await send_event(first, "decode", short_id=9)
    event = await browser.hear("request.event")
    await send_event(first, "finished", num_cached_tokens=0, ttft_s=0.4)
    _, second = await sent(engine, 2)
    await send_event(second, "finished", num_cached_tokens=192, ttft_s=0.1)
    end = await browser.hear("demo.end")

    assert begin["num_requests"] == 2
    assert (event["request_id"], event["short_id"]) == (first, 9)
    assert engine.submitted[0]["messages"] == engine.submitted[1]["messages"]
    assert [one["num_cached_tokens"] for one in end["requests"]] == [0, 192]
    assert [one["ttft_s"] for one in end["requests"]] == [0.4, 0.1]
    assert end["trouble"] is None


async def test_one_then_eight_then_thirty_are_sent_in_waves_and_told_in_a_table(
    browse, engine
):
    browser = await browse()
    await browser.hear("hello")
    await browser.say(type="demo", name="batch")
    for total, rate in ((1, 40.0), (9, 25.0), (39, 16.0)):
        ids = await sent(engine, total)
        figures = {"output_tokens_per_s": rate, "num_output_tokens": 48, "ttft_s": 0.1}
        done = 0 if total == 1 else 1 if total == 9 else 9
        for request_id in ids[done:]:
            await send_event(request_id, "finished", **figures)
    end = await browser.hear("demo.end")

    assert [wave["num_requests"] for wave in end["waves"]] == [1, 8, 30]
    assert [wave["itl_s"] for wave in end["waves"]] == [1 / 40, 1 / 25, 1 / 16]
    assert all(wave["tokens_per_s"] > 0 for wave in end["waves"])
    assert end["trouble"] is None


async def test_after_a_stop_no_further_wave_is_sent(browse, engine):
    browser = await browse()
    await browser.hear("hello")
    await browser.say(type="demo", name="batch")
    (first,) = await sent(engine, 1)
    await send_event(first, "finished", finish_reason="aborted")
    end = await browser.hear("demo.end")

    assert len(engine.submitted) == 1
    assert end["trouble"] == "Stopped: the rest was not sent."


async def test_what_failed_is_told_with_its_reason_and_the_rest_is_not_sent(
    browse, engine
):
    browser = await browse()
    await browser.say(type="demo", name="batch")
    (first,) = await sent(engine, 1)
    await send_event(first, "finished")
    eight = (await sent(engine, 9))[1:]
    for request_id in eight[:6]:
        await send_event(request_id, "finished")
    for request_id in eight[6:]:
        ended = {"finish_reason": "interrupted", "error": "The engine died."}
        await send_event(request_id, "finished", **ended)
    end = await browser.hear("demo.end")
    assert end["trouble"] == "2 of 8 requests failed: The engine died."
    assert len(engine.submitted) == 9


async def test_what_a_request_says_never_leaves_through_this_socket(browse, engine):
    browser = await browse()
    await browser.say(type="demo", name="twice")
    (first,) = await sent(engine, 1)
    await send_event(first, "finished", text="a secret", num_cached_tokens=0)
    event = await browser.hear("request.event")

    assert "secret" not in json.dumps(event)


async def test_a_second_demonstration_waits_for_the_first(browse, engine):
    browser = await browse()
    await browser.say(type="demo", name="eight")
    await sent(engine, 8)
    await browser.say(type="demo", name="twice")

    assert "still running" in (await browser.hear("error"))["sentence"]


async def test_a_limit_is_said_and_the_rest_is_summed_up(browse, engine):
    learner_id = new_id()
    for _ in range(62):
        await sync_to_async(EngineRequest.objects.create)(
            request_id=new_id(), learner_id=learner_id, purpose="demo"
        )
    browser = await browse(learner_id)
    await browser.say(type="demo", name="eight")
    for request_id in await sent(engine, 2):
        await send_event(request_id, "finished")
    end = await browser.hear("demo.end")

    assert len(end["requests"]) == 2
    assert "64" in end["trouble"]


async def test_no_demonstration_without_a_ready_engine(browse, monkeypatch, engine):
    engine.hosts = []
    browser = await browse()
    await browser.say(type="demo", name="twice")

    assert "No engine" in (await browser.hear("error"))["sentence"]
    assert engine.submitted == []


async def test_a_broker_that_is_away_is_a_sentence(browse, engine):
    engine.broken = OperationalError("no broker")
    browser = await browse()
    await browser.say(type="demo", name="twice")

    assert "handed to the engine" in (await browser.hear("demo.end"))["trouble"]


async def test_one_command_stops_all_of_them_and_the_rest_is_not_sent(browse, engine):
    """However many there are, and although some had ended by themselves."""
    browser = await browse()
    await browser.say(type="demo", name="batch")
    (first,) = await sent(engine, 1)
    await send_event(first, "finished")
    eight = (await sent(engine, 9))[1:]
    await send_event(eight[0], "finished")
    await browser.say(type="stop")
    await until(lambda: set(eight[1:]) <= set(engine.aborted))
    for request_id in eight[1:]:
        await send_event(request_id, "finished", finish_reason="aborted")
    end = await browser.hear("demo.end")
    assert end["trouble"] == "Stopped: the rest was not sent."
    assert len(engine.submitted) == 9


async def test_a_stop_that_cannot_be_sent_says_so(browse, engine):
    browser = await browse()
    await browser.say(type="demo", name="twice")
    await sent(engine, 1)
    engine.broken = OperationalError("away")
    await browser.say(type="stop")
    assert (await browser.hear("error"))["sentence"] == NOT_STOPPED


async def test_knowing_an_id_does_not_let_you_stop_it(browse, engine):
    theirs = await sync_to_async(EngineRequest.objects.create)(
        request_id=new_id(), learner_id=new_id(), purpose="demo"
    )
    browser = await browse()
    await browser.say(type="demo", name="twice")
    (mine,) = await sent(engine, 1)
    await browser.say(type="stop", request_id=theirs.request_id)
    await until(lambda: engine.aborted)
    assert engine.aborted == [mine]


async def test_leaving_aborts_what_a_demonstration_left_running(engine):
    browser = await Browser(new_id()).connect()
    await browser.say(type="demo", name="eight")
    request_ids = await sent(engine, 8)
    await browser.leave()

    assert sorted(engine.aborted) == sorted(request_ids)


async def test_after_a_reload_your_running_requests_are_yours_again(browse, engine):
    learner_id, request_id = new_id(), new_id()
    await sync_to_async(EngineRequest.objects.create)(
        request_id=request_id, learner_id=learner_id, purpose="mentor"
    )
    mine, other = await browse(learner_id), await browse()
    await mine.hear("hello")
    await send_event(request_id, "decode", short_id=5)
    event = await mine.hear("request.event")

    assert (event["short_id"], event["engine_host_id"]) == (5, "one")
    with pytest.raises((TimeoutError, AssertionError)):
        async with asyncio.timeout(0.3):
            await other.hear("request.event")
