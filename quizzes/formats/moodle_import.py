"""Moodle XML as questions of the bank. Sources: docs.moodle.org, "Moodle XML format";
moodle/moodle, ``question/format/xml/format.php``.

    <question type="…"> ──► texts (TextReader), rows ──► answers ──► body

Kinds that cannot be asked are refused by line and name, and the others are read;
images come as files. What is not kept is named in ``losses``.
"""

import base64
import binascii
import re
from collections.abc import Callable
from typing import Any

from quizzes.errors import BrokenQuestion
from quizzes.formats.answers import (
    NumberRow,
    Row,
    choice_fields,
    matching_fields,
    number_of,
    numeric_fields,
    shorttext_fields,
    starred,
    truefalse_fields,
)
from quizzes.formats.cloze import TYPES
from quizzes.formats.gift import Chunk, add_question, tag_of
from quizzes.formats.imported import Imported, Place
from quizzes.formats.plain_text import TextReader
from quizzes.formats.safe_xml import Node, read_xml
from quizzes.units import UNITS

_FORMS = {"html": "html", "plain_text": "plain", "markdown": "markdown"}
_UNGRADED = {"description": "a description without an answer", "essay": "an essay, "
             "which nothing grades"}  # fmt: skip
_GAP = re.compile(
    rf"\{{[0-9]*:(?:{'|'.join(sorted(TYPES, reverse=True))}):(?:\\.|[^\\{{}}])*\}}",
    re.IGNORECASE | re.DOTALL,
)
_GENERAL = ("correctfeedback", "partiallycorrectfeedback", "incorrectfeedback")
_DEFAULT_FEEDBACK = re.compile(r"(<p>)?Your answer is (partially )?(in)?correct\.")
_IMAGES = {
    b"\x89PNG\r\n\x1a\n": ".png",
    b"\xff\xd8\xff": ".jpg",
    b"GIF87a": ".gif",
    b"GIF89a": ".gif",
    b"RIFF": ".webp",
}
MAX_IMAGE_BYTES = 4_000_000


def read_moodle_xml(raw: bytes, imported: Imported | None = None) -> Imported:
    """All questions of a file that can be asked; raises BrokenQuestion for a file that
    is not Moodle XML."""
    found = imported or Imported()
    root = read_xml(raw)
    if root.tag != "quiz":
        raise BrokenQuestion((), f"Moodle XML begins with <quiz>, not <{root.tag}>.")
    tag = ""
    for node in root.all("question"):
        kind = node.attributes.get("type", "")
        place = Place(node.line, node.at("name", "text"))
        if kind == "category":
            tag = tag_of(node.at("category", "text"), Place(node.line), found)
        elif kind in _UNGRADED:
            found.lose(place, [_UNGRADED[kind]])
        elif kind == "cloze":
            _add_cloze(found, node, place, tag)
        elif kind not in READERS:
            found.refuse(place, f"Moodle's kind {kind!r} cannot be asked here.")
        else:
            try:
                _Question(node, place, tag).add_to(found)
            except BrokenQuestion as error:
                found.refuse(place, error.reason)
    return found


def _tags(node: Node, category: str) -> list[str]:
    tags = node.child("tags")
    named = [tag.at("text") for tag in tags.all("tag")] if tags else []
    return [tag for tag in dict.fromkeys([*named, category]) if tag]


class _Question:
    """One question of a kind with a reader."""

    def __init__(self, node: Node, place: Place, category: str) -> None:
        self.node, self.place = node, place
        self.texts = TextReader()
        self.losses = self.texts.losses
        self._tags = _tags(node, category)
        self._files: list[Node] = []

    def text(self, node: Node | None) -> str:
        """A text in its own format; its images are kept for later."""
        if node is None:
            return ""
        self._files += node.all("file")
        form = _FORMS.get(node.attributes.get("format", ""), "moodle")
        return self.texts.read(node.at("text"), form)

    def rows(self) -> list[Row]:
        """Its answers."""
        found = []
        for answer in self.node.all("answer"):
            try:
                weight = float(answer.attributes.get("fraction", "0"))
            except ValueError:
                raise BrokenQuestion((), "a fraction is not a number.") from None
            is_typed = self.node.attributes["type"] in ("shortanswer", "numerical")
            text = answer.at("text") if is_typed else self.text(answer)
            found.append(Row(text, weight, self.text(answer.child("feedback"))))
        return found

    def add_to(self, imported: Imported) -> None:
        """Read all of it."""
        text = self.text(self.node.child("questiontext"))
        fields = READERS[self.node.attributes["type"]](self)
        general = self.text(self.node.child("generalfeedback"))
        if general:
            kept = fields.get("explanation", general)
            if kept != general:
                self.losses.append(f"the feedback {kept!r} to the right answer")
            fields["explanation"] = general
        hints = [self.text(hint) for hint in self.node.all("hint")]
        name, given = self.node.at("name", "text"), self.node.at("idnumber")
        body = {"kind": "", "text": text, **fields}
        if name and name != given:
            body["title"] = name
        if any(hints):
            body["hints"] = [hint for hint in hints if hint]
        if self._tags:
            body["tags"] = self._tags
        imported.add(self.place, body, given, name, text)
        self._finish(imported)

    def add_to_gaps(self, imported: Imported, bodies: list[dict[str, Any]]) -> None:
        """What a Cloze text has beside its gaps."""
        general = self.text(self.node.child("generalfeedback"))
        for body in bodies if general else ():
            if said := body.get("explanation"):
                self.losses.append(f"the feedback {said!r} to the right answer")
            body["explanation"] = general
        asked = self.node.child("questiontext")
        self._files += asked.all("file") if asked else ()
        self._finish(imported)

    def _finish(self, imported: Imported) -> None:
        self._lose_settings()
        for node in self._files:
            self._keep_image(node, imported)
        imported.lose(self.place, self.texts.named())

    def _lose_settings(self) -> None:
        mark = self.node.at("defaultgrade")
        if mark and float_of(mark) != 1:
            self.losses.append(f"its mark, {mark}: every question counts the same")
        if image := self.node.at("image"):  # as Moodle 1.9 has it
            self.losses.append(f"the image {image!r} is not shown")
            data = self.node.at("image_base64")
            self._files += [Node("file", {"name": image}, 0, data)] if data else []
        if self.node.at("hidden") == "1":
            self.losses.append("that it is hidden")
        if self.node.at("shuffleanswers") in ("false", "0"):
            self.losses.append("the order of its choices: they are shuffled")
        for name in _GENERAL:
            said = self.node.at(name, "text")
            if said and not _DEFAULT_FEEDBACK.match(said):
                self.losses.append(f"its {name}")

    def _keep_image(self, node: Node, imported: Imported) -> None:
        name = re.sub(r"[^\w.-]+", "-", node.attributes.get("name", "")).strip(".-")
        try:
            data = base64.b64decode(node.text, validate=False)
        except (binascii.Error, ValueError):
            data = b""
        ending = next((e for start, e in _IMAGES.items() if data.startswith(start)), "")
        if not name or not ending or len(data) > MAX_IMAGE_BYTES:
            self.losses.append(
                f"the file {node.attributes.get('name', '')!r}: PNG, JPEG, GIF and "
                f"WebP of at most {MAX_IMAGE_BYTES:,} bytes are kept"
            )
            return
        stem = name.rpartition(".")[0] or name
        number, name = 1, stem + ending
        while imported.files.get(name, data) != data:
            number += 1
            name = f"{stem}-{number}{ending}"
        imported.files[name] = data


