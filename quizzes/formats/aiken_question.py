"""One question of an Aiken file: its options, and which of them its ANSWER names."""

import re
from dataclasses import dataclass, field
from typing import Any

from quizzes.errors import BrokenQuestion
from quizzes.formats.aiken_lines import (
    ALPHABETS,
    Option,
    is_same_letter,
    plain_letter,
)
from quizzes.formats.answers import Row, choice_fields
from quizzes.formats.imported import Place
from quizzes.formats.plain_text import TextReader, has_html

_LETTER = re.compile(r"[\"'“(]?([^\W\d_])(?![^\W_]).*$", re.DOTALL)
_LETTERS = re.compile(
    r"[^\W\d_](?:(?:\s++(?:(?:[,;&/+]|and\b|und\b|et\b|y\b)\s*+)?|[,;&/+]\s*+)"
    r"[^\W\d_])++\.?$"
)


@dataclass
class Asked:
    """A question that is being read."""

    line: int
    texts: list[str] = field(default_factory=list)
    options: list[list[str]] = field(default_factory=list)
    """Of each its lines."""
    alphabet: str = ""
    has_gap: bool = False
    """A blank line stands after the last line."""
    fault: tuple[int, str] | None = None
    """Line and reason of what was wrong first."""
    explanation: str = ""
    is_divided: bool = False
    """A blank line stands within the text."""

    def place(self, line: int) -> Place:
        """For a sentence about a line of it."""
        return Place(line, " ".join(self.texts))

    def is_next(self, letter: str) -> bool:
        """Whether an option of this letter may follow."""
        if not self.options:
            return any(letter == alphabet[0] for alphabet in ALPHABETS)
        if len(self.options) == 1:  # now two letters tell the alphabet
            self.alphabet = next(
                (
                    a
                    for a in (self.alphabet, *ALPHABETS)
                    if a[1] == letter and is_same_letter(a[0], self.alphabet[0])
                ),
                self.alphabet,
            )
        wanted = self.alphabet[len(self.options) : len(self.options) + 1]
        return bool(wanted) and is_same_letter(wanted, letter)

    def add(self, option: Option) -> None:
        """Take an option."""
        if not self.options:
            self.alphabet = next(a for a in ALPHABETS if a[0] == option.letter)
        self.options.append([option.text] if option.text else [])


def choices_of(asked: Asked, rights: set[int], losses: list[str]) -> dict[str, Any]:
    """The fields of its kind; raises BrokenQuestion."""
    if any(len(lines) > 1 for lines in asked.options):
        losses.append("the line breaks of its options")
    is_single = len(rights) == 1
    share = 100 / len(rights)
    rows = [
        Row(" ".join(lines), share if at in rights else (0 if is_single else -share))
        for at, lines in enumerate(asked.options)
    ]
    texts = TextReader()
    said = [*asked.texts, *(row.text for row in rows)]
    if any(has_html(one) for one in said):
        losses.append("its HTML is shown as it is written, as in Moodle")
    if any(re.search(r"\*\*\w|__\w", one) for one in said):
        losses.append("its Markdown is shown as it is written, as in Moodle")
    for one in said:
        texts.read(one, "plain")
    losses += texts.named()
    return choice_fields(rows, is_single, losses)


def rights_of(asked: Asked, said: str, losses: list[str]) -> set[int]:
    """Places of the right options; raises BrokenQuestion."""
    if not asked.texts or len(asked.options) < 2:
        raise BrokenQuestion(
            (),
            f"a text and at least two options come before ANSWER, not "
            f"{len(asked.texts)} and {len(asked.options)}: an option begins with A) or "
            "A. on a line of its own.",
        )
    letters = asked.alphabet[: len(asked.options)]
    named = _by_text(asked, said, letters) or _named(asked, said, letters, losses)
    places = {
        at
        for letter in map(plain_letter, named)
        for at, own in enumerate(letters)
        if is_same_letter(own, letter)
    }
    if len(places) < len(set(named)) or not places:
        raise BrokenQuestion(
            (), f"ANSWER is one of {', '.join(letters)}, not {said[:40]!r}."
        )
    return places


def _by_text(asked: Asked, said: str, letters: str) -> str:
    """The letter of the option that ANSWER gives as a text; a letter is none."""
    is_letter = any(is_same_letter(said.upper(), one.upper()) for one in letters)
    texts = [" ".join(lines).casefold() for lines in asked.options]
    if is_letter or said.casefold() not in texts:
        return ""
    return letters[texts.index(said.casefold())]


def _named(asked: Asked, said: str, letters: str, losses: list[str]) -> str:
    """The letters that ANSWER names, in the case of the options."""
    if _LETTERS.match(said):
        named = "".join(re.findall(r"\b[^\W\d_]\b", said))
    elif len(said) > 1 and said.isalpha() and set(said) <= set(letters):
        named = said
        losses.append(f"'ANSWER: {said}' is read as several letters")
    elif found := _LETTER.match(said):
        named = found[1]
        rest = said.partition(named)[2].strip(" \"'”.:)")
        own = " ".join(asked.options[letters.find(named)]) if named in letters else ""
        if rest and rest.casefold() != own.casefold():
            losses.append(f"{rest[:60]!r} after the letter of its ANSWER")
    else:
        named = ""
    return named.lower() if letters[:1].islower() else named.upper()
