"""Aiken as Moodle reads it. Sources: docs.moodle.org, "Aiken format"; moodle/moodle,
``question/format/aiken/format.php`` at cf29c00.

    Which is a card?
    A) A100
    B. Xeon
    ANSWER: A
    FEEDBACK: why, which Moodle does not know and other programs write

Options may be indented and follow the alphabet (aiken_lines has the spellings); a line
without a letter goes on with the option above. Two letters after ANSWER make a multiple
choice. A question that is not finished is refused by line, and the next read.
"""

from quizzes.errors import BrokenQuestion
from quizzes.formats.aiken_lines import (
    Option,
    answer_of,
    feedback_of,
    looks_like_aiken,
    num_answers,
    option_of,
    without_marks,
)
from quizzes.formats.aiken_question import Asked, choices_of, rights_of
from quizzes.formats.imported import Imported, Place, lines_of

__all__ = ["looks_like_aiken", "num_answers", "read_aiken"]


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
        self._asked: Asked | None = None
        self._answered: str = ""
        """Id of the question before, for its feedback."""
        self._in_feedback = False
        self._marked: list[str] = []
        """Losses of the question's lines."""

    def take(self, number: int, row: str) -> None:
        """One line, without the spaces around it."""
        if (bare := without_marks(row)) != row:
            loss = "marks of Markdown before its options or its ANSWER"
            self._marked.append(loss)
            row = bare
        if not row:
            self._gap()
        elif answer := answer_of(row):
            self._answer(number, *answer)
        elif (feedback := feedback_of(row)) is not None and self._takes_feedback():
            self._feedback(number, feedback)
        elif (option := option_of(row)) and self._is_option(number, option):
            assert self._asked is not None
            self._asked.add(option)
            self._asked.has_gap = self._in_feedback = False
        else:
            self._text(number, row)

    def end(self, number: int, reason: str) -> None:
        """Refuse what is not finished."""
        self._gap()
        if self._asked:
            at, why = self._asked.fault or (number, reason)
            self.found.refuse(self._asked.place(at), why)
        self._asked, self._marked = None, []

    def _gap(self) -> None:
        asked = self._asked
        if asked and self._in_feedback and not asked.options:
            # What stands between a FEEDBACK and a blank line goes on with it.
            self._say(" ".join(asked.texts))
            self._asked = None
        elif asked:
            asked.has_gap = True
        self._in_feedback = False

    def _is_option(self, number: int, option: Option) -> bool:
        """An option, or a text that begins like one; a second A ends a question."""
        letter = option.letter
        if self._asked is None:
            if not option.text:
                return False
            self._asked = Asked(number)
        asked = self._asked
        if asked.is_next(letter):
            if not option.text and not asked.fault:
                asked.fault = (number, f"the option {letter} has no text.")
            return True
        if asked.options and letter == asked.alphabet[0]:
            self._restart(asked, number, letter)
            return True
        if asked.options and letter in asked.alphabet and not asked.fault:
            missing = asked.alphabet[len(asked.options) :][:1] or "no letter"
            asked.fault = (number, f"{letter} stands where {missing} is next.")
        return False

    def _restart(self, asked: Asked, number: int, letter: str) -> None:
        """At a second A the options before were a question, or a text like one."""
        if len(asked.options) == 1:
            self.found.lose(
                asked.place(number), [f"the {letter} before it: it is read as text"]
            )
            texts = [*asked.texts, f"{letter}. {' '.join(asked.options[0])}"]
        else:
            texts = asked.options[-1][1:]
            self.end(number, f"a second {letter}: is an ANSWER missing before it?")
        self._asked = Asked(number, texts)

    def _text(self, number: int, row: str) -> None:
        asked = self._asked
        if asked and asked.options and asked.has_gap:
            self.end(number, f"an option or ANSWER is expected, not {row[:40]!r}.")
            asked = None
        if asked is None:
            asked = self._asked = Asked(number)
        if asked.options:
            asked.options[-1].append(row)
        else:
            asked.is_divided |= bool(asked.texts) and asked.has_gap
            asked.texts.append(row)
        asked.has_gap = False

    def _answer(self, number: int, word: str, said: str) -> None:
        asked, self._asked, self._answered = self._asked, None, ""
        self._in_feedback = False
        if asked is None:
            self.found.refuse(Place(number), "an ANSWER without a question.")
            return
        if asked.fault:
            self._asked = asked
            self.end(number, "")
            return
        place = asked.place(number)
        losses, self._marked = self._marked, []
        if word.upper() not in ("ANSWER", "ANSWERS"):
            losses.append(f"{word!r} is read as ANSWER")
        if asked.is_divided:
            losses.append("a blank line within its text: all before it is text too")
        try:
            rights = rights_of(asked, said, losses)
            fields = choices_of(asked, rights, losses)
        except BrokenQuestion as error:
            self.found.refuse(place, error.reason)
            return
        text = " ".join(asked.texts)
        if asked.explanation:
            fields["explanation"] = asked.explanation
        self.found.add(
            asked.place(asked.line), {"kind": "", "text": text, **fields}, text
        )
        self.found.lose(place, losses)
        self._answered = str(self.found.bodies[-1]["id"])

    def _takes_feedback(self) -> bool:
        return self._asked is None or len(self._asked.options) > 1 or self._in_feedback

    def _feedback(self, number: int, text: str) -> None:
        if self._asked and self._asked.options:  # before its ANSWER
            self._asked.explanation = f"{self._asked.explanation} {text}".strip()
        elif not self._answered:
            self.found.lose(Place(number), [f"a FEEDBACK without a question, {text!r}"])
        else:
            self._in_feedback = True
            self._gap()
            self._say(text)
            self._in_feedback = True

    def _say(self, text: str) -> None:
        body = self.found.bodies[-1]
        body["explanation"] = " ".join([body.get("explanation", ""), text]).strip()
