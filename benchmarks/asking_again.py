"""Askers who do as the page does: keep a question until it is taken, and come back."""

import asyncio
import contextlib
import json
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import websockets

from benchmarks.chats import local_address
from benchmarks.viewing import session_cookies

AGAIN_S = 10.0
"""As static/js/mentor/outbox.js: sent again when nobody took it."""
AGAIN_AFTER_S = 0.5
"""Before another connection."""
QUESTIONS = (
    "What is PagedAttention?",
    "Why are cold starts slow?",
    "What is a KV cache?",
    "What does continuous batching do?",
    "What is prefix caching?",
)
AWAY = (OSError, websockets.WebSocketException, TimeoutError)


@dataclass
class Question:
    """One question under its own id."""

    key: str = field(default_factory=lambda: uuid.uuid4().hex)
    is_taken: bool = False
    state: str = ""
    """How its turn ended; "" before."""
    refusals: list[str] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)
    taken_s: float | None = None
    """From the first attempt to "asked"."""
    words_s: float | None = None
    """To the first word of the engine; None where the course answered alone."""
    ended_s: float | None = None

    @property
    def seconds(self) -> float:
        """Since it was first asked."""
        return time.monotonic() - self.began


class Asker:
    """One learner who asks one question after the other until told to stop."""

    def __init__(
        self, url: str, index: int, cookies: str = "", *, pause_s: float = 0.5
    ) -> None:
        """With ``cookies`` the learner is known already and sits behind the address of
        all others; else this one has an address of its own."""
        self._url = url
        self._index = index
        self._cookies = cookies
        self._address = None if cookies else local_address(url, index)
        self._pause_s = pause_s
        self._texts: Iterator[int] = count(index)
        self.is_stopping = False
        self.asked: list[Question] = []

    async def run(self) -> None:
        """Ask until ``is_stopping``, and then until the last one has ended."""
        if not self._cookies:
            self._cookies = await asyncio.to_thread(session_cookies, self._url)
        while not self.is_stopping:
            await self.ask_one()
            await asyncio.sleep(self._pause_s)

    async def ask_one(self) -> Question:
        """The next question, to its end."""
        question = Question()
        self.asked.append(question)
        text = QUESTIONS[next(self._texts) % len(QUESTIONS)]
        while not question.state:
            with contextlib.suppress(*AWAY):
                await self._ask(question, text)
            if not question.state:
                await asyncio.sleep(AGAIN_AFTER_S)
        return question

    async def _ask(self, question: Question, text: str) -> None:
        """Through one socket, to the end of the answer or of the socket."""
        async with websockets.connect(
            self._url.replace("http", "ws", 1) + "/ws/mentor/",
            additional_headers={"Cookie": self._cookies},
            origin=websockets.Origin(self._url),
            local_addr=self._address,
            open_timeout=5,
            close_timeout=1,
        ) as socket:
            asked = {"type": "ask", "question": text, "ref": 1, "key": question.key}
            ask = json.dumps({**asked, "conversation": None})
            # A question that was taken on a socket before: the same one shows its end.
            await socket.send(ask)
            while not question.state:
                try:
                    async with asyncio.timeout(AGAIN_S):
                        self._hear(question, json.loads(await socket.recv()))
                except TimeoutError:
                    await socket.send(ask)

    def _hear(self, question: Question, message: dict[str, Any]) -> None:
        if message["type"] == "refused":
            question.refusals.append(message["reason"])
            raise TimeoutError(message["reason"])  # asked again in a moment
        turn = message.get("turn")
        if message["type"] in ("asked", "turn") and isinstance(turn, dict):
            question.is_taken = True
            question.taken_s = question.taken_s or question.seconds
            if turn["state"] != "open":
                question.state = turn["state"]
                question.ended_s = question.seconds
        if message["type"] == "event" and message["text"]:
            question.words_s = question.words_s or question.seconds
