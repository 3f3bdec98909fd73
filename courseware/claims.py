"""Claims: every figure in the prose, what kind of figure it is, and whose.

A chapter's claims lie beside it in ``<slug>.claims.yaml``; the prose refers to one
with ``{claim id}`` and prints one of its figures with ``{value id key}`` (``values``).
``unclaimed`` finds the numbers that have neither.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from courseware.claim_figures import BadFigure, ClaimFigures
from courseware.computed.shown import Value
from courseware.errors import BrokenChapter
from courseware.experiments import EXPERIMENTS
from courseware.sources import line_of, read_entries
from courseware.typography import typeset

KINDS = ("measured", "published", "derived", "estimated")
MARK = "\ue010"
"""Stands for a claim mark in the plain text that ``unclaimed`` reads."""

_SPACE = r"[\s\u00a0\u2009\u202f]*"
_UNITS = (
    r"%|‰|per ?cent\b|×|x(?= )|x\b(?!\d)|times\b|fold\b|[$€£¥]|(?:USD|EUR|GBP)\b|"
    r"dollars?\b|euros?\b|cents?\b|[KMGTP]i?B(?:/s)?\b|[KMGT]i?bit(?:/s)?\b|bytes?\b|"
    r"[mnµ]?s\b|seconds?\b|min\b|minutes?\b|hours?\b|days?\b|weeks?\b|months?\b|"
    r"[kMG]?Hz\b|[km]?W\b|[kM]?Wh\b|°C|[GTP]FLOPs?(?:/s)?\b|"
    r"(?:tokens?|requests?)(?:/s\b| (?:a|per|an) (?:second|minute|hour|day)\b)"
)
_NUMBER_WITH_UNIT = re.compile(
    rf"(?:[$€£¥]|\b(?:USD|EUR|GBP)){_SPACE}\d(?:[\d.,]*\d)?"
    rf"|(?<![\w.])(?<!\d,)\d++(?:[.,]\d++)*+{_SPACE}(?:-{_SPACE})?(?:{_UNITS})"
)
_SENTENCE_END = re.compile(rf"[.!?][”’\")\]]*{MARK}*\s+")


@dataclass(frozen=True)
class Claim:
    """One figure: what it says, its kind, its source, and the date of that source."""

    claim_id: str
    says: str
    kind: str
    source: str
    date: str
    note: str = ""
    url: str = ""
    experiment: str = ""
    """The name of an experiment: what shows it on the engine beside the text."""
    figures: Mapping[str, Value] = field(default_factory=dict)
    """Its numbers by key, as they are: ``says`` and ``note`` print them rounded."""
    how: str = ""
    """How they were computed, in words; "" where they were written down."""

    @property
    def button(self) -> str:
        """The words on the button of the experiment."""
        return EXPERIMENTS.get(self.experiment, "")


def read_claims(path: Path, faults: list[BrokenChapter]) -> dict[str, Claim]:
    """The claims of one chapter by id; what is wrong with them goes to ``faults``.

    A claim with a fault is there all the same, so that what refers to it has none.
    """
    rows = read_entries(path, faults)
    figures = ClaimFigures(rows)
    claims = {}
    for name, row in rows.items():
        try:
            claims[name] = _claim(name, row, figures)
        except BadFigure as fault:
            line = line_of(path, fault.claim_id)
            faults.append(BrokenChapter(path, line, str(fault)))
            claims[name] = nothing_said(name)
    return claims


def nothing_said(name: str) -> Claim:
    """Stands for a claim that cannot be read, in a chapter that is refused."""
    return Claim(name, "", KINDS[0], "", "")


def _claim(name: str, row: object, figures: ClaimFigures) -> Claim:
    if fault := _fault(row):
        raise BadFigure(name, fault)
    assert isinstance(row, dict)
    fields = {key: _words(row, key) for key in row if key not in _NUMBERS}
    plain = {key: fields.pop(key, "") for key in ("url", "experiment")}
    filled = {key: figures.fill(name, value) for key, value in fields.items()}
    shown = {key: typeset(value) for key, value in filled.items()}
    found, how = figures.of(name), typeset(figures.how(name))
    return Claim(claim_id=name, figures=found, how=how, **plain, **shown)


def _words(row: Mapping[str, object], key: str) -> str:
    return str(row[key]).strip()


def _fault(row: object) -> str:
    """What is wrong with a claim, in words; "" when nothing is."""
    if not isinstance(row, dict) or not set(row) <= _FIELDS:
        return f"has only the fields {', '.join(sorted(_FIELDS))}"
    fields = {key: _words(row, key) for key in row}
    if missing := _REQUIRED - {key for key, value in fields.items() if value}:
        return f"lacks {', '.join(sorted(missing))}"
    if fields["kind"] not in KINDS:
        return f"is of kind {fields['kind']!r}: allowed are {', '.join(KINDS)}"
    if not fields.get("url", "https://").startswith("https://"):
        return "has another url: its url must be https"
    if wanted := _WANTED.get(fields["kind"], set()) - fields.keys():
        return f"is {fields['kind']} and lacks {', '.join(wanted)}"
    experiment = fields.get("experiment", "")
    if experiment and experiment not in EXPERIMENTS:
        known = ", ".join(EXPERIMENTS)
        return f"names the experiment {experiment!r}: known are {known}"
    return ""


_REQUIRED = {"says", "kind", "source", "date"}
_NUMBERS = {"figures", "computed"}
_FIELDS = _REQUIRED | _NUMBERS | {"note", "url", "experiment"}
_WANTED = {"published": {"url"}, "derived": {"computed"}}
"""What a kind needs besides: an address to look it up, a function to compute it."""


def unclaimed(text: str) -> Iterator[str]:
    """Numbers with a unit, ×, % or a currency in sentences without a claim mark."""
    return (number for _, number in unclaimed_at(text))


def unclaimed_at(text: str) -> Iterator[tuple[int, str]]:
    """(place in ``text``, number) of each of ``unclaimed``."""
    start = 0
    ends = [match.end() for match in _SENTENCE_END.finditer(text)]
    for end in [*ends, len(text)]:
        sentence = text[start:end]
        if MARK not in sentence:
            for match in _NUMBER_WITH_UNIT.finditer(sentence):
                yield start + match.start(), match.group().strip()
        start = end
