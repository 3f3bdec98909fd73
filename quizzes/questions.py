"""A question as its author wrote it: from a body of YAML or JSON, checked. Pure.

A body is a mapping such as the files of ``quizzes/bank`` hold; question_from() checks
every field and says where in the body something is wrong.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from quizzes.body import Body
from quizzes.errors import BrokenQuestion
from quizzes.expressions import Parameter
from quizzes.grading import MAX_TEXT_CHARS
from quizzes.units import UNITS

KINDS = (
    "single",
    "multiple",
    "truefalse",
    "numeric",
    "ordering",
    "matching",
    "shorttext",
    "measured",
)
NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
RUN_NAMES = ("first", "second", "third")
MAX_OUTPUT_TOKENS = 320
MAX_COPIES = 48
"""Requests of one run at once, as lab.models.MAX_UNFINISHED_QUIZ lets one send."""
MAX_PROMPT_CHARS = 6_000
MAX_DECIMALS = 6
MAX_PARTS = 26
"""Choices, lines and partners of a question: a letter each."""
MAX_NAME_CHARS = 80


@dataclass(frozen=True, slots=True)
class Choice:
    """An option and why it is right or wrong."""

    text: str
    is_right: bool
    because: str


@dataclass(frozen=True, slots=True)
class Pair:
    """A line of a matching question and its partner."""

    left: str
    right: str
    because: str = ""


@dataclass(frozen=True, slots=True)
class Item:
    """A line of an ordering question; the author's order is the right one."""

    text: str
    because: str = ""


@dataclass(frozen=True, slots=True)
class Mistake:
    """A wrong answer that authors foresee: a formula, or a text, and its reason."""

    answer: str
    because: str


@dataclass(frozen=True, slots=True)
class Ask:
    """One number to predict: ``value`` is a formula over the runs' numbers."""

    name: str
    label: str
    value: str
    unit: str
    tolerance: Fraction
    within: Fraction
    """A factor up or down that still counts, for times on a busy machine; 0 if none."""
    decimals: int | None
    """Places after the point that the truth is shown with."""


@dataclass(frozen=True, slots=True)
class Run:
    """``copies`` equal requests to the engine at once; all of a try share its cache
    salt."""

    prompt: str
    max_tokens: int
    copies: int = 1


@dataclass(frozen=True, slots=True)
class Question:
    """One question with all its variants."""

    name: str
    kind: str
    text: str
    tags: tuple[str, ...]
    section: str
    """Id of the heading to read again: a section, or a part of one."""
    source: str
    """Where its facts were checked."""
    goal: str
    """The learning goal that it measures; "" in a bank without goals."""
    explanation: str
    concept: str
    """What of it stands alone and tells nobody the answer: a passage of the course."""
    hints: tuple[str, ...]
    parameters: Mapping[str, Parameter]
    title: str = ""
    """Its name for teachers, in any script; learners do not see it."""
    choices: tuple[Choice, ...] = ()
    items: tuple[Item, ...] = ()
    pairs: tuple[Pair, ...] = ()
    decoys: tuple[str, ...] = ()
    answer: str = ""
    """numeric: a formula."""
    tolerance: str = "0"
    """numeric: a formula, in ``unit``."""
    unit: str = ""
    decimals: int | None = None
    """numeric: places after the point that are asked for; None where it is exact."""
    accepted: tuple[str, ...] = ()
    mistakes: tuple[Mistake, ...] = ()
    runs: tuple[Run, ...] = ()
    asks: tuple[Ask, ...] = ()

    @property
    def is_parametrised(self) -> bool:
        """Whether variants differ in more than the order of their parts."""
        return bool(self.parameters)


COMMON = {
    *("id", "kind", "text", "tags", "section", "source", "explanation", "hints"),
    *("parameters", "goal", "concept", "title"),
}
OWN: dict[str, set[str]] = {
    "single": {"choices"},
    "multiple": {"choices"},
    "truefalse": {"answer", "because"},
    "numeric": {"answer", "tolerance", "unit", "decimals", "mistakes"},
    "ordering": {"items"},
    "matching": {"pairs", "decoys"},
    "shorttext": {"accepted", "mistakes"},
    "measured": {"runs", "asks"},
}


