"""Right sums in another notation: told apart in a sentence. Pure.

kB is 1,000 bytes and KiB 1,024, and KB is written for both; 131.072 is a hundred and
thirty-one to one reader and a hundred and thirty-one thousand to another.
"""

import re
from collections.abc import Callable
from fractions import Fraction

from quizzes.expressions import written
from quizzes.units import UNITS, number_in, unit_in

BINARY = {"kB": "KiB", "KB": "KiB", "MB": "MiB", "GB": "GiB", "TB": "TiB"}
_DOTTED = re.compile(r"([0-9]{1,3})\.([0-9]{3})(?![0-9.,])")

IsRight = Callable[[Fraction], bool]
"""Whether a number, in the question's unit, is right."""


def doubt(text: str, unit: str, is_right: IsRight) -> str:
    """A sentence where it must be asked what was meant; "" where it is clear."""
    named = unit_in(text)
    if named == "KB" and UNITS[unit][0] == "bytes":
        return _kilobytes(text)
    number = number_in(text, unit)
    if isinstance(number, Fraction) and is_right(number):
        return ""
    dotted = _DOTTED.search(text)
    if dotted is None:
        return ""
    thousands = _DOTTED.sub(r"\1\2", text)
    number = number_in(thousands, unit)
    if isinstance(number, Fraction) and is_right(number):
        return (
            f"The point in {dotted[0]} is read as a decimal point. For thousands "
            f"write {dotted[1]},{dotted[2]}."
        )
    return ""


def _kilobytes(text: str) -> str:
    amount = text.strip().removesuffix("KB").strip()
    sizes = [number_in(f"{amount} {name}", "B") for name in ("kB", "KiB")]
    decimal, binary = [written(n) if isinstance(n, Fraction) else "" for n in sizes]
    return (
        f"KB is written for 1,000 bytes (kB) and for 1,024 bytes (KiB): {amount} kB "
        f"is {decimal} bytes, {amount} KiB is {binary} bytes. Write the one you mean."
    )


def near_miss(text: str, unit: str, is_right: IsRight) -> str:
    """Why an answer that is not right nearly is; "" if it is not even that."""
    named = unit_in(text)
    number = number_in(text, unit)
    if not isinstance(number, Fraction):
        return ""
    for decimal, binary in BINARY.items():
        for said, meant in ((decimal, binary), (binary, decimal)):
            factor = UNITS[meant][1] / UNITS[said][1]
            if said == (named or unit) and is_right(number * factor):
                return _told_apart(text, said, meant)
    if UNITS[unit][0] == "share" and not named and is_right(100 * number):
        return "The number is right as a fraction. The box asks for per cent."
    if UNITS[unit][0] == "time" and named not in ("ms", "") and is_right(number / 1000):
        return "Seconds and milliseconds are mixed up: 1 s is 1,000 ms."
    return ""


def _told_apart(text: str, said: str, meant: str) -> str:
    amount = text.strip().removesuffix(said).strip()
    sizes = [number_in(f"{amount} {name}", "B") for name in (said, meant)]
    first, second = [written(n) if isinstance(n, Fraction) else "" for n in sizes]
    return (
        f"{said} and {meant} are mixed up: {amount} {said} is {first} bytes, "
        f"{amount} {meant} would be {second} bytes."
    )
