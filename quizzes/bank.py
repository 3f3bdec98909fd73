"""The bank: questions and quizzes as YAML files, checked with file, line and reason."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from courseware.errors import BrokenChapter
from courseware.loader import CONTENT
from courseware.values import NoValue, all_claims, fill_all
from planning.catalog.safe_yaml import SAFE_LOADER
from quizzes.body import Body
from quizzes.errors import BrokenBank, BrokenQuestion
from quizzes.goals import (
    MAX_ANCHOR_CHARS,
    MAX_SLUG_CHARS,
    MAX_TITLE_CHARS,
    Goal,
    goal_from,
)
from quizzes.questions import NAME, Question, question_from
from quizzes.quoting import faults_in
from quizzes.rules import check_question
from quizzes.variants import check_variants

BANK = Path(__file__).parent / "bank"
QUIZZES = "quizzes.yaml"
RECORDED = "recorded_reports.yaml"
GOALS = "goals.yaml"
MAX_BYTES = 1_000_000


@dataclass(frozen=True)
class QuizPlan:
    """A quiz: each place draws one of its questions."""

    name: str
    title: str
    chapter: str
    anchor: str
    asks_confidence: bool
    draws: tuple[tuple[str, ...], ...]


@dataclass
class Bank:
    """All that was read; ``bodies`` and ``questions`` by id."""

    bodies: dict[str, dict[str, Any]] = field(default_factory=dict)
    questions: dict[str, Question] = field(default_factory=dict)
    quizzes: list[QuizPlan] = field(default_factory=list)
    goals: dict[str, Goal] | None = None
    """By id; None for a directory without goals, whose questions need none."""
    broken: list[BrokenBank] = field(default_factory=list)


def read_bank(directory: Path = BANK) -> Bank:
    """Every ``*.yaml`` of the directory; what is wrong is listed, not raised.

    Roles ``{value CLAIM KEY}`` print figures of the chapters' claims.
    """
    bank = Bank()
    for path in sorted(directory.glob("*.yml")):
        reason = "a file of a bank ends in .yaml: name it so, else nobody reads it."
        bank.broken.append(BrokenBank(path, 1, reason))
    if (directory / GOALS).exists():
        bank.goals = {}
        _read_goals(directory / GOALS, bank, bank.goals)
    for path in sorted(directory.glob("*.yaml")):
        if path.name not in (QUIZZES, RECORDED, GOALS):
            _read_questions(path, bank)
    if (directory / QUIZZES).exists():
        _read_quizzes(directory / QUIZZES, bank)
    return bank


class Source:
    """A YAML file with the lines of its nodes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            text = path.read_text(encoding="utf-8")
            if len(text) > MAX_BYTES:
                raise BrokenBank(path, 1, f"at most {MAX_BYTES:,} characters are read.")
            self.root = yaml.compose(text, Loader=SAFE_LOADER)
            self._refuse_aliases()
            self._lines = text.splitlines() or [""]
        except UnicodeDecodeError as error:
            line = error.object.count(b"\n", 0, error.start) + 1
            reason = f"this is not UTF-8: {error.reason}."
            raise BrokenBank(path, line, reason) from error
        except OSError as error:
            reason = f"it cannot be read: {error.strerror}."
            raise BrokenBank(path, 1, reason) from error
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            line = mark.line + 1 if mark else 1
            problem = getattr(error, "problem", None) or "it cannot be read"
            raise BrokenBank(path, line, f"this is not YAML: {problem}.") from error

    def _refuse_aliases(self) -> None:
        """A list or fields by their alias: what repeats itself may have no end."""
        seen: set[int] = set()
        waiting = [self.root] if self.root else []
        while waiting:
            node = waiting.pop()
            if isinstance(node, yaml.ScalarNode):
                continue
            if id(node) in seen:
                raise self.broken(node, "it is repeated by an alias (*): write it out.")
            seen.add(id(node))
            is_mapping = isinstance(node, yaml.MappingNode)
            parts = [one for pair in node.value for one in pair] if is_mapping else None
            waiting += node.value if parts is None else parts

    def rows(self, field_name: str) -> list[yaml.Node]:
        """The nodes of the list under the one top field."""
        root = self.root
        fields = root.value if isinstance(root, yaml.MappingNode) else []
        if [key.value for key, _ in fields] != [field_name]:
            raise BrokenBank(self.path, 1, f"the file has one field, {field_name!r}.")
        [(_, rows)] = fields
        if not isinstance(rows, yaml.SequenceNode):
            raise self.broken(rows, f"{field_name} is a list.")
        nodes: list[yaml.Node] = rows.value
        return nodes

    def misread(self, node: yaml.Node) -> list[BrokenBank]:
        """Everything below a node that YAML reads otherwise than it looks."""
        faults = faults_in(node, self._lines)
        return [self.broken(fault, reason) for fault, reason in faults]

    def value(self, node: yaml.Node) -> Any:
        """What a node says; refuses a field that stands twice."""
        self._check_unique(node)
        constructor = yaml.constructor.SafeConstructor()
        try:
            return constructor.construct_document(node)
        except (yaml.YAMLError, ValueError, TypeError) as error:
            raise self.broken(node, f"a value cannot be read: {error}.") from error

    def _check_unique(self, node: yaml.Node) -> None:
        if isinstance(node, yaml.MappingNode):
            names = [key.value for key, _ in node.value]
            for (key, value), name in zip(node.value, names, strict=True):
                if names.count(name) > 1:
                    raise self.broken(key, f"the field {name!r} stands here twice.")
                self._check_unique(value)
        elif isinstance(node, yaml.SequenceNode):
            for value in node.value:
                self._check_unique(value)

    def broken(self, node: yaml.Node, reason: str) -> BrokenBank:
        """The error to raise about a node."""
        return BrokenBank(self.path, node.start_mark.line + 1, reason)

    def locate(self, node: yaml.Node, path: tuple[str | int, ...]) -> yaml.Node:
        """The deepest node on the path that is there."""
        for step in path:
            found = _child(node, step)
            if found is None:
                break
            node = found
        return node