def question_from(body: Mapping[str, Any]) -> Question:
    """The checked question; raises BrokenQuestion with the path of what is wrong."""
    fields = Body(body)
    kind = fields.text("kind")
    if kind not in KINDS:
        raise BrokenQuestion(
            ("kind",), f"there is no kind {kind!r}: known are {', '.join(KINDS)}."
        )
    fields.allow(COMMON | OWN[kind])
    name = fields.text("id")
    if not NAME.fullmatch(name) or len(name) > MAX_NAME_CHARS:
        raise BrokenQuestion(
            ("id",),
            f"an id is of a-z, 0-9 and -, at most {MAX_NAME_CHARS}, not {name!r}.",
        )
    common: dict[str, Any] = {
        "name": name,
        "kind": kind,
        "text": fields.text("text"),
        "tags": tuple(fields.texts("tags")),
        "section": fields.text("section", ""),
        "source": fields.text("source", ""),
        "goal": fields.text("goal", ""),
        "explanation": fields.text("explanation", ""),
        "concept": fields.text("concept", ""),
        "hints": tuple(fields.texts("hints")),
        "parameters": _parameters(fields),
        "title": fields.text("title", ""),
    }
    return Question(**common, **_OWN_FIELDS[kind](fields))


def _parameters(fields: Body) -> dict[str, Parameter]:
    found: dict[str, Parameter] = {}
    for name, row in fields.mappings("parameters"):
        if not name.isidentifier():
            raise BrokenQuestion(
                ("parameters",), f"a parameter's name is a word, not {name!r}."
            )
        row.allow({"from", "to", "step", "of"})
        found[name] = _listed(row) if row.has("of") else _range(row)
    return found


def _range(row: Body) -> Parameter:
    first, last = row.number("from"), row.number("to")
    step = row.number("step", "1")
    if step <= 0 or last < first:
        raise row.broken("from", "a range goes upwards in steps above 0.")
    return Parameter(first, last, step)


def _listed(row: Body) -> Parameter:
    rows = row.rows("of")
    if not rows or len({frozenset(fields) for fields in rows}) != 1:
        raise row.broken("of", "a list has values, all with the same fields.")
    return Parameter(rows=tuple(rows))


def _choices(fields: Body) -> dict[str, Any]:
    choices = []
    for row in fields.bodies("choices"):
        row.allow({"text", "right", "because"})
        choices.append(Choice(row.text("text"), row.flag("right"), row.text("because")))
    num_right = sum(choice.is_right for choice in choices)
    if not 2 <= len(choices) <= MAX_PARTS:
        raise fields.broken(
            "choices", f"there are 2 to {MAX_PARTS} choices, not {len(choices)}."
        )
    if num_right == 0 or (fields.text("kind") == "single" and num_right != 1):
        raise fields.broken(
            "choices", f"{num_right} choices are right: single has one, multiple some."
        )
    if len({choice.text for choice in choices}) != len(choices):
        raise fields.broken("choices", "two choices say the same.")
    return {"choices": tuple(choices)}


def _truefalse(fields: Body) -> dict[str, Any]:
    is_true = fields.flag("answer", required=True)
    row = fields.body("because")
    row.allow({"true", "false"})
    words = (("True", "true", is_true), ("False", "false", not is_true))
    return {
        "choices": tuple(
            Choice(text, right, row.text(field)) for text, field, right in words
        )
    }


def _mistakes(fields: Body) -> tuple[Mistake, ...]:
    found = []
    for row in fields.bodies("mistakes", required=False):
        row.allow({"answer", "because"})
        found.append(Mistake(row.text("answer"), row.text("because")))
    return tuple(found)


def _unit(fields: Body) -> str:
    unit = fields.text("unit", "")
    if unit not in UNITS:
        known = ", ".join(name for name in UNITS if name)
        raise fields.broken("unit", f"there is no unit {unit!r}: known are {known}.")
    return unit


def _numeric(fields: Body) -> dict[str, Any]:
    return {
        "answer": fields.text("answer"),
        "tolerance": fields.text("tolerance", "0"),
        "unit": _unit(fields),
        "decimals": _decimals(fields),
        "mistakes": _mistakes(fields),
    }


