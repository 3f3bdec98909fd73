"""What a browser may say on the mentor's socket: parsed and checked. Pure.

{"type": "open", "conversation": id or null}      show it; null: the newest
{"type": "ask", "conversation": id or null, "question": text, "ref": number,
 "level": one of LEVELS, "section": anchor in view, "selected": text of the page,
 "replaces": id of a turn that it takes the place of,
 "quiz_answer": id of a quiz answer that it is about,
 "lab": {"host": id, "block": number marked, "request": short id chosen},
 "key": 32 hex digits, the browser's own id of it: the same one is taken once}
                                                   the last seven may be left out
{"type": "ping"}                                  answered by "pong"
{"type": "stop", "turn": id}                      abort in the engine
{"type": "heal", "turn": id}                      send its whole text again
{"type": "level", "level": one of LEVELS}         how deep the learner wants it
{"type": "feedback", "turn": id, "verdict": "right", "wrong" or "", "reason": text}
{"type": "rename", "conversation": id, "title": text}
{"type": "delete", "conversation": id}
"""

import json
import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mentor.course import LEVELS
from mentor.errors import Refused
from mentor.knowing import Level
from mentor.looking import NOWHERE, Where

MAX_MESSAGE_CHARS = 20_000
MESSAGES_PER_S = 2.0
MESSAGES_AT_ONCE = 20
MAX_ID = 2**63 - 1
MAX_SELECTED_CHARS = 1_000
"""Of the page's text that a question is about."""
MAX_REASON_CHARS = 500
MAX_TITLE_CHARS = 60
MAX_HOST_CHARS = 255
VERDICTS = ("right", "wrong", "")
_KEY = re.compile(r"[0-9a-f]{32}")
_ANCHOR = re.compile(r"[\w-]{1,120}")


@dataclass(frozen=True, slots=True)
class Open:
    """Show a conversation, the newest if None."""

    conversation_id: uuid.UUID | None


@dataclass(frozen=True, slots=True)
class Ask:
    """A question; without a conversation it begins a new one."""

    conversation_id: uuid.UUID | None
    question: str
    ref: int = 0
    """The browser's number for this attempt, sent back with the outcome."""
    level: Level = "standard"
    section: str = ""
    """Anchor of what is in view; "" if unknown."""
    selected: str = ""
    """Text of the page that the question is about."""
    replaces: int | None = None
    """The turn whose place it takes: asked again, or edited."""
    quiz_answer: int | None = None
    """The learner's answer in a quiz that the question is about."""
    where: Where = NOWHERE
    """What is before the learner in the viewer."""
    key: str = ""
    """The browser's own id of the question, which is sent again until it is taken; ""
    where it has none."""


@dataclass(frozen=True, slots=True)
class Ping:
    """Say that you are there."""


@dataclass(frozen=True, slots=True)
class Stop:
    """Abort a turn."""

    turn_id: int


@dataclass(frozen=True, slots=True)
class Heal:
    """Send a turn's text again from its beginning."""

    turn_id: int


@dataclass(frozen=True, slots=True)
class ChooseLevel:
    """Answer this deep from now on."""

    level: Level


@dataclass(frozen=True, slots=True)
class Feedback:
    """What the learner thinks of an answer."""

    turn_id: int
    verdict: str
    reason: str


@dataclass(frozen=True, slots=True)
class Rename:
    """Give a conversation another title."""

    conversation_id: uuid.UUID
    title: str


@dataclass(frozen=True, slots=True)
class Delete:
    """Delete a conversation."""

    conversation_id: uuid.UUID


