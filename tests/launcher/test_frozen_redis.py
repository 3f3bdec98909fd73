"""A Redis that hangs: it takes connections and says nothing (SIGSTOP). Whatever is
asked of the course meanwhile is answered, by a sentence where Redis was needed, and
everything goes on when it does."""

import asyncio
import json
import os
import signal
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import websockets

from launcher.valkey import free_port
from tests.launcher.running import RunningStack

pytestmark = pytest.mark.slow

WITHIN_S = 90.0
"""Redis is frozen for longer: what waits for it without a limit gets no answer."""
PAGES = (
    "/",
    "/chapters/deploying-ai-models/",
    "/mentor/",
    "/lab/",
    "/lab/hardware/",
    "/lab/hardware/engine/",
    "/lab/fleet/",
    "/lab/class/",
    "/lab/recordings/",
    "/quiz/",
    "/search/?q=cache",
    "/readyz",
    "/healthz",
)
ASKERS = 8
BROWSER = {"User-Agent": "Mozilla/5.0"}


class Course:
    """A running stack without an engine, and its Redis server."""

    def __init__(self, stack: RunningStack) -> None:
        self.stack = stack
        self.url = stack.text.split("Open ")[1].split()[0].rstrip("/")
        servers = [i for i, name in stack.processes().items() if "valkey" in name]
        self._redis = min(servers)

    def freeze(self) -> None:
        os.kill(self._redis, signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self._redis, signal.SIGCONT)

    async def readiness(self) -> dict[str, Any]:
        async with httpx.AsyncClient(timeout=WITHIN_S, headers=BROWSER) as browser:
            answer = await browser.get(f"{self.url}/readyz")
        return {"code": answer.status_code, **answer.json()}

    async def well(self) -> None:
        """Wait until every part is up."""
        async with asyncio.timeout(WITHIN_S):
            while not await self._is_well():  # noqa: ASYNC110  no event tells of it
                await asyncio.sleep(0.2)

    async def _is_well(self) -> bool:
        return {one["state"] for one in (await self.readiness())["parts"]} == {"up"}

    async def cookies(self) -> str:
        """Of a new learner."""
        async with httpx.AsyncClient(timeout=WITHIN_S, headers=BROWSER) as browser:
            await browser.get(f"{self.url}/mentor/")
            return "; ".join(f"{k}={v}" for k, v in browser.cookies.items())

    def socket(self, path: str, cookies: str) -> Any:
        return websockets.connect(
            self.url.replace("http", "ws", 1) + path,
            additional_headers={"Cookie": cookies},
            origin=websockets.Origin(self.url),
            open_timeout=WITHIN_S,
        )

    async def asked(self, cookies: str) -> dict[str, Any]:
        """Ask the mentor; how the turn ended."""
        async with (
            asyncio.timeout(WITHIN_S),
            self.socket("/ws/mentor/", cookies) as one,
        ):
            await one.send(
                json.dumps({"type": "ask", "question": "What is a KV cache?", "ref": 1})
            )
            async for text in one:
                message = json.loads(text)
                turn = message.get("turn")
                if message["type"] == "turn" and turn["state"] != "open":
                    return dict(turn)
        raise AssertionError("the socket closed")

    async def hello(self, cookies: str) -> str | None:
        """What the lab's socket says is wrong."""
        async with (
            asyncio.timeout(WITHIN_S),
            self.socket("/ws/lab/", cookies) as one,
        ):
            async for text in one:
                message = json.loads(text)
                if message["type"] == "hello":
                    return message["trouble"]
        raise AssertionError("the socket closed")


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Course]:
    port = str(free_port())
    stack = RunningStack(tmp_path_factory.mktemp("frozen"), PORT=port)
    try:
        stack.wait_for("Open ", 180)
        yield Course(stack)
    finally:
        stack.end()


async def code_of(course: Course, path: str) -> tuple[str, int]:
    async with httpx.AsyncClient(timeout=WITHIN_S, headers=BROWSER) as browser:
        answer = await browser.get(course.url + path, follow_redirects=True)
    return path, answer.status_code


async def test_everything_answers_while_redis_is_frozen(course: Course) -> None:
    await course.well()
    learners = [await course.cookies() for _ in range(ASKERS)]
    for path in PAGES:  # what is compiled or read at first is
        await code_of(course, path)
    await course.asked(await course.cookies())
    course.freeze()
    try:
        pages = await asyncio.gather(*(code_of(course, path) for path in PAGES))
        asks = asyncio.gather(*(course.asked(cookies) for cookies in learners))
        trouble = await course.hello(learners[0])
        turns = await asks
        readiness = await course.readiness()
    finally:
        course.thaw()
    codes = dict(pages)
    assert codes.pop("/readyz") == 503
    assert set(codes.values()) == {200}, codes
    assert trouble is not None and "Redis" in trouble
    for turn in turns:
        assert turn["course"], "the course answers without an engine"
        assert "message broker does not answer" in turn["error"], turn["error"]
    assert readiness["code"] == 503
    states = {part["name"]: part["state"] for part in readiness["parts"]}
    assert states["broker"] == "away"


async def test_everything_goes_on_after_it(course: Course) -> None:
    course.freeze()
    await asyncio.sleep(7)
    course.thaw()
    before = course.stack.text
    await course.well()
    cookies = await course.cookies()
    assert await course.hello(cookies) is None
    turn = await course.asked(cookies)
    assert "broker" not in turn["error"]
    assert "ended" not in course.stack.text.removeprefix(before)
