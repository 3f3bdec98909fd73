"""Aiken: one text line, options ``A.`` or ``A)``, ``ANSWER: A``.

Source: docs.moodle.org, "Aiken format".
"""

import re

from quizzes.errors import BrokenQuestion
from quizzes.formats.gift import Imported

_OPTION = re.compile(r"^([A-Z])[.)]\s+(.*\S)\s*$")
_ANSWER = re.compile(r"^ANSWER:\s*([A-Z])\s*$")


def read_aiken(text: str) -> Imported:
    """All questions of a file; raises BrokenQuestion with the line of a broken one."""
    imported = Imported()
    asked: list[str] = []
    options: dict[str, str] = {}
    lines = text.removeprefix("\ufeff").splitlines()
    for number, row in enumerate(lines, 1):
        if found := _ANSWER.match(row.strip()):
            _add(imported, asked, options, found[1], number)
            asked, options = [], {}
        elif found := _OPTION.match(row):
            if found[1] in options:
                raise BrokenQuestion((), f"line {number}: a second {found[1]}.")
            options[found[1]] = found[2]
        elif row.strip() and options:
            raise BrokenQuestion(
                (), f"line {number}: an option or ANSWER is expected, not {row[:40]!r}."
            )
        elif row.strip():
            asked.append(row.strip())
    if asked or options:
        raise BrokenQuestion((), f"line {len(lines)}: the last question has no ANSWER.")
    return imported


def _add(
    imported: Imported,
    asked: list[str],
    options: dict[str, str],
    right: str,
    number: int,
) -> None:
    if right not in options or not asked or len(options) < 2:
        raise BrokenQuestion(
            (), f"line {number}: a text, two options and one of them as ANSWER."
        )
    choices = [
        {
            "text": text,
            "right": letter == right,
            "because": "Right." if letter == right else "No.",
        }
        for letter, text in options.items()
    ]
    imported.bodies.append(
        {
            "id": f"question-{len(imported.bodies) + 1}",
            "kind": "single",
            "text": " ".join(asked),
            "choices": choices,
        }
    )
