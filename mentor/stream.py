"""An answer on its way to one browser: the suffix it lacks, and where that begins.

Events carry the whole text, so one that is lost costs nothing; the browser gets
only what is new. Offsets count UTF-16 units, as JavaScript strings do.
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

CARRIED = (
    "phase",
    "place",
    "num_waiting",
    "least_wait_s",
    "wait_s",
    "is_wait_bound",
    "short_id",
    "engine_host_id",
    "num_output_tokens",
    "num_prompt_tokens",
    "num_cached_tokens",
    "num_preemptions",
)


class AnswerStream:
    """What one socket has sent of one turn."""

    def __init__(self, turn_id: int) -> None:
        self.turn_id = turn_id
        self.heard_at = float("-inf")
        """time.monotonic() of the last event."""
        self._sent = ""

    @contextmanager
    def not_listening(self) -> Iterator[None]:
        """While its socket is busy its events wait, and that is no silence."""
        self.heard_at = float("inf")
        try:
            yield
        finally:
            self.heard_at = time.monotonic()

    def rewind(self) -> None:
        """Send the whole text with the next event: the browser missed something."""
        self._sent = ""

    def update(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """The message for the browser: state, and the text after ``offset``."""
        self.heard_at = time.monotonic()
        text = event["text"]
        kept = self._sent if text.startswith(self._sent) else ""
        self._sent = text
        return {
            "type": "event",
            "turn": self.turn_id,
            **{name: event.get(name) for name in CARRIED},
            "offset": utf16_length(kept),
            "text": text[len(kept) :],
        }


def utf16_length(text: str) -> int:
    """Length as JavaScript counts it."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2