def _child(node: yaml.Node, step: str | int) -> yaml.Node | None:
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int):
        rows: list[yaml.Node] = node.value
        return rows[step] if step < len(rows) else None
    if isinstance(node, yaml.MappingNode):
        fields: list[tuple[yaml.Node, yaml.Node]] = node.value
        for key, value in fields:
            if key.value == str(step):
                # A mapping's own line is where its field begins.
                return key if isinstance(value, yaml.ScalarNode) else value
    return None


def _read_questions(path: Path, bank: Bank) -> None:
    for source, node, body in _rows(path, "questions", bank):
        try:
            body, question = checked_question(body, bank)
        except BrokenQuestion as error:
            where = source.locate(node, error.path)
            name = body.get("id", "?") if isinstance(body, Mapping) else "?"
            reason = f"question {name!r}: {error.reason}"
            if error.path:
                reason = f"question {name!r}, {'.'.join(map(str, error.path))}: " + (
                    error.reason
                )
            bank.broken.append(source.broken(where, reason))
            continue
        bank.bodies[question.name] = body
        bank.questions[question.name] = question


def checked_question(body: Any, bank: Bank) -> tuple[dict[str, Any], Question]:
    """The one check of a question, read from YAML or imported: the body with its
    figures and the question; raises BrokenQuestion."""
    filled = _filled(body)
    question = question_from(filled)
    check_variants(question)
    if bank.goals is not None:
        check_question(question, bank.goals)
    if question.name in bank.bodies:
        raise BrokenQuestion(("id",), f"a second question {question.name!r}.")
    return filled, question


def _filled(body: Any) -> Any:
    """The body with the figures of the chapters' claims in it; BrokenQuestion."""
    if not isinstance(body, dict):
        return body
    found = {}
    for field_name, value in body.items():
        try:
            found[field_name] = fill_all(value, lambda: all_claims(CONTENT))
        except (NoValue, BrokenChapter) as error:
            reason = f"{error}".rstrip(".")
            raise BrokenQuestion((str(field_name),), f"{reason}.") from error
    return found


def _rows(
    path: Path, field_name: str, bank: Bank
) -> Iterator[tuple[Source, yaml.Node, Any]]:
    """The rows of a file that can be read; the others are listed as broken."""
    try:
        source = Source(path)
        rows = source.rows(field_name)
    except BrokenBank as error:
        bank.broken.append(error)
        return
    for node in rows:
        if misread := source.misread(node):
            bank.broken += misread
            continue
        try:
            row = source.value(node)
        except BrokenBank as error:
            bank.broken.append(error)
            continue
        yield source, node, row


def _read_goals(path: Path, bank: Bank, goals: dict[str, Goal]) -> None:
    for source, node, row in _rows(path, "goals", bank):
        try:
            goal = goal_from(Body(row))
            if goal.name in goals:
                raise BrokenQuestion(("id",), f"a second goal {goal.name!r}.")
        except BrokenQuestion as error:
            where = source.locate(node, error.path)
            bank.broken.append(source.broken(where, error.reason))
            continue
        goals[goal.name] = goal


def _read_quizzes(path: Path, bank: Bank) -> None:
    for source, node, row in _rows(path, "quizzes", bank):
        try:
            bank.quizzes.append(_plan(Body(row), row, bank))
        except BrokenQuestion as error:
            where = source.locate(node, error.path)
            bank.broken.append(source.broken(where, error.reason))


def _plan(fields: Body, row: Mapping[str, Any], bank: Bank) -> QuizPlan:
    fields.allow({"id", "title", "chapter", "anchor", "confidence", "draw"})
    name = fields.text("id")
    if (
        not NAME.fullmatch(name)
        or len(name) > MAX_SLUG_CHARS
        or any(plan.name == name for plan in bank.quizzes)
    ):
        raise BrokenQuestion(("id",), f"an id of a-z, 0-9 and - stands once: {name!r}.")
    draws = row.get("draw")
    if not isinstance(draws, list) or not draws:
        raise BrokenQuestion(("draw",), "a quiz draws at least one question.")
    places: list[tuple[str, ...]] = []
    for at, entry in enumerate(draws):
        names = tuple(entry) if isinstance(entry, list) else (entry,)
        for known in names:
            if known not in bank.questions:
                raise BrokenQuestion(("draw", at), f"there is no question {known!r}.")
        places.append(names)
    return QuizPlan(
        name=name,
        title=fields.text("title", most=MAX_TITLE_CHARS),
        chapter=fields.text("chapter", most=MAX_SLUG_CHARS),
        anchor=fields.text("anchor", most=MAX_ANCHOR_CHARS),
        asks_confidence=fields.flag("confidence"),
        draws=tuple(places),
    )
