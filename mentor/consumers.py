"""The mentor's socket: questions in, what the course says and the engine's words out.

What a browser says is in mentor.commands. What it hears::

    {"type": "conversation", "conversation", "conversations", "turns", "level"}
                                                      after open, and when another tab
                                                      changed something
    {"type": "asked", "ref", "turn", "replaces"}      the question was taken
    {"type": "course", "turn", "kind", "words", "sentences", "offers", "html",
     "measured", "measured_html"}
                                                      what the course says, before an
                                                      engine is asked
    {"type": "event", "turn", "phase", "place", "short_id", …, "offset", "text"}
    {"type": "turn", "turn"}                          it ended; checked words, measured
    {"type": "refused", "ref", "reason"}              a sentence; nothing was lost
"""

import asyncio
import json
import logging
import time
import uuid
from typing import Any

from courseware.door import LearnerSocket
from courseware.sockets import TokenBucket, address_of_socket
from lab.errors import EngineError, LimitExceeded, NotYours
from lab.messages import request_group
from mentor import async_models
from mentor.commands import (
    MESSAGES_AT_ONCE,
    MESSAGES_PER_S,
    Ask,
    ChooseLevel,
    Command,
    Delete,
    Feedback,
    Heal,
    Open,
    Ping,
    Rename,
    Stop,
    parse,
)
from mentor.errors import Refused
from mentor.looking import Where
from mentor.models import Turn
from mentor.stream import AnswerStream

logger = logging.getLogger(__name__)

TOO_MANY = "Too many messages in a short time: wait a few seconds."
HEAL_S = 3.0
"""For so long a turn may be silent before it is looked up, as its last event may have
been lost; an engine host repeats itself more often."""


def learner_group(learner_id: str) -> str:
    """Group of all tabs of one learner."""
    return f"mentor.learner.{learner_id}"


