"""A foreign file by its bytes: which format and which letters, and its questions."""

import codecs
import re

from quizzes.errors import BrokenQuestion
from quizzes.formats.aiken import read_aiken
from quizzes.formats.gift import read_gift
from quizzes.formats.imported import Imported
from quizzes.formats.moodle_import import read_moodle_xml

FORMATS = ("gift", "aiken", "moodle")
_XML = re.compile(rb"(\xef\xbb\xbf)?\s*<(\?xml|quiz)")
_AIKEN = re.compile(r"^[^\S\n]*ANSWER\s*:", re.MULTILINE | re.IGNORECASE)
_GIFT = re.compile(
    r"^[^\S\n]*::|\{[^{}=~#]*+[=~#][^{}]*+\}|\{\s*(T|F|TRUE|FALSE)\s*\}", re.M
)


def read_questions(
    raw: bytes, form: str = "", encoding: str = "", imported: Imported | None = None
) -> Imported:
    """The questions of a file; ``form`` and ``encoding`` are found if they are not
    given. Raises BrokenQuestion for a file that cannot be read at all."""
    if form == "moodle" or (not form and _XML.match(raw)):
        return read_moodle_xml(raw, imported)
    text = decoded(raw, encoding)
    if not form:
        form = "aiken" if _AIKEN.search(text) and not _GIFT.search(text) else "gift"
    return (read_aiken if form == "aiken" else read_gift)(text, imported)


def decoded(raw: bytes, encoding: str = "") -> str:
    """The text; raises BrokenQuestion with the line that is not UTF-8, and advice."""
    if not encoding:
        is_utf16 = raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        encoding = "utf-16" if is_utf16 else "utf-8-sig"
        if not is_utf16 and b"\0" in raw:
            raise BrokenQuestion(
                (),
                "this has zero bytes, as UTF-16 without its mark has: save it as "
                "UTF-8, or name --encoding utf-16-le.",
            )
    try:
        return raw.decode(encoding)
    except LookupError:
        raise BrokenQuestion((), f"there is no encoding {encoding!r}.") from None
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise BrokenQuestion(
            (),
            f"line {line}: this is not {encoding.removesuffix('-sig').upper()}. Save "
            "it as UTF-8, or name what it is, such as --encoding windows-1252.",
        ) from None
