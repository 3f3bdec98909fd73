"""Two engine hosts on one broker: both serve, everything says by which."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from channels.layers import get_channel_layer

from lab import client
from lab.messages import queue_of
from lab.viewer.hub import Hub
from lab.viewer.mailbox import Viewer
from tests.lab.engine_workers import (
    Bench,
    bench_in,
    frame_groups,
    new_id,
    request_group,
)

pytestmark = pytest.mark.slow

HOSTS = {"a", "b"}


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with bench_in(tmp_path_factory.mktemp("two")) as bench:
        # Three requests each at once: one alone cannot take all.
        slow = {"threads": 3, "REPLAY_STEP_S": "0.1"}
        workers = [bench.start(name, **slow) for name in sorted(HOSTS)]
        for worker in workers:
            bench.wait_for(
                lambda worker=worker: bench.status(worker.name).get("state") == "ready",
                worker,
            )
        yield bench


async def test_both_serve_and_every_message_names_its_host(bench: Bench) -> None:
    ids = [new_id() for _ in range(12)]
    groups = [group for host in HOSTS for group in frame_groups(host)]
    async with bench.ear(*groups, *map(request_group, ids)) as ear:
        for request_id in ids:
            bench.send(request_id)
        for _ in ids:
            await ear.until(lambda m: m.get("phase") == "finished")
    reports = {report.request_id: report for report in bench.reports(12)}
    assert set(reports) == set(ids)
    assert {report.engine_host_id for report in reports.values()} == HOSTS
    for message in ear.heard:
        assert message["engine_host_id"] in HOSTS
        if message["type"] == "lab.frame":
            assert host_in(message["frame"]) == message["engine_host_id"]
        else:
            served_by = reports[message["request_id"]].engine_host_id
            assert message["engine_host_id"] == served_by, "one request, one host"
    frames = {m["engine_host_id"] for m in ear.heard if m["type"] == "lab.frame"}
    assert frames == HOSTS
    assert bench.num_reports() == 0


async def test_a_request_for_one_host_is_served_by_it(bench: Bench) -> None:
    ids = [new_id() for _ in range(4)]
    for request_id in ids:
        bench.send(request_id, queue=queue_of("b"))
    reports = [r for r in bench.reports(4) if r.request_id in ids]
    assert {report.engine_host_id for report in reports} == {"b"}


async def test_a_host_without_room_takes_none_while_another_has_room(
    bench: Bench,
) -> None:
    full, free = [new_id() for _ in range(3)], [new_id() for _ in range(3)]
    async with bench.ear(*map(request_group, full)) as ear:
        for request_id in full:
            bench.send(request_id, max_tokens=500, queue=queue_of("a"))
        for request_id in full:
            await ear.until(lambda m, i=request_id: m["request_id"] == i)
    for request_id in free:
        bench.send(request_id, max_tokens=2)
    reports = {report.request_id: report for report in bench.reports(3)}
    assert set(reports) == set(free), "they waited for nobody"
    assert {report.engine_host_id for report in reports.values()} == {"b"}
    for request_id in full:
        bench.command("lab_abort", request_id=request_id)
    assert {report.engine_host_id for report in bench.reports(3)} == {"a"}


async def test_an_abort_reaches_the_host_that_has_the_request(bench: Bench) -> None:
    ids = [new_id() for _ in range(6)]
    serving: dict[str, str] = {}
    async with bench.ear(*map(request_group, ids)) as ear:
        for request_id in ids:
            bench.send(request_id, max_tokens=500)
        while set(serving.values()) != HOSTS:
            event = await ear.until(lambda m: m["num_output_tokens"] > 0)
            serving[event["request_id"]] = event["engine_host_id"]
        chosen = {host: request_id for request_id, host in serving.items()}
        for host, request_id in chosen.items():
            bench.command("lab_abort", request_id=request_id)
            last = await ear.until_finished(request_id)
            assert last["engine_host_id"] == host
            assert last["report"]["finish_reason"] == "aborted"
        for request_id in set(ids) - set(chosen.values()):
            bench.command("lab_abort", request_id=request_id)
    reports = bench.reports(6)
    assert {report.finish_reason for report in reports} == {"aborted"}


@pytest.fixture
def web(settings: Any, bench: Bench) -> None:
    """This process is a web process on the bench's broker."""
    settings.REDIS_URL = bench.server.url
    settings.CHANNEL_LAYERS = {
        "default": {
            "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
            "CONFIG": {"hosts": [bench.server.url], "prefix": "servelab"},
        }
    }


async def test_a_viewer_can_follow_the_host_that_serves_its_own_question(
    bench: Bench, web: None
) -> None:
    assert {status.engine_host_id for status in client.statuses()} == HOSTS

    async def ask_keyframe() -> None:
        bench.command("lab_keyframe")

    async def read_status() -> list[client.EngineStatus]:
        return await asyncio.to_thread(client.statuses)

    hub = Hub(read_status, ask_keyframe)
    viewer = await hub.join()
    request_ids = [new_id() for _ in range(6)]
    seen: set[str] = set()
    for request_id in request_ids:
        await hub.watch(viewer, request_id)
        bench.send(request_id, max_tokens=60)
    async with asyncio.timeout(150):
        while seen != HOSTS:
            event = await next_event(viewer)
            host = event["engine_host_id"]
            if host in seen:
                continue
            seen.add(host)
            assert hub.follow(viewer, host)
            assert host_in(await next_frame(viewer)) == host
    for request_id in request_ids:
        bench.command("lab_abort", request_id=request_id)
    bench.reports(6)
    hub.leave(viewer)
    await asyncio.sleep(0)
    await get_channel_layer().flush()


async def next_event(viewer: Viewer) -> dict[str, object]:
    while True:
        message = await viewer.next()
        if isinstance(message, dict) and message["type"] == "request.event":
            return message


async def next_frame(viewer: Viewer) -> bytes:
    while True:
        message = await viewer.next()
        if isinstance(message, bytes):
            return message


def host_in(frame: bytes) -> str:
    """The host id in a frame's header (docs/frame-format.md)."""
    return frame[85 : 85 + frame[84]].decode()
