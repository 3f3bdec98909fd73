"""Numbers as people write them, in any script and with their country's marks. Pure."""

import re
import unicodedata
from fractions import Fraction

SPACES = " \u00a0\u2009\u202f"
MAX_CHARS = 64
_POINT = re.compile(
    rf"(?:[1-9][0-9]{{,2}}(?:[,'’{SPACES}][0-9]{{3}})+|[0-9]+)?(?:\.[0-9]+)?"
)
"""1,456.5 or 1 456.5 or .5"""
_COMMA = re.compile(
    rf"(?:[0-9]{{1,3}}(?:[.{SPACES}][0-9]{{3}})+|[0-9]+),(?:[0-9]{{1,2}}|[0-9]{{4,}})"
    r"|0,[0-9]{3}|[0-9]{1,3}(?:\.[0-9]{3}){2,}"
)
"""A decimal comma where it can be nothing else: 0,625 or 1.456,5 but not 1,456."""
_WIDE = range(0xFF01, 0xFF5F)
"""An input method's full-width forms of ! to ~."""
_TO_NARROW = 0xFF01 - ord("!")
_MARKS = {"\u3000": " ", "٫": ".", "٬": ",", "٪": "%"}
"""An input method's space, and the Arabic marks."""


def ascii_number(text: str) -> str:
    """With ASCII digits and marks, without marks of direction and of no width:
    "８ＧＢ" → "8GB", "٠٫٥" → "0.5". A raised ² stays what it is."""
    return "".join(_ascii(one) for one in text).strip()


def _ascii(one: str) -> str:
    if ord(one) in _WIDE:
        return chr(ord(one) - _TO_NARROW)
    if unicodedata.category(one) == "Cf":
        return ""
    digit = unicodedata.decimal(one, None)
    return _MARKS.get(one, one) if digit is None else str(digit)


def decimal(digits: str) -> Fraction | None:
    """The value of ASCII digits with separators; None where they are out of place."""
    plain = _without_separators(digits)
    return None if plain is None else Fraction(plain)


def plain_number(text: str) -> str:
    """As Python reads it: "1 456,5" → "1456.5", "１，４５６" → "1456". What is no such
    number, or has an exponent, comes back in ASCII and else as it is; so does whatever
    is longer than a number can be."""
    if len(text) > MAX_CHARS:
        return text
    written = ascii_number(text)
    sign = written[0] if written[:1] in ("+", "-") else ""
    plain = _without_separators(written.removeprefix(sign))
    return written if plain is None else sign + plain


def _without_separators(digits: str) -> str | None:
    if digits and _POINT.fullmatch(digits):
        return re.sub(rf"[,'’{SPACES}]", "", digits)
    if _COMMA.fullmatch(digits):
        return re.sub(rf"[.{SPACES}]", "", digits).replace(",", ".")
    return None
