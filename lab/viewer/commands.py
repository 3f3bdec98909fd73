"""What a browser may say on the lab's socket: JSON objects, small and few. Pure."""

import json
import re
from dataclasses import dataclass
from typing import Any

MAX_COMMAND_BYTES = 4_096
COMMANDS_PER_S = 2.0
COMMANDS_AT_ONCE = 12
KNOWN = (
    "ping",
    "resync",
    "follow",
    "overview",
    "demo",
    "experiment",
    "end",
    "stop",
    "why",
    "cache",
    "timeline",
    "heat",
)
"""``ping`` is answered by "pong"; ``overview`` asks for keyframes of the other hosts
too; ``end`` stops the experiment that runs, ``stop`` the demonstration and all that
the sender has under way; ``why`` asks for the reasons of one request, ``cache`` for
what the prefix cache is about to evict, ``timeline`` for the steps of the last minute,
``heat`` for the hits and age of cached blocks."""
ENGINE_HOST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
SHORT_ID = re.compile(r"[0-9]{1,10}")
STEP = SHORT_ID
DEMO_NAME = re.compile(r"[a-z]{1,32}")
QUERY = re.compile(r"[A-Za-z0-9_=&%.+*~-]{1,2400}")


class CommandRefused(ValueError):
    """Not a command; ``str(error)`` is a sentence for the sender."""


@dataclass(frozen=True)
class Command:
    """One checked command."""

    kind: str
    argument: str = ""
    """The engine host id, the demonstration's name, the experiment with its settings,
    or in decimals the short id or the step."""
    for_all: bool = False
    """Of an experiment: whether all are to see it."""


ARGUMENTS = {
    "follow": ("engine_host_id", ENGINE_HOST_ID),
    "demo": ("name", DEMO_NAME),
    "experiment": ("query", QUERY),
    "why": ("short_id", SHORT_ID),
    "heat": ("since", STEP),
}


def parse(text: str | None) -> Command:
    """The command in ``text``; raises CommandRefused with a sentence."""
    if text is None:
        raise CommandRefused("The lab's socket takes JSON text, not bytes.")
    if len(text.encode()) > MAX_COMMAND_BYTES:
        raise CommandRefused(
            f"A command has at most {MAX_COMMAND_BYTES:,} bytes; this one is longer."
        )
    kind, fields = _object(text)
    if kind not in ARGUMENTS:
        return Command(kind)
    name, pattern = ARGUMENTS[kind]
    argument = fields.get(name)
    if not isinstance(argument, str) or not pattern.fullmatch(argument):
        raise CommandRefused(f'The command "{kind}" needs a valid "{name}".')
    return Command(kind, argument, fields.get("for_all") is True)


def _object(text: str) -> tuple[str, dict[str, Any]]:
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError):
        raise CommandRefused("A command is a JSON object; this is not.") from None
    kind = fields.get("type") if isinstance(fields, dict) else None
    if kind not in KNOWN:
        raise CommandRefused(f'A command has a "type" out of: {", ".join(KNOWN)}.')
    return kind, fields