def _decimals(fields: Body) -> int | None:
    if not fields.has("decimals"):
        return None
    number = fields.number("decimals")
    if number.denominator != 1 or not 0 <= number <= MAX_DECIMALS:
        raise fields.broken("decimals", f"a whole number, 0 to {MAX_DECIMALS}.")
    return int(number)


def _ordering(fields: Body) -> dict[str, Any]:
    items = []
    for row in fields.bodies("items"):
        row.allow({"text", "because"})
        items.append(Item(row.text("text"), row.text("because", "")))
    if not 2 <= len(items) <= MAX_PARTS or len({i.text for i in items}) != len(items):
        raise fields.broken("items", f"there are 2 to {MAX_PARTS} different items.")
    return {"items": tuple(items)}


def _matching(fields: Body) -> dict[str, Any]:
    pairs = []
    for row in fields.bodies("pairs"):
        row.allow({"left", "right", "because"})
        pairs.append(Pair(row.text("left"), row.text("right"), row.text("because", "")))
    decoys = tuple(fields.texts("decoys"))
    lefts = {pair.left for pair in pairs}
    if not 2 <= len(pairs) <= MAX_PARTS or len(lefts) != len(pairs):
        raise fields.broken(
            "pairs",
            f"there are 2 to {MAX_PARTS} pairs with different lefts, not "
            f"{len(pairs)} with {len(lefts)}.",
        )
    rights = {pair.right for pair in pairs}
    if rights & set(decoys):
        raise fields.broken("decoys", "a decoy is the partner of no line.")
    if len(rights | set(decoys)) > MAX_PARTS:
        raise fields.broken("decoys", f"there are at most {MAX_PARTS} partners.")
    return {"pairs": tuple(pairs), "decoys": decoys}


def _shorttext(fields: Body) -> dict[str, Any]:
    accepted = tuple(fields.texts("accepted"))
    if not accepted:
        raise fields.broken("accepted", "at least one answer is accepted.")
    if any(len(text) > MAX_TEXT_CHARS for text in accepted):
        raise fields.broken(
            "accepted", f"an answer has at most {MAX_TEXT_CHARS} characters."
        )
    return {"accepted": accepted, "mistakes": _mistakes(fields)}


def _ask(name: str, row: Body) -> Ask:
    row.allow({"label", "value", "unit", "tolerance", "within", "decimals"})
    within = row.number("within", "0")
    if within and within <= 1:
        raise row.broken("within", "a factor above 1, such as 1.5.")
    return Ask(
        name=name,
        label=row.text("label"),
        value=row.text("value"),
        unit=_unit(row),
        tolerance=row.number("tolerance", "0"),
        within=within,
        decimals=_decimals(row),
    )


def _measured(fields: Body) -> dict[str, Any]:
    runs = []
    for row in fields.bodies("runs"):
        row.allow({"prompt", "max_tokens", "copies"})
        copies = row.number("copies", "1")
        if copies.denominator != 1 or not 1 <= copies <= MAX_COPIES:
            raise row.broken("copies", f"1 to {MAX_COPIES} requests at once.")
        max_tokens = int(row.number("max_tokens"))
        runs.append(Run(row.text("prompt"), max_tokens, int(copies)))
        if len(runs[-1].prompt) > MAX_PROMPT_CHARS:
            raise row.broken("prompt", f"at most {MAX_PROMPT_CHARS:,} characters.")
        if not 1 <= runs[-1].max_tokens <= MAX_OUTPUT_TOKENS:
            raise row.broken("max_tokens", f"1 to {MAX_OUTPUT_TOKENS} tokens.")
    if not 1 <= len(runs) <= len(RUN_NAMES):
        raise fields.broken("runs", f"there are 1 to {len(RUN_NAMES)} runs.")
    asks = []
    for name, row in fields.mappings("asks"):
        asks.append(_ask(name, row))
    if not asks or not all(ask.name.isidentifier() for ask in asks):
        raise fields.broken("asks", "there are numbers to predict, named by words.")
    return {"runs": tuple(runs), "asks": tuple(asks)}


_OWN_FIELDS = {
    "single": _choices,
    "multiple": _choices,
    "truefalse": _truefalse,
    "numeric": _numeric,
    "ordering": _ordering,
    "matching": _matching,
    "shorttext": _shorttext,
    "measured": _measured,
}
