"""Browsers of a bench: they load a page, open the mentor's socket, ask and stop."""

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import websockets

from benchmarks.viewing import session_cookies

ANSWER_TIMEOUT_S = 120.0


@dataclass
class Answer:
    """One question as its browser saw it; times in seconds."""

    asked_at: float = field(default_factory=time.perf_counter)
    course_at: float | None = None
    """What the course says was there."""
    first_text_at: float | None = None
    short_id: int | None = None
    turn: dict[str, Any] = field(default_factory=dict)

    @property
    def measured(self) -> dict[str, Any]:
        """The numbers of the engine's report."""
        return dict(self.turn["measured"] or {})

    @property
    def course_s(self) -> float:
        """Question sent to the course's answer received; RuntimeError without one."""
        if self.course_at is None:
            raise RuntimeError("The course did not answer.")
        return self.course_at - self.asked_at

    @property
    def ttft_s(self) -> float:
        """Question sent to first text received; RuntimeError when none came."""
        if self.first_text_at is None:
            raise RuntimeError(f"No text came: {self.turn.get('error')!r}.")
        return self.first_text_at - self.asked_at


class Chat:
    """One learner's socket."""

    def __init__(self, socket: websockets.ClientConnection) -> None:
        self._socket = socket

    async def ask(self, question: str, conversation: str | None = None) -> Answer:
        """Ask, in a new conversation by default, and read to the end of the answer."""
        answer = await self.begin(question, conversation=conversation)
        await self.read(answer)
        if answer.turn["state"] == "failed":
            raise RuntimeError(f"A question failed: {answer.turn['error']}")
        return answer

    async def begin(
        self, question: str, selected: str = "", conversation: str | None = None
    ) -> Answer:
        """Send a question, about a text of the page where one is given."""
        answer = Answer()
        asked = {"question": question, "selected": selected}
        await self._send(type="ask", conversation=conversation, ref=1, **asked)
        return answer

    async def read(
        self, answer: Answer, phase: str | None = None, num_tokens: int = 0
    ) -> bool:
        """Read until the phase and the number of tokens are reached (True), or until
        the answer has ended (False)."""
        async with asyncio.timeout(ANSWER_TIMEOUT_S):
            while True:
                message = await self.hear()
                if message["type"] == "refused":
                    raise RuntimeError(f"A question was refused: {message['reason']}")
                if message["type"] in ("asked", "turn"):
                    answer.turn = message["turn"]
                    if answer.turn["state"] != "open":
                        return False
                elif message["type"] == "course":
                    answer.course_at = time.perf_counter()
                elif message["type"] == "event":
                    self._note(answer, message)
                    has_tokens = message["num_output_tokens"] >= num_tokens
                    if message["phase"] == phase and has_tokens:
                        return True

    async def hear(self) -> dict[str, Any]:
        """The next message."""
        return dict(json.loads(await self._socket.recv()))

    async def stop(self, answer: Answer) -> float:
        """Press Stop and read to the end; returns time.time() of the press."""
        pressed_at = time.time()
        await self._send(type="stop", turn=answer.turn["id"])
        await self.read(answer)
        return pressed_at

    def _note(self, answer: Answer, message: dict[str, Any]) -> None:
        if message["text"] and answer.first_text_at is None:
            answer.first_text_at = time.perf_counter()
        if message["short_id"] is not None:
            answer.short_id = message["short_id"]

    async def _send(self, **message: Any) -> None:
        await self._socket.send(json.dumps(message))


@asynccontextmanager
async def open_chats(url: str, number: int) -> AsyncIterator[list[Chat]]:
    """Sockets of ``number`` learners, each with a session and an address of its own."""
    sockets = []
    try:
        for index in range(number):
            cookies = await asyncio.to_thread(session_cookies, url)
            sockets.append(
                await websockets.connect(
                    url.replace("http", "ws", 1) + "/ws/mentor/",
                    additional_headers={"Cookie": cookies},
                    origin=websockets.Origin(url),
                    local_addr=local_address(url, index),
                )
            )
        yield [Chat(socket) for socket in sockets]
    finally:
        for socket in sockets:
            await socket.close()


def local_address(url: str, index: int) -> tuple[str, int] | None:
    """A loopback address (on Linux all of 127.0.0.0/8 are): many learners behind one
    address would meet its limit of requests a minute."""
    if sys.platform != "linux" or not url.startswith("http://127.0.0.1:"):
        return None
    return f"127.1.{index // 250}.{index % 250 + 1}", 0
