"""What the mentor knows about the engines: how much fits, and what they are called."""

import time

import redis

from lab.engine import client
from lab.engine.errors import EngineUnavailable
from lab.engine.events import EngineStatus
from mentor.prompts import Window

SERVING = ("starting", "ready", "restarting")
"""States in which an engine takes questions, now or when it is ready."""
KEEP_S = 2.0
"""How long a heartbeat is taken for true before it is read again."""

_kept: tuple[float, list[EngineStatus]] | None = None


def statuses() -> list[EngineStatus]:
    """client.status(), read at most every KEEP_S; raises EngineUnavailable."""
    global _kept
    now = time.monotonic()
    if _kept is None or now - _kept[0] > KEEP_S:
        try:
            _kept = (now, client.status())
        except redis.RedisError as error:
            raise EngineUnavailable(
                "The engine cannot be reached: the message broker does not answer."
            ) from error
    return _kept[1]


def window() -> Window:
    """Tokens that the smallest serving engine takes; raises EngineUnavailable."""
    known = statuses()
    serving = [status for status in known if status.state in SERVING]
    if not serving:
        reasons = [status.reason for status in known if status.reason]
        raise EngineUnavailable(
            reasons[0] if reasons else "No engine is running: ask again when one is."
        )
    default = Window()
    return Window(
        min(s.max_model_len or default.max_model_len for s in serving),
        min(
            default.max_output_tokens,
            *(s.max_output_tokens or 1 << 31 for s in serving),
        ),
    )


def label(engine_host_id: str) -> str:
    """Model and device of a host, e.g. "SmolLM2-135M-Instruct on CPU engine"."""
    try:
        found = [s for s in statuses() if s.engine_host_id == engine_host_id]
    except EngineUnavailable:
        found = []
    if not found:
        return engine_host_id
    return " on ".join(
        part for part in (found[0].model_in_words, found[0].device) if part
    )
