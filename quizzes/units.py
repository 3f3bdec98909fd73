"""Numbers with units, as a learner writes them. Pure."""

import re
from fractions import Fraction

MAX_NUMBER_CHARS = 64
_BYTES = {"kB": 10**3, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
_BYTES |= {"KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40}
UNITS: dict[str, tuple[str, Fraction]] = {
    "": ("number", Fraction(1)),
    **{name: ("bytes", Fraction(factor)) for name, factor in _BYTES.items()},
    **{name: ("bytes", Fraction(1)) for name in ("B", "byte", "bytes")},
    "ms": ("time", Fraction(1, 1000)),
    **{name: ("time", Fraction(1)) for name in ("s", "second", "seconds")},
    **{name: ("time", Fraction(60)) for name in ("min", "minute", "minutes")},
    **{name: ("time", Fraction(3600)) for name in ("h", "hour", "hours")},
    "%": ("share", Fraction(1)),
    **{name: ("money", Fraction(1)) for name in ("$", "USD")},
    **{name: ("tokens", Fraction(1)) for name in ("token", "tokens")},
    **{name: ("blocks", Fraction(1)) for name in ("block", "blocks")},
    **{name: ("requests", Fraction(1)) for name in ("request", "requests")},
    **{name: ("users", Fraction(1)) for name in ("user", "users")},
    "tokens/s": ("speed", Fraction(1)),
}
"""Units by name: dimension, and size in the dimension's base unit."""

_SPACES = " \u00a0\u2009\u202f"
_NUMBER = re.compile(
    rf"(\$[{_SPACES}]?)?"
    r"([+\-\u2212]?)"
    rf"([0-9]{{1,3}}(?:[,{_SPACES}][0-9]{{3}})+|[0-9]+)?(\.[0-9]+)?"
    r"(?:[eE]([+-]?[0-9]{1,2}))?"
    rf"[{_SPACES}]?([A-Za-z%$/]*)"
)


def number_in(text: str, unit: str) -> Fraction | str:
    """The number that ``text`` says, in ``unit``; else a sentence that says why not.

    Read are ASCII digits with a decimal point, thousands set apart by commas or
    spaces, an exponent, and a unit of the same dimension.
    """
    text = text.strip()
    if not text:
        return "Write a number."
    if len(text) > MAX_NUMBER_CHARS:
        return f"A number has at most {MAX_NUMBER_CHARS} characters."
    found = _NUMBER.fullmatch(text)
    if found is None or not (found[3] or found[4]):
        return "Write one number with a decimal point, such as 1,456 or 0.5."
    dollar, sign, whole, decimals, exponent, named = found.groups()
    if dollar and named:
        return "Write the unit once."
    digits = re.sub(rf"[,{_SPACES}]", "", whole or "0")
    number = Fraction(digits + (decimals or "")) * Fraction(10) ** int(exponent or 0)
    number = -number if sign in ("-", "\u2212") else number
    return _in_unit(number, "$" if dollar else named, unit)


def _in_unit(number: Fraction, named: str, unit: str) -> Fraction | str:
    if not named:
        return number
    dimension, size = UNITS[unit]
    known = [name for name in UNITS if UNITS[name][0] == dimension and name]
    if named not in known:
        if not known:
            return "Write the number alone, without a unit."
        return f"The unit is one of {', '.join(known)}, not {named[:20]}."
    return number * UNITS[named][1] / size
