"""A foreign file by its bytes: which format and which letters, and its questions."""

import re

from quizzes.errors import BrokenQuestion
from quizzes.formats.aiken import looks_like_aiken, num_answers, read_aiken
from quizzes.formats.fences import without_fences
from quizzes.formats.foreign import ROOTS, refuse_bytes, refuse_text
from quizzes.formats.gift import read_gift
from quizzes.formats.imported import Imported, check_length
from quizzes.formats.letters import cleaned, decoded, encoding_of
from quizzes.formats.moodle_import import read_moodle_xml
from quizzes.formats.plain_text import TAGS

FORMATS = ("gift", "aiken", "moodle")
_PROLOG = re.compile(
    r"\ufeff?\s*+(?:[^<{}]{0,300}```\w{0,9}\s*+)?"
    r"(?:<\?(?!php)(?:(?!\?>).)*+\?>\s*+|<!--(?:(?!-->).)*+-->\s*+)*+",
    re.DOTALL,
)
"""What may stand before the first element of XML: instructions and comments."""
_ROOT = re.compile(r"<(?:\w++:)?([\w.-]++)")
_GIFT = re.compile(
    r"^[^\S\n]*::|\{[^{}=~#]*+[=~#][^{}]*+\}|\{\s*(T|F|TRUE|FALSE)\s*\}", re.M
)
NUM_FIRST = 8_000
"""Bytes that say whether a file is XML."""


def read_questions(
    raw: bytes, form: str = "", encoding: str = "", imported: Imported | None = None
) -> Imported:
    """The questions of a file; ``form`` and ``encoding`` are found if they are not
    given. Raises BrokenQuestion for a file that cannot be read at all, or in which
    there is nothing."""
    found = imported or Imported()
    if not form:
        refuse_bytes(raw)
    if form == "moodle" or (not form and _is_xml(raw, encoding)):
        read_moodle_xml(raw, found, encoding)
    else:
        _read_text(raw, form, encoding, found)
    if not (found.bodies or found.refused or found.losses):
        raise BrokenQuestion((), "there is no question in this file.")
    return found


def _is_xml(raw: bytes, encoding: str) -> bool:
    """Whether it is declared, or begins with an element that is none of HTML's and
    ends."""
    marked = encoding_of(raw)
    start = raw[:NUM_FIRST].decode(marked, "ignore")
    prolog = _PROLOG.match(start)
    if prolog and "<?" in prolog[0]:
        return True
    found = _ROOT.match(start, prolog.end() if prolog else 0)
    if not found or found[1] == "html":
        return False
    name = found[1]
    is_known = name in {"quiz", "question", *ROOTS}
    return is_known or (
        name.lower() not in TAGS and f"</{name}>" in raw.decode(marked, "ignore")
    )


def _read_text(raw: bytes, form: str, encoding: str, found: Imported) -> None:
    text, loss = decoded(raw, encoding)
    check_length(text)  # before all that looks at it
    whole = cleaned(text.removeprefix("\ufeff"))
    bare = without_fences(whole, _asks)
    if not form:
        is_aiken = looks_like_aiken(bare) and _is_more_aiken(bare)
        form = "aiken" if is_aiken else "gift"
        if not is_aiken:
            refuse_text(bare)
    (read_aiken if form == "aiken" else read_gift)(bare, found)
    if bare != whole:
        found.losses.append("the fences of Markdown around its questions")
    if loss:
        found.losses.append(loss)


def _is_more_aiken(text: str) -> bool:
    """Whether it has as many answers of Aiken as of GIFT: a question of Aiken may show
    code in braces."""
    return num_answers(text) >= sum(1 for _ in _GIFT.finditer(text))


def _asks(text: str) -> bool:
    return looks_like_aiken(text) or bool(_GIFT.search(text))
