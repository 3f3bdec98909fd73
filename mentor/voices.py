"""Which engine's words may lead, by what was measured of its model.

``voices.yaml`` keeps an entry for each model measured by ``evalmentor --voice --keep``.
A model that is not in it was not measured, so the course leads.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from mentor.errors import MentorError

VOICES = Path(__file__).with_name("voices.yaml")
SUPPORTED_PCT = 95.0
"""Sentences that the check supports, at least,"""
RIGHT_PCT = 92.0
"""questions whose fact these state, at least: as is asked of the course's own words,"""
MAX_WRONG = 0
"""false statements that the check let pass,"""
MAX_COPIED_PCT = 50.0
"""sentences that stand in the course's answer word for word, at most: what only repeats
the course says nothing better,"""
MIN_QUESTIONS = 100
"""and questions that this was measured on."""


@dataclass(frozen=True)
class Voice:
    """What was measured of one model; an entry of voices.yaml."""

    model: str
    """As EngineStatus names it."""
    supported_pct: float
    voice_right_pct: float
    voice_wrong: int
    copied_pct: float
    voice_tokens_per_s: float
    """Of all questions together, ``at_once`` at a time."""
    voice_ttft_ms_p50: float
    start_s: float
    """From the engine's process to its first token."""
    num_questions: int
    at_once: int
    machine: str
    measured: str
    """The day, as 2026-11-26."""
    note: str = ""
    """What else one has to know of the measurement."""

    @property
    def leads(self) -> bool:
        """Whether it is good enough to stand before the course's words."""
        return (
            self.supported_pct >= SUPPORTED_PCT
            and self.voice_right_pct >= RIGHT_PCT
            and self.voice_wrong <= MAX_WRONG
            and self.copied_pct <= MAX_COPIED_PCT
            and self.num_questions >= MIN_QUESTIONS
        )


@cache
def voices(path: Path = VOICES) -> Mapping[str, Voice]:
    """All that were measured, by model; MentorError where the file is not of the
    form."""
    rows = yaml.safe_load(path.read_text(encoding="utf-8")) if path.exists() else []
    try:
        return {row["model"]: Voice(**row) for row in rows or []}
    except (KeyError, TypeError) as error:
        raise MentorError(
            f"{path.name} has an entry of another form: {error}"
        ) from None


_table = VOICES


@contextmanager
def kept_in(path: Path) -> Iterator[None]:
    """Decide from another file, for as long as the context lasts (tests)."""
    global _table
    before, _table = _table, path
    try:
        yield
    finally:
        _table = before


def leads(model: str) -> bool:
    """Whether this model's words lead; never where it was not measured."""
    voice = voices(_table).get(model)
    return voice is not None and voice.leads


def measured(results: Sequence[Mapping[str, Any]], **about: Any) -> Voice:
    """An entry of what ``voice_evaluation.results`` gave; ``about`` has the rest."""
    names = {one.name for one in fields(Voice)}
    found = {row["name"]: row["value"] for row in results if row["name"] in names}
    return Voice(**found, **about)


def keep(voice: Voice, path: Path = VOICES) -> None:
    """Write an entry in place of the model's last one; the comment on top stays."""
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    lines = text.splitlines(keepends=True)
    comment = "".join(line for line in lines if line.startswith("#"))
    known = {**voices.__wrapped__(path), voice.model: voice}
    rows = [asdict(known[model]) for model in sorted(known)]
    dumped = yaml.safe_dump(rows, sort_keys=False, allow_unicode=True, width=88)
    path.write_text(comment + dumped, encoding="utf-8")
    voices.cache_clear()
