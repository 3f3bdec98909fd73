"""How much the engines take of a question and its answer."""

from lab import client
from lab.errors import EngineUnavailable
from mentor.prompts import Window

SERVING = ("starting", "ready", "not answering", "draining", "restarting")
"""States in which an engine takes questions, now or when it is ready."""


SHOWN_ONLY = (
    "The only engine here is somebody else's: the lab shows it and asks it nothing."
)


def window() -> Window:
    """Tokens that the smallest serving engine takes; raises EngineUnavailable."""
    known = client.recent_statuses()
    answering = [status for status in known if not status.reads_only]
    serving = [status for status in answering if status.state in SERVING]
    if known and not answering:
        raise EngineUnavailable(SHOWN_ONLY)
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
