"""Aiken as Moodle reads it. Sources: docs.moodle.org, "Aiken format"; moodle/moodle,
``question/format/aiken/format.php`` at cf29c00.

    Which is a card?
    A) A100
    B. Xeon
    ANSWER: A
    FEEDBACK: why, which Moodle does not know and other programs write

Options may be indented and follow the alphabet, also in small or Cyrillic letters; a
line without a letter goes on with the option above. Two letters after ANSWER make a
multiple choice. A question that is not finished is refused by line, and the next read.
"""

import re
from dataclasses import dataclass, field

from quizzes.errors import BrokenQuestion
from quizzes.formats.answers import RIGHT, WRONG
from quizzes.formats.imported import Imported, Place, lines_of

_ALPHABETS = (
    "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "abcdefghijklmnopqrstuvwxyz",
    "АБВГДЕЖЗИКЛМНОПРСТУФХЦЧШЩЭЮЯ",
    "абвгдежзиклмнопрстуфхцчшщэюя",
)
_OPTION = re.compile(r"([^\W\d_])[).]\s*(\S.*)$")
_ANSWER = re.compile(r"ANSWERS?\s*:\s*(.*)$", re.IGNORECASE)
_FEEDBACK = re.compile(r"FEEDBACK\s*:\s*(.*)$", re.IGNORECASE)
_LETTER = re.compile(r"\(?([^\W\d_])\)?(?:[).:]\s*.*)?$")
_LETTERS = re.compile(
    r"[^\W\d_](?:(?:\s++(?:(?:[,;&]|and\b)\s*+)?|[,;&]\s*+)[^\W\d_])++\.?$"
)


@dataclass
class _Asked:
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

    def place(self, line: int) -> Place:
        """For a sentence about a line of it."""
        return Place(line, " ".join(self.texts))

    def is_next(self, letter: str) -> bool:
        """Whether an option of this letter may follow."""
        if not self.options:
            return any(letter == alphabet[0] for alphabet in _ALPHABETS)
        return self.alphabet[len(self.options) : len(self.options) + 1] == letter

    def add(self, letter: str, text: str) -> None:
        """Take an option."""
        if not self.options:
            self.alphabet = next(a for a in _ALPHABETS if a[0] == letter)
        self.options.append([text])


def read_aiken(text: str, imported: Imported | None = None) -> Imported:
    """All questions of a file that can be asked; raises BrokenQuestion only for a file
    that is too long."""
    reader = _Reader(imported or Imported())
    lines = lines_of(text)
    for number, row in enumerate(lines, 1):
        reader.take(number, row.strip())
    reader.end(len(lines), "the last question has no ANSWER.")
    return reader.found


class _Reader:
    def __init__(self, found: Imported) -> None:
        self.found = found
        self._asked: _Asked | None = None
        self._answered: str = ""
        """Id of the question before, for its feedback."""

    def take(self, number: int, row: str) -> None:
        """One line, without the spaces around it."""
        if not row:
            if self._asked:
                self._asked.has_gap = True
        elif answer := _ANSWER.match(row):
            self._answer(number, answer[1].strip())
        elif (feedback := _FEEDBACK.match(row)) and self._asked is None:
            self._feedback(number, feedback[1])
        elif (option := _OPTION.match(row)) and self._is_option(number, option[1]):
            assert self._asked is not None
            self._asked.add(option[1], option[2].strip())
            self._asked.has_gap = False
        else:
            self._text(number, row)

    def end(self, number: int, reason: str) -> None:
        """Refuse what is not finished."""
        if self._asked:
            at, why = self._asked.fault or (number, reason)
            self.found.refuse(self._asked.place(at), why)
        self._asked = None

    def _is_option(self, number: int, letter: str) -> bool:
        """An option, or a text that begins like one; a second A ends a question."""
        if self._asked is None:
            self._asked = _Asked(number)
        asked = self._asked
        if asked.is_next(letter):
            return True
        if asked.options and letter == asked.alphabet[0]:
            self._restart(asked, number, letter)
            return True
        if asked.options and letter in asked.alphabet and not asked.fault:
            missing = asked.alphabet[len(asked.options)]
            asked.fault = (number, f"{letter} stands where {missing} is next.")
        return False

    def _restart(self, asked: _Asked, number: int, letter: str) -> None:
        """At a second A the options before were a question, or a text like one."""
        if len(asked.options) == 1:
            self.found.lose(
                asked.place(number), [f"the {letter} before it: it is read as text"]
            )
            texts = [*asked.texts, f"{letter}. {' '.join(asked.options[0])}"]
        else:
            texts = asked.options[-1][1:]
            self.end(number, f"a second {letter}: is an ANSWER missing before it?")
        self._asked = _Asked(number, texts)

    def _text(self, number: int, row: str) -> None:
        asked = self._asked
        if asked and asked.options and asked.has_gap:
            self.end(number, f"an option or ANSWER is expected, not {row[:40]!r}.")
            asked = None
        if asked is None:
            asked = self._asked = _Asked(number)
        if asked.options:
            asked.options[-1].append(row)
        else:
            asked.texts.append(row)
        asked.has_gap = False

    def _answer(self, number: int, said: str) -> None:
        asked, self._asked, self._answered = self._asked, None, ""
        if asked is None:
            self.found.refuse(Place(number), "an ANSWER without a question.")
            return
        if asked.fault:
            self._asked = asked
            self.end(number, "")
            return
        place = asked.place(number)
        try:
            rights = _rights(asked, said)
        except BrokenQuestion as error:
            self.found.refuse(place, error.reason)
            return
        if any(len(lines) > 1 for lines in asked.options):
            self.found.lose(place, ["the line breaks of its options"])
        text = " ".join(asked.texts)
        choices = [
            {
                "text": " ".join(lines),
                "right": at in rights,
                "because": RIGHT if at in rights else WRONG,
            }
            for at, lines in enumerate(asked.options)
        ]
        kind = "single" if len(rights) == 1 else "multiple"
        self.found.add(
            asked.place(asked.line), {"kind": kind, "text": text, "choices": choices},
            text,
        )  # fmt: skip
        self._answered = str(self.found.bodies[-1]["id"])

    def _feedback(self, number: int, text: str) -> None:
        if not self._answered:
            self.found.lose(Place(number), [f"a FEEDBACK without a question, {text!r}"])
            return
        body = self.found.bodies[-1]
        body["explanation"] = " ".join([body.get("explanation", ""), text]).strip()


def _rights(asked: _Asked, said: str) -> set[int]:
    """Places of the right options; raises BrokenQuestion."""
    if not asked.texts or len(asked.options) < 2:
        raise BrokenQuestion(
            (),
            f"a text and at least two options come before ANSWER, not "
            f"{len(asked.texts)} and {len(asked.options)}.",
        )
    letters = asked.alphabet[: len(asked.options)]
    if found := _LETTER.match(said):
        named = found[1]
    elif _LETTERS.match(said):
        named = "".join(re.findall(r"\b[^\W\d_]\b", said))
    else:
        named = "".join(
            letters[at]
            for at, lines in enumerate(asked.options)
            if " ".join(lines).casefold() == said.casefold()
        )
    if named and not set(named) <= set(letters):
        other = named.lower() if letters[0].islower() else named.upper()
        named = other if set(other) <= set(letters) else ""
    if not named:
        raise BrokenQuestion(
            (), f"ANSWER is one of {', '.join(letters)}, not {said[:40]!r}."
        )
    return {letters.index(letter) for letter in named}