def float_of(text: str) -> float | None:
    """A number of Moodle's, or None."""
    try:
        return float(text)
    except ValueError:
        return None


def _multichoice(question: _Question) -> dict[str, Any]:
    is_single = question.node.at("single").lower() not in ("false", "0")
    return choice_fields(question.rows(), is_single, question.losses)


def _truefalse(question: _Question) -> dict[str, Any]:
    rows = {row.text.casefold(): row for row in question.rows()}
    if set(rows) != {"true", "false"}:
        raise BrokenQuestion((), "its answers are 'true' and 'false'.")
    is_true = rows["true"].weight > rows["false"].weight
    return truefalse_fields(is_true, rows["true"].feedback, rows["false"].feedback)


def _shortanswer(question: _Question) -> dict[str, Any]:
    if question.node.at("usecase") == "1":
        question.losses.append("that capital letters matter")
    rows = [starred(row) for row in question.rows()]
    return shorttext_fields(rows, question.losses)


def _numerical(question: _Question) -> dict[str, Any]:
    rows = []
    for answer, row in zip(question.node.all("answer"), question.rows(), strict=True):
        if row.text == "*":
            if row.feedback:
                question.losses.append(
                    f"the feedback {row.feedback!r} to any other answer"
                )
            continue
        tolerance = answer.at("tolerance") or "0"
        rows.append(
            NumberRow(
                number_of(row.text, question.losses),
                number_of(tolerance, question.losses).removeprefix("-"),
                row.weight,
                row.feedback,
            )
        )
    return numeric_fields(rows, question.losses) | _unit(question)


def _unit(question: _Question) -> dict[str, str]:
    units = question.node.child("units")
    named = list(units.all("unit")) if units else []
    for unit in named:
        name = unit.at("unit_name")
        if float_of(unit.at("multiplier") or "1") == 1 and name in UNITS:
            return {"unit": name}
    names = ", ".join(unit.at("unit_name") for unit in named)
    if names:
        question.losses.append(f"the unit {names}: a number alone is asked for")
    return {}


def _matching(question: _Question) -> dict[str, Any]:
    pairs = [
        (question.text(pair), pair.at("answer", "text"))
        for pair in question.node.all("subquestion")
    ]
    return matching_fields(pairs, question.losses)


def _ordering(question: _Question) -> dict[str, Any]:
    rows = sorted(question.rows(), key=lambda row: row.weight)
    if any(row.feedback for row in rows):
        question.losses.append("the feedback to its lines")
    return {"kind": "ordering", "items": [{"text": row.text} for row in rows]}


READERS: dict[str, Callable[[_Question], dict[str, Any]]] = {
    "multichoice": _multichoice,
    "truefalse": _truefalse,
    "shortanswer": _shortanswer,
    "numerical": _numerical,
    "matching": _matching,
    "ordering": _ordering,
}


def _add_cloze(found: Imported, node: Node, place: Place, category: str) -> None:
    """Its gaps, by the reader of GIFT: braces that are no gap are escaped."""
    text, parts, end = node.at("questiontext", "text"), [], 0
    for gap in _GAP.finditer(text):
        parts += [_escaped(text[end : gap.start()]), gap[0]]
        end = gap.end()
    parts.append(_escaped(text[end:]))
    form = _FORMS.get(
        (node.child("questiontext") or node).attributes.get("format", ""), "moodle"
    )
    chunk = Chunk(node.line, [f"[{form}]{''.join(parts)}"])
    chunk.title, chunk.name = place.title, node.at("idnumber")
    chunk.tags = _tags(node, category)
    num_before = len(found.bodies)
    add_question(found, chunk)
    _Question(node, place, category).add_to_gaps(found, found.bodies[num_before:])


def _escaped(text: str) -> str:
    return re.sub(r"([\\{}])", r"\\\1", text)
