"""The letters of a foreign file: which encoding, line ends, and marks nobody sees.

bytes ── decoded() ──► text ── cleaned() ──► lines of visible text
"""

import codecs
import re

from quizzes.errors import BrokenQuestion

_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_ADVICE = (
    "Save it as UTF-8, or name what it is, such as --encoding windows-1252, "
    "windows-1251, shift_jis or gb18030."
)
_UNSEEN = "\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff"
"""Zero-width spaces and marks of direction; joiners are letters to some scripts."""
_AT_MARK = re.compile(
    rf"(?m)^[{_UNSEEN}]++|(?<=[{{}}=~#:])[{_UNSEEN}]++|[{_UNSEEN}]++(?=[{{}}=~#]|$)"
)
HIDING_FIRST, HIDING_LAST = 0xFDD0, 0xFDEF
"""Noncharacters of Unicode, which no text has: readers hide escapes in them."""
_HIDING = re.compile(rf"[{chr(HIDING_FIRST)}-{chr(HIDING_LAST)}]")


def encoding_of(raw: bytes) -> str:
    """What the bytes say by their mark, else UTF-8."""
    marked = (name for mark, name in _MARKS if raw.startswith(mark))
    return next(marked, "utf-8-sig")


def decoded(raw: bytes, encoding: str = "") -> tuple[str, str]:
    """The text, and what is lost of it; raises BrokenQuestion with the line that is
    not in its encoding, and advice."""
    encoding = encoding or encoding_of(raw)
    if encoding == "utf-8-sig" and (at := raw.find(b"\0")) >= 0:
        raise BrokenQuestion((), _why_zero(raw, at))
    try:
        return raw.decode(encoding), ""
    except LookupError:
        raise BrokenQuestion((), f"there is no encoding {encoding!r}.") from None
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        is_cut = error.reason in ("unexpected end of data", "truncated data")
        if is_cut and error.start:
            loss = f"line {line}: the file ends within a letter: it is cut off"
            return raw[: error.start].decode(encoding), loss
        name = encoding.removesuffix("-sig").upper()
        raise BrokenQuestion(
            (), f"line {line}: this is not {name}. {_ADVICE}"
        ) from None


def _why_zero(raw: bytes, at: int) -> str:
    start = raw[:2_000]
    if start.count(b"\0") * 4 >= len(start):
        order = "le" if start[1::2].count(0) >= start[::2].count(0) else "be"
        return (
            "this has zero bytes, as UTF-16 without its mark has: save it as "
            f"UTF-8, or name --encoding utf-16-{order}."
        )
    line = raw.count(b"\n", 0, at) + 1
    return f"line {line}: this has a zero byte, which no text has: is it damaged?"


def cleaned(text: str) -> str:
    """A text of Windows, Unix or old Macs with ends of lines of one kind, without what
    nobody sees at the ends of lines and beside the marks of a format."""
    # A vertical tab is a line break within a paragraph to Word.
    bare = text.replace("\v", " ").replace("\f", " ")
    bare = bare.replace("\r\n", "\n")
    bare = re.sub("[\r\x85\u2028\u2029]", "\n", bare)
    return _AT_MARK.sub("", _HIDING.sub("\ufffd", bare))
