"""A question about the lab, answered from what the engine host tells now.

Whether it is one the wordings decide (mentor.seeing); with what it is answered the host
does (lab.client.look). What is said is kept with the turn as JSON, so that on an old
turn the numbers keep their step and time.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from courseware.notes import all_notes
from lab import client
from lab.errors import EngineUnavailable
from lab.messages import EngineStatus
from mentor import seeing
from mentor.knowing import Finding, Level
from mentor.seeing import LabQuestion, Sight

logger = logging.getLogger(__name__)

NO_ENGINE = (
    "I see no engine in the lab now, so there is nothing to measure: ask again when "
    "one is running."
)
SILENT = "The engine on host {host} did not tell its state within a second: ask again."
SURE_COURSE = 6.0
"""Where the course is as sure as this, the lab has to be meant more plainly."""
Share = Literal["alone", "with the course", "none"]


@dataclass(frozen=True, slots=True)
class Where:
    """What the learner has before them in the viewer."""

    engine_host_id: str = ""
    """The host that is followed; "" where none is."""
    block_id: int | None = None
    """The block that is marked,"""
    short_id: int | None = None
    """and the request that is chosen."""


NOWHERE = Where()


@dataclass(frozen=True)
class Seen:
    """What the lab says to a question."""

    sentences: list[str]
    kind: str
    section: str
    host: str = ""
    step: int | None = None
    """The step that the numbers are of; None where the host tells of itself."""
    at: float | None = None
    """Seconds since 1970; None where there was nothing to see."""

    @property
    def is_seen(self) -> bool:
        """Whether there was an engine to look at."""
        return self.at is not None

    @property
    def mark(self) -> str:
        """What the numbers are: "measured at step 1,900 on host x"."""
        if not self.is_seen:
            return "nothing to measure"
        if self.step is None:
            return f"as host {self.host} tells of itself"
        return f"measured at step {self.step:,} on host {self.host}"

    @property
    def text(self) -> str:
        """All of it in one line."""
        return " ".join([*self.sentences, f"({self.mark})"])

    def to_json(self) -> dict[str, Any]:
        """As it is kept with a turn."""
        at = self.at and datetime.fromtimestamp(self.at, tz=UTC).isoformat()
        read_on = next((n for n in all_notes() if n.section == self.section), None)
        return {
            "kind": self.kind,
            "sentences": self.sentences,
            "mark": self.mark,
            "host": self.host,
            "step": self.step,
            "at": at,
            "is_seen": self.is_seen,
            "url": read_on.url if read_on else "",
            "title": read_on.section_title if read_on else "",
        }


def share(asked: LabQuestion | None, finding: Finding) -> Share:
    """Whether the lab answers alone, beside the course, or not at all."""
    if asked is None:
        return "none"
    is_course_too = finding.kind == "answer" and asked.slots.is_general
    if asked.is_sure and not is_course_too:
        return "alone"
    if finding.kind == "answer":
        is_beside = finding.score < SURE_COURSE or asked.is_beside
        return "with the course" if is_beside else "none"
    is_meant = asked.is_likely if finding.kind == "offer" else asked.is_at_hand
    return "alone" if is_meant else "none"


def look(
    asked: LabQuestion,
    learner_id: str,
    where: Where = NOWHERE,
    level: Level = "standard",
) -> Seen:
    """The answer from the state as it is now; without an engine the reason."""
    try:
        status = _status(where)
        if status is None:
            return _unseen(asked, NO_ENGINE)
        if status.state != "ready":
            return _unseen(asked, seeing.not_ready(status))
        block_id = asked.slots.block_id
        if block_id is None and asked.slots.is_about_block:
            block_id = where.block_id
        state = client.look(learner_id, status.engine_host_id, block_id)
        report = client.last_report(learner_id)
    except EngineUnavailable as error:
        return _unseen(asked, f"I see no engine: {error}")
    if state is None:
        return _unseen(asked, SILENT.format(host=status.engine_host_id))
    short_id = asked.slots.short_id
    if short_id is None and asked.slots.is_about_request:
        short_id = where.short_id
    seen = Sight(state, status, report, block_id, short_id)
    is_of_status = asked.kind.name in seeing.OF_STATUS
    return Seen(
        seeing.sentences(asked.kind, seen, level),
        asked.kind.name,
        asked.kind.section,
        status.engine_host_id,
        None if is_of_status else state.step,
        state.at,
    )


def combined(
    seen: Seen, share: Share, said: dict[str, Any], finding: Finding
) -> dict[str, Any]:
    """What is kept and shown: the measured answer, with the course's words where the
    question is one to the course as well, or where there is nothing to measure."""
    measured = {"measured": seen.to_json()}
    if share == "with the course":
        return {**said, **measured}
    if not seen.is_seen and finding.kind == "answer":
        return {**said, "kind": "measured", **measured}
    return alone(seen)


def alone(seen: Seen) -> dict[str, Any]:
    """What is kept of a measured answer without the course's words."""
    nothing = {"words": "", "url": "", "note_id": "", "sentences": [], "offers": []}
    return {"kind": "measured", **nothing, "measured": seen.to_json()}


def _unseen(asked: LabQuestion, sentence: str) -> Seen:
    return Seen([sentence], asked.kind.name, asked.kind.section)


def _status(where: Where) -> EngineStatus | None:
    """Of the host that is followed, or else of the first one, ready ones first."""
    known: Sequence[EngineStatus] = client.recent_statuses()
    followed = (s for s in known if s.engine_host_id == where.engine_host_id)
    return next(followed, known[0] if known else None)