Command = Open | Ask | Ping | Stop | Heal | ChooseLevel | Feedback | Rename | Delete


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
    ref, section = message.get("ref"), message.get("section")
    key = message.get("key")
    has_section = isinstance(section, str) and _ANCHOR.fullmatch(section)
    return Ask(
        _optional_uuid(message),
        _text(message, "question", "The question of an ask message is text."),
        ref if type(ref) is int else 0,
        _level(message) if "level" in message else "standard",
        str(section) if has_section else "",
        _selected(message),
        _optional_id(message, "replaces"),
        _optional_id(message, "quiz_answer"),
        _where(message.get("lab")),
        key if isinstance(key, str) and _KEY.fullmatch(key) else "",
    )


def _where(lab: Any) -> Where:
    """What is not known is left out: the question is taken all the same."""
    if not isinstance(lab, dict):
        return NOWHERE
    host = lab.get("host")
    return Where(
        host[:MAX_HOST_CHARS] if isinstance(host, str) else "",
        _number(lab.get("block")),
        _number(lab.get("request")),
    )


def _number(value: Any) -> int | None:
    return value if type(value) is int and 0 <= value < 2**32 else None


def _selected(message: dict[str, Any]) -> str:
    if message.get("selected") is None:
        return ""
    selected = _text(message, "selected", "The selected text is text.")
    selected = " ".join(selected.split())
    if len(selected) > MAX_SELECTED_CHARS:
        raise Refused(
            f"You selected {len(selected):,} characters; a question can be about "
            f"{MAX_SELECTED_CHARS:,} at most: select a sentence or two."
        )
    return selected


def _level(message: dict[str, Any]) -> Level:
    for level in LEVELS:
        if message.get("level") == level:
            return level
    raise Refused(f"A level is one of {', '.join(LEVELS)}.")


def _feedback(message: dict[str, Any]) -> Feedback:
    verdict = message.get("verdict")
    if verdict not in VERDICTS:
        raise Refused("An answer is marked right or wrong, or not at all.")
    reason = _text(message, "reason", "The reason is text.") if verdict else ""
    if len(reason) > MAX_REASON_CHARS:
        raise Refused(
            f"Your reason has {len(reason):,} characters; "
            f"at most {MAX_REASON_CHARS:,} are kept."
        )
    return Feedback(_turn_id(message), str(verdict), reason.strip())


def _rename(message: dict[str, Any]) -> Rename:
    title = " ".join(_text(message, "title", "A title is text.").split())
    if not 0 < len(title) <= MAX_TITLE_CHARS:
        raise Refused(f"A title has 1 to {MAX_TITLE_CHARS} characters.")
    return Rename(_uuid(message), title)


def _text(message: dict[str, Any], name: str, refusal: str) -> str:
    """A text that PostgreSQL and UTF-8 take: no NUL, no half of a surrogate pair."""
    text = message.get(name, "")
    if not isinstance(text, str):
        raise Refused(refusal)
    return text.replace("\x00", "").encode("utf-8", "replace").decode()


def _optional_uuid(message: dict[str, Any]) -> uuid.UUID | None:
    return None if message.get("conversation") is None else _uuid(message)


def _uuid(message: dict[str, Any]) -> uuid.UUID:
    try:
        return uuid.UUID(str(message.get("conversation")))
    except ValueError:
        raise Refused("A conversation is named by its id.") from None


def _optional_id(message: dict[str, Any], name: str) -> int | None:
    return None if message.get(name) is None else _turn_id(message, name)


def _turn_id(message: dict[str, Any], name: str = "turn") -> int:
    turn_id = message.get(name)
    if type(turn_id) is not int or not 0 < turn_id <= MAX_ID:
        raise Refused("A question is named by its number.")
    return turn_id


_BUILDERS: dict[str, Callable[[dict[str, Any]], Command]] = {
    "open": lambda message: Open(_optional_uuid(message)),
    "ask": _ask,
    "ping": lambda message: Ping(),
    "stop": lambda message: Stop(_turn_id(message)),
    "heal": lambda message: Heal(_turn_id(message)),
    "level": lambda message: ChooseLevel(_level(message)),
    "feedback": _feedback,
    "rename": _rename,
    "delete": lambda message: Delete(_uuid(message)),
}
