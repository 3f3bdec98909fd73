"""Numbers with units, as a learner writes them. Pure."""

import re
from fractions import Fraction

from planning.written_numbers import MAX_CHARS, SPACES, ascii_number, decimal

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
    **{name: ("cards", Fraction(1)) for name in ("card", "cards")},
    **{name: ("replicas", Fraction(1)) for name in ("replica", "replicas")},
    "tokens/s": ("speed", Fraction(1)),
    "×": ("factor", Fraction(1)),
}
"""Units by name: dimension, and size in the dimension's base unit."""

_BIT = Fraction(1, 8)
_WORDS: dict[str, tuple[str, Fraction]] = {
    **{
        f"{prefix}byte{plural}": ("bytes", Fraction(factor))
        for prefix, factor in {
            "kilo": 10**3, "mega": 10**6, "giga": 10**9, "tera": 10**12,
            "kibi": 2**10, "mebi": 2**20, "gibi": 2**30, "tebi": 2**40,
        }.items()
        for plural in ("", "s")
    },
    **{name: ("bytes", _BIT) for name in ("bit", "bits")},
    **{name: ("bytes", _BIT * 10**3) for name in ("kbit", "kbits")},
    **{name: ("bytes", _BIT * 10**6) for name in ("mbit", "mbits")},
    **{name: ("bytes", _BIT * 10**9) for name in ("gbit", "gbits", "gigabit")},
    **{name: ("time", Fraction(1, 10**6)) for name in ("us", "µs", "μs")},
    **{name: ("time", Fraction(1, 1000)) for name in ("msec", "millisecond")},
    "milliseconds": ("time", Fraction(1, 1000)),
    **{name: ("time", Fraction(1)) for name in ("sec", "secs")},
    "mins": ("time", Fraction(60)),
    **{name: ("time", Fraction(3600)) for name in ("hr", "hrs")},
    **{name: ("share", Fraction(1)) for name in ("percent", "per cent", "pct")},
    **{name: ("share", Fraction(1, 10)) for name in ("‰", "permille", "per mille")},
    **{name: ("money", Fraction(1)) for name in ("us$", "dollar", "dollars")},
    **{name: ("money", Fraction(1, 100)) for name in ("¢", "ct", "cent", "cents")},
    **{
        name: ("speed", Fraction(1))
        for name in (
            "token/s", "tok/s", "t/s", "tps", "tokens/sec", "tokens/second",
            "tokens per second", "token per second",
        )
    },
    "tokens/min": ("speed", Fraction(1, 60)),
    **{name: ("tokens", Fraction(1)) for name in ("tok", "toks")},
    **{name: ("requests", Fraction(1)) for name in ("req", "reqs")},
    **{name: ("users", Fraction(1)) for name in ("person", "people")},
    **{name: ("cards", Fraction(1)) for name in ("gpu", "gpus")},
    **{name: ("factor", Fraction(1)) for name in ("x", "times", "fold", "-fold")},
}  # fmt: skip
"""Other names, in small letters; of these no two differ in case alone."""

_CASED = {"Gib": _BIT * 2**30, "Gibit": _BIT * 2**30, "Gb": _BIT * 10**9}
_CASED |= {"Mb": _BIT * 10**6, "kb": _BIT * 10**3}
"""A small b is a bit."""

_GAP = f"[{SPACES}]"
_NUMBER = re.compile(
    rf"(?P<money>(?:US)?\${_GAP}?)?"
    r"(?P<sign>[+\-\u2212]?)"
    r"(?P<digits>[0-9](?:[0-9.,'’" + SPACES + r"]*[0-9])?|\.[0-9]+)"
    rf"(?:[eE](?P<exponent>[+-]?[0-9]{{1,2}})"
    rf"|{_GAP}?[×x*]{_GAP}?10\^(?P<power>[+-]?[0-9]{{1,2}}))?"
    rf"{_GAP}?(?P<unit>[A-Za-zµμ%‰$¢×/\-{SPACES}]*\.?)"
)
NO_NUMBER = "Write one number with a decimal point, such as 1,456 or 0.5."


def number_in(text: str, unit: str) -> Fraction | str:
    """The number that ``text`` says, in ``unit``; else a sentence that says why not.

    Read are digits of any script with a decimal point, or a comma where it cannot set
    thousands apart; thousands set apart by commas or spaces; an exponent; and a unit of
    the same dimension by any of its common names.
    """
    text = ascii_number(text)
    if not text:
        return "Write a number."
    if len(text) > MAX_CHARS:
        return f"A number has at most {MAX_CHARS} characters."
    found = _NUMBER.fullmatch(text)
    number = decimal(found["digits"]) if found else None
    if found is None or number is None:
        return NO_NUMBER
    if found["money"] and found["unit"]:
        return "Write the unit once."
    number *= Fraction(10) ** int(found["exponent"] or found["power"] or 0)
    number = -number if found["sign"] in ("-", "\u2212") else number
    return _in_unit(number, "$" if found["money"] else found["unit"], unit)


def _in_unit(number: Fraction, named: str, unit: str) -> Fraction | str:
    if not named.strip():
        return number
    dimension, size = UNITS[unit]
    known = [name for name in UNITS if UNITS[name][0] == dimension and name]
    meant = unit_named(named)
    if meant is None or meant[0] != dimension:
        if not known:
            return "Write the number alone, without a unit."
        return f"The unit is one of {', '.join(known)}, not {named[:20]}."
    return number * meant[1] / size


def unit_named(name: str) -> tuple[str, Fraction] | None:
    """Dimension and size of a unit by any of its names."""
    name = re.sub(" ?/ ?", "/", " ".join(name.split()))
    bare = name.removesuffix(".")
    if bare in _CASED:
        return "bytes", _CASED[bare]
    for candidate in (name, bare):
        if candidate and (found := UNITS.get(candidate)):
            return found
    small = bare.lower()
    if len(small) > 3 and small in UNITS:
        return UNITS[small]
    return _WORDS.get(small)


def unit_in(text: str) -> str:
    """The unit's name as ``text`` has it; "" without one."""
    found = _NUMBER.fullmatch(ascii_number(text))
    return " ".join(found["unit"].split()) if found else ""
