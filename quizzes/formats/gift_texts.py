r"""Texts of a GIFT file: escapes and the marks of their format.

Escapes are hidden first: each ``\x`` becomes a noncharacter (HIDING_FIRST and on), so
that the rest may split at ``= ~ # { } :`` without looking back.
"""

import re

from quizzes.formats.gift_marks import ESCAPED, name_path
from quizzes.formats.letters import HIDING_FIRST
from quizzes.formats.plain_text import FORMATS, TextReader, has_html, unwrapped

_PRIVATE = HIDING_FIRST
FORMAT = re.compile(
    rf"\s*+((?:<!--(?:(?!-->).)*+-->\s*+)*+)\[({'|'.join(FORMATS)})\]",
    re.DOTALL | re.IGNORECASE,
)


def hidden(text: str) -> str:
    """``text`` with its escapes as noncharacters."""
    return re.sub(
        r"\\([~=#{}:\\n])",
        lambda match: chr(_PRIVATE + ESCAPED.index(match[1])),
        text,
    )


def shown(text: str) -> str:
    """The reverse of hidden(), without the backslashes."""
    for at, letter in enumerate(ESCAPED):
        text = text.replace(chr(_PRIVATE + at), "\n" if letter == "n" else letter)
    return text.strip()


def on_one_line(text: str) -> str:
    """The same of a text whose lines are wrapped."""
    return shown(" ".join(filter(None, map(str.strip, text.split("\n")))))


_BREAK = chr(_PRIVATE + ESCAPED.index("n"))
_LOST_COMMAND = re.compile(
    rf"\$[^$]*{_BREAK}(eq|e|u|abla|otin|ot|i|mid|leq|geq)(?![a-z])[^$]*\$"
)


class GiftReader(TextReader):
    """Texts of one question; those in its braces have its format if they name none."""

    def __init__(self) -> None:
        super().__init__()
        self._form = "moodle"

    def question(self, text: str) -> str:
        """The question's own text, hidden, which sets the format of the others."""
        self._form = "moodle"
        form, rest = self._marked(text)
        self._form = form
        if form != "moodle" or has_html(shown(rest)):
            return self.read(shown(rest), form)
        wrapped, has_code = unwrapped(rest)
        if has_code:
            self.losses.append("its indented lines are shown as code")
        return self.read(shown(wrapped), form)

    def answer(self, text: str, form: str = "") -> str:
        """A text between the braces, hidden; ``form`` where it is always the same."""
        marked, rest = self._marked(text)
        return self.read(on_one_line(rest), form or marked)

    def _marked(self, text: str) -> tuple[str, str]:
        if found := _LOST_COMMAND.search(text):
            self.losses.append(
                rf"'\n{found[1]}' is read as the end of a line: write '\\n{found[1]}'"
            )
        name_path(text, self.losses)
        found = FORMAT.match(text)
        if not found:
            return self._form, text
        if found[1]:
            self.losses.append(f"the comment before [{found[2]}]")
        return found[2].lower(), text[found.end() :]
