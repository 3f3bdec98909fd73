"""What a stranger may send: made from what a browser sends, by a seeded generator."""

import json
import random
import uuid
from collections.abc import Sequence
from typing import Any

MESSAGES: dict[str, Sequence[dict[str, Any]]] = {
    "/ws/mentor/": (
        {"type": "open", "conversation": None},
        {"type": "ask", "conversation": None, "question": "What is a block?", "ref": 1},
        {
            **{"type": "ask", "question": "Why?", "ref": 2, "level": "plain"},
            **{"section": "kv", "selected": "a block", "replaces": 1},
            **{"quiz_answer": 1, "lab": {"host": "one", "block": 3, "request": 9}},
        },
        {"type": "stop", "turn": 1},
        {"type": "heal", "turn": 1},
        {"type": "level", "level": "deep"},
        {"type": "feedback", "turn": 1, "verdict": "wrong", "reason": "No."},
        {"type": "rename", "conversation": str(uuid.UUID(int=1)), "title": "Blocks"},
        {"type": "delete", "conversation": str(uuid.UUID(int=1))},
    ),
    "/ws/lab/": (
        {"type": "resync"},
        {"type": "follow", "engine_host_id": "one"},
        {"type": "overview"},
        {"type": "demo", "name": "twice"},
        {"type": "experiment", "query": "experiment=prefix&prediction=1"},
        {"type": "end"},
        {"type": "stop"},
    ),
    f"/ws/quiz/{'a' * 32}/": ({"type": "ping"}, {"phase": "finished"}),
}
"""By socket: what its page says, or could."""

ODD: Sequence[Any] = (
    *(None, True, False, 0, -1, 1, 2**31, 2**63, -(2**63), 10**40, 1.5, 1e308),
    *(float("nan"), float("inf"), "", " ", "\x00", "a\x00b", "\ud800", "\udfff\ud800"),
    *("x" * 300, "x" * 40_000, "\u202e", "é" * 100, "😀" * 200, "%00", "%ff", "../.."),
    *("<script>alert(1)</script>", "{{7*7}}", "{% load %}", "' OR 1=1 --", "\r\nX: y"),
    *([], {}, [[]], {"a": {"b": []}}, [1, "2", None], {"": ""}, [{}] * 50),
    *("1", "-1", "1e999", "NaN", "Infinity", "0x10", "１２", "1,000", "9" * 400),
    *(str(uuid.UUID(int=0)), "{" + "0" * 32 + "}", "urn:uuid:" + "0" * 32),
)  # fmt: skip
"""Values that programs stumble over."""


class Generator:
    """The same messages and forms for the same seed."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def message(self, path: str) -> dict[str, Any]:
        """What ASGI calls websocket.receive: text or bytes."""
        kind = self.random.randrange(10)
        if kind == 0:
            return {"bytes": self.random.randbytes(self.random.randrange(200))}
        if kind == 1:
            return {"text": self._garbage()}
        message = dict(self.random.choice(MESSAGES[path]))
        for _ in range(self.random.randrange(3)):
            name = self.random.choice([*message, "type", "extra", "lab"])
            message[name] = self.value()
        if kind == 2:
            message.pop(self.random.choice([*message]))
        return {"text": self._cut(json.dumps(message), kind)}

    def _cut(self, text: str, kind: int) -> str:
        if kind != 3 or not text:
            return text
        at = self.random.randrange(len(text))
        return text[:at] + self.random.choice(["", "\x00", "}", '"', "\\u"]) + text[at:]

    def _garbage(self) -> str:
        return self.random.choice(
            [
                *("", "null", "[]", "0", '""', "NaN", "{", "}", "[" * 900),
                *("9" * 5_000, "\ufeff{}", "[" * 15_000, '"\\ud800"', "x" * 30_000),
                *("\x00", "\u2028", '{"type": ["ask"]}', '{"type": {}}', "true"),
                '{"a":' * 900,
            ]
        )  # fmt: skip

    def value(self) -> Any:
        """One odd value, or one inside another."""
        value = self.random.choice(ODD)
        if self.random.random() < 0.1:
            value = {"host": value, "block": self.random.choice(ODD), "request": value}
        return value

    def form(self, fields: dict[str, Any]) -> dict[str, Any]:
        """A form with some of its fields odd, missing or several times."""
        form = dict(fields)
        for name in [*fields, f"extra-{self.random.randrange(9)}"]:
            if self.random.random() < 0.4:
                form[name] = self._field()
            elif self.random.random() < 0.1:
                form.pop(name, None)
        return form

    def _field(self) -> Any:
        value = self.value()
        if isinstance(value, list):
            return [str(one) for one in value]
        text = value if isinstance(value, str) else json.dumps(value)
        return text.encode(
            "utf-8", "surrogatepass"
        )  # as a client may put it on the wire
