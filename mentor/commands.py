"""What a browser may say on the mentor's socket: parsed and checked. Pure.

{"type": "open", "conversation": id or null}      show it; null: the newest
{"type": "ask", "conversation": id or null, "question": text, "ref": number}
{"type": "stop", "turn": id}                      abort in the engine
{"type": "heal", "turn": id}                      send its whole text again
{"type": "delete", "conversation": id}
"""

import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mentor.errors import Refused

MAX_MESSAGE_CHARS = 20_000
MESSAGES_PER_S = 2.0
MESSAGES_AT_ONCE = 20
MAX_ID = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Open:
    """Show a conversation, the newest if None."""

    conversation_id: uuid.UUID | None


@dataclass(frozen=True, slots=True)
class Ask:
    """A question; without a conversation it begins a new one."""

    conversation_id: uuid.UUID | None
    question: str
    ref: int
    """The browser's number for this attempt, sent back with the outcome."""


@dataclass(frozen=True, slots=True)
class Stop:
    """Abort a turn."""

    turn_id: int


@dataclass(frozen=True, slots=True)
class Heal:
    """Send a turn's text again from its beginning."""

    turn_id: int


@dataclass(frozen=True, slots=True)
class Delete:
    """Delete a conversation."""

    conversation_id: uuid.UUID


Command = Open | Ask | Stop | Heal | Delete


def parse(text: str | None) -> Command:
    """The command in a text message; raises Refused when there is none in it."""
    if text is None or len(text) > MAX_MESSAGE_CHARS:
        raise Refused(
            f"A message is JSON text of at most {MAX_MESSAGE_CHARS:,} characters."
        )
    try:
        message = json.loads(text)
    except (ValueError, RecursionError):
        raise Refused("This message is not JSON.") from None
    kind = message.get("type") if isinstance(message, dict) else None
    build = _BUILDERS.get(kind) if isinstance(kind, str) else None
    if build is None:
        raise Refused(f"A message's type is one of {', '.join(_BUILDERS)}.")
    return build(message)


def _ask(message: dict[str, Any]) -> Ask:
    question = message.get("question")
    if not isinstance(question, str):
        raise Refused("The question of an ask message is text.")
    # PostgreSQL takes no NUL, and UTF-8 no half of a surrogate pair.
    question = question.replace("\x00", "").encode("utf-8", "replace").decode()
    ref = message.get("ref")
    return Ask(_optional_uuid(message), question, ref if type(ref) is int else 0)


def _optional_uuid(message: dict[str, Any]) -> uuid.UUID | None:
    return None if message.get("conversation") is None else _uuid(message)


def _uuid(message: dict[str, Any]) -> uuid.UUID:
    try:
        return uuid.UUID(str(message.get("conversation")))
    except ValueError:
        raise Refused("A conversation is named by its id.") from None


def _turn_id(message: dict[str, Any]) -> int:
    turn_id = message.get("turn")
    if type(turn_id) is not int or not 0 < turn_id <= MAX_ID:
        raise Refused("A question is named by its number.")
    return turn_id


_BUILDERS: dict[str, Callable[[dict[str, Any]], Command]] = {
    "open": lambda message: Open(_optional_uuid(message)),
    "ask": _ask,
    "stop": lambda message: Stop(_turn_id(message)),
    "heal": lambda message: Heal(_turn_id(message)),
    "delete": lambda message: Delete(_uuid(message)),
}