class MentorConsumer(LearnerSocket):
    """One browser. All rules are in mentor.asking and mentor.models."""

    async def connect(self) -> None:
        """Accept a learner; refuse a socket whose session has none."""
        self._streams: dict[str, AnswerStream] = {}
        self._allowance = TokenBucket(MESSAGES_PER_S, MESSAGES_AT_ONCE)
        self._healer: asyncio.Task[None] | None = None
        self._preparing: asyncio.Task[None] | None = None
        self._shown: uuid.UUID | None = None
        if await self.admit():
            await self.join(learner_group(self.learner_id))

    async def disconnect(self, code: int) -> None:
        """Leave every group; the engine goes on and the answer is stored."""
        for task in filter(None, (self._healer, self._preparing)):
            task.cancel()
        if self.learner_id:
            await self.leave(learner_group(self.learner_id))
        for request_id in list(self._streams):
            await self._leave(request_id)

    async def receive(
        self, text_data: str | None = None, bytes_data: bytes | None = None
    ) -> None:
        """One command; what is wrong with it is said, never raised."""
        ref = 0
        try:
            if await self.is_over():
                return
            if not self._allowance.take():
                raise Refused(TOO_MANY)
            command = parse(text_data)
            ref = command.ref if isinstance(command, Ask) else 0
            await self._obey(command)
        except EngineError as error:
            if isinstance(error, Refused | LimitExceeded | NotYours):
                self.note_refusal(type(error).__name__)
            await self._say({"type": "refused", "ref": ref, "reason": str(error)})
        except Exception:
            logger.exception("mentor socket")
            reason = "This did not work, for a reason on our side. Try it again."
            await self._say({"type": "refused", "ref": ref, "reason": reason})

    async def request_event(self, event: dict[str, Any]) -> None:
        """Progress of a turn; its report ends it."""
        stream = self._streams.get(event["request_id"])
        if stream is None:
            return
        if event["report"] is None:
            await self._say(stream.update(event))
            return
        turn = await async_models.settle(stream.turn_id, event["report"])
        await self._end(event["request_id"], turn)

    async def learner_changed(self, message: dict[str, Any]) -> None:
        """Another tab of the learner changed something: show how it is now."""
        if message["by"] != self.channel_name:
            await self._open(self._shown)

    async def _obey(self, command: Command) -> None:
        learner_id = self.learner_id
        match command:
            case Ask():
                await self._ask(command)
            case Open(conversation_id):
                await self._open(conversation_id)
                self._preparing = asyncio.create_task(async_models.prepare())
            case Ping():
                await self._say({"type": "pong"})
            case Stop(turn_id):
                await async_models.stop(learner_id, turn_id)
            case Heal(turn_id):
                self._rewind(turn_id)
            case ChooseLevel(level):
                await async_models.choose_level(learner_id, level)
                await self._tell_other_tabs()
            case Feedback():
                turn = await async_models.give_feedback(learner_id, command)
                await self._say({"type": "turn", "turn": turn})
                await self._tell_other_tabs()
            case Rename():
                await async_models.rename(learner_id, command)
                await self._open(command.conversation_id)
                await self._tell_other_tabs()
            case Delete(conversation_id):
                await async_models.delete(learner_id, conversation_id)
                await self._open(None)
                await self._tell_other_tabs()

    async def _ask(self, ask: Ask) -> None:
        request_id = uuid.uuid4().hex
        foreseeing = asyncio.create_task(async_models.foresee(ask.question))
        turn, shown = await async_models.take(self.learner_id, ask, request_id)
        is_new = turn.request_id == request_id
        self._shown = turn.conversation_id
        replaces = ask.replaces if is_new else None
        asked = {"type": "asked", "ref": ask.ref, "turn": shown, "replaces": replaces}
        await self._say(asked)
        if is_new:
            logger.info("asked", extra={"log_id": request_id})
            if turn.is_open:
                await foreseeing
                await self._answer(turn, ask.where)
            await self._tell_other_tabs()
        elif turn.is_open and turn.request_id not in self._streams:
            await self._join(turn.request_id, AnswerStream(turn.pk))

    async def _answer(self, turn: Turn, where: Where) -> None:
        """First the course, then an engine; the group is joined before it is asked,
        so that no event is missed."""
        said, ended = await async_models.inform(turn, where)
        await self._say({"type": "course", "turn": turn.pk, **said})
        if ended is None:
            stream = AnswerStream(turn.pk)
            await self._join(turn.request_id, stream)
            with stream.not_listening():
                ended = await async_models.voice(turn, self._address)
            if ended is not None:
                await self._leave(turn.request_id)
        if ended is not None:
            await self._say({"type": "turn", "turn": ended})

    async def _tell_other_tabs(self) -> None:
        message = {"type": "learner.changed", "by": self.channel_name}
        group = learner_group(self.learner_id)
        await self.tell_group(group, message)

    @property
    def _address(self) -> str:
        return address_of_socket(self.scope)

    async def _open(self, conversation_id: uuid.UUID | None) -> None:
        shown, open_turns = await async_models.open_conversation(
            self.learner_id, conversation_id
        )
        for request_id, turn_id in open_turns.items():
            if request_id not in self._streams:
                await self._join(request_id, AnswerStream(turn_id))
            self._streams[request_id].rewind()
        found = shown["conversation"]
        self._shown = uuid.UUID(found["id"]) if found else None
        await self._say(shown)

    async def _join(self, request_id: str, stream: AnswerStream) -> None:
        self._streams[request_id] = stream
        await self.join(request_group(request_id))
        if self._healer is None or self._healer.done():
            self._healer = asyncio.create_task(self._heal())

    def _rewind(self, turn_id: int) -> None:
        for stream in self._streams.values():
            if stream.turn_id == turn_id:
                stream.rewind()

    async def _leave(self, request_id: str) -> None:
        self._streams.pop(request_id, None)
        await self.leave(request_group(request_id))

    async def _end(self, request_id: str, turn: dict[str, Any] | None) -> None:
        if request_id in self._streams:
            await self._leave(request_id)
            if turn is not None:
                await self._say({"type": "turn", "turn": turn})

    async def _heal(self) -> None:
        """Notice turns that ended although no event said so: of those alone that have
        been silent, as an engine host repeats itself."""
        while self._streams:
            await asyncio.sleep(HEAL_S)
            since = time.monotonic() - HEAL_S
            streams = self._streams.items()
            ids = {s.turn_id: key for key, s in streams if s.heard_at <= since}
            if not ids:
                continue
            for request_id in ids.values():  # anew, where the broker was away
                await self.join(request_group(request_id))
            for turn_id, turn in (await async_models.ended(list(ids))).items():
                await self._end(ids[turn_id], turn)

    async def _say(self, message: dict[str, Any]) -> None:
        await self.send(text_data=json.dumps(message))
