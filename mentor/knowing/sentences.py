"""Sentences of a text, its numbers with their units, and whether it denies."""

import re

_ABBREVIATED = re.compile(
    r"(?:\be\.g|\bi\.e|\bvs|\bapprox|\betc|\bno|\b[A-Z])\.$", re.I
)
_END = re.compile(r"(?<=[.!?])[”’\")\]]*\s+(?=[\"“(‘`\[]*[A-Z0-9`])|\n+")
_WHOLE = re.compile(
    r"```.*?(?:```|\Z)|`[^`\n]+`|\$\$.+?\$\$"
    r"|\\\[(?:(?!\\\[).)+?\\\]|\\\((?:(?!\\\().)+?\\\)"
    r"|\$(?![\s$\d])(?:\\.|[^$\\\n])+?(?<!\s)\$(?!\d)",
    re.S,
)
"""Code and formulas."""
_KEPT = re.compile("`\ue000(\\d+)\ue001")
_NUMBER = re.compile(r"(?<![\w.,])[$€£]?\d[\d.,]*\d|(?<![\w.,])[$€£]?\d")
_UNIT = re.compile(
    r"[\s\u00a0\u202f-]*(%|×|[KMGTP]i?B(?:/s)?|tokens?/s|tokens?|requests?|GPUs?|cards?|"
    r"blocks?|users?|bytes?|bits?|steps?|times|ms|s|seconds?|min|minutes?|hours?|days?|"
    r"percent|layers?|heads?)(?![\w/])"
)
_DENIES = re.compile(
    r"\b(?:no|not|never|none|nobody|nothing|neither|nor|without|cannot|hardly)\b"
    r"|n[’']t\b",
    re.I,
)
_SAME = {
    "seconds": "s", "second": "s", "percent": "%", "minutes": "min", "minute": "min",
    "times": "×",
}  # fmt: skip


def sentences(text: str) -> list[str]:
    """Whole sentences in order; an abbreviation ends none, and nothing within code or a
    formula does."""
    kept: list[str] = []

    def keep(match: re.Match[str]) -> str:
        kept.append(match[0])
        around = "\n" if match[0].startswith("```") else ""
        return f"{around}`\ue000{len(kept) - 1}\ue001{around}"

    parts = _sentences(_WHOLE.sub(keep, text.replace("\ue000", "")))
    return [_KEPT.sub(lambda match: kept[int(match[1])], part) for part in parts]


def _sentences(text: str) -> list[str]:
    found: list[str] = []
    for part in _END.split(text.strip()):
        if found and _ABBREVIATED.search(found[-1]):
            found[-1] = f"{found[-1]} {part}"
        elif part and part.strip():
            found.append(part.strip())
    return found


def numbers(text: str) -> set[tuple[str, str]]:
    """(number, unit) of each number, "" without a unit; separators left out."""
    found = set()
    for match in _NUMBER.finditer(text):
        unit_match = _UNIT.match(text, match.end())
        unit = unit_match[1] if unit_match else ""
        unit = _SAME.get(unit, unit if unit.isupper() else unit.rstrip("s") or unit)
        currency = match[0][0] if match[0][0] in "$€£" else ""
        plain = match[0].lstrip("$€£").replace(",", "")
        plain = re.sub(r"\.0+$", "", plain)
        found.add((plain, currency or unit))
    return found


def denies(text: str) -> bool:
    """Whether a sentence says no, an odd number of times."""
    return len(_DENIES.findall(text)) % 2 == 1
