"""Moodle XML as questions of the bank. Sources: docs.moodle.org, "Moodle XML format";
moodle/moodle, ``question/format/xml/format.php``.

    <question type="…"> ──► texts (TextReader), rows ──► moodle_kinds ──► body

Kinds that cannot be asked are refused by line and name, and the others are read; so
are the whole questions of a file that is not XML from some line on. Images come as
files. What is not kept is named in ``losses``.
"""

import re
from collections.abc import Iterator
from html import unescape
from typing import Any

from quizzes.errors import BrokenQuestion
from quizzes.formats.answers import Row
from quizzes.formats.cloze import TYPES
from quizzes.formats.foreign import ROOTS
from quizzes.formats.gift import Chunk, add_question
from quizzes.formats.gift_categories import tag_of
from quizzes.formats.imported import Imported, Place
from quizzes.formats.moodle_files import keep_image
from quizzes.formats.moodle_kinds import READERS, float_of, weight_of
from quizzes.formats.plain_text import TextReader
from quizzes.formats.safe_xml import Node, NotXml, parsed, parts, xml_text

_FORMS = {"html": "html", "plain_text": "plain", "markdown": "markdown"}
_UNGRADED = {"description": "a description without an answer", "essay": "an essay, "
             "which nothing grades"}  # fmt: skip
_GAP = re.compile(
    rf"\{{[0-9]*:(?:{'|'.join(sorted(TYPES, reverse=True))}):(?:\\.|[^\\{{}}])*\}}",
    re.IGNORECASE | re.DOTALL,
)
_NAME = re.compile(r"<name\b[^<>]*>\s*+<text>(?:<!\[CDATA\[)?([^<>\]]{1,200})")
_NO_GAP = re.compile(r"\{[0-9]{0,9}:[A-Za-z_]{1,30}:?")
_GENERAL = ("correctfeedback", "partiallycorrectfeedback", "incorrectfeedback")
_DEFAULT_FEEDBACK = re.compile(r"(<p>)?Your answer is (partially )?(in)?correct\.")


def read_moodle_xml(
    raw: bytes, imported: Imported | None = None, encoding: str = ""
) -> Imported:
    """All questions of a file that can be asked; raises BrokenQuestion for a file that
    is not Moodle XML."""
    found = imported or Imported()
    tag = ""
    for node in _questions(xml_text(raw, encoding), found):
        if _kind(node) == "category":
            tag = tag_of(node.at("category", "text"), Place(node.line), found)
        else:
            _add(found, node, tag)
    return found


def _questions(text: str, found: Imported) -> Iterator[Node]:
    """The questions of a file; where it is not XML, those that are by themselves."""
    try:
        root = parsed(text)
    except NotXml as error:
        nodes = list(_whole(text, found))
        if not nodes:
            found.refused.clear()
            raise error from None
        found.losses.append(f"{error.reason} Its questions are read one by one")
        yield from nodes
        return
    name = root.tag.rpartition(":")[2]
    if name == "question":
        yield root
    elif name == "quiz":
        for node in root.children:
            if node.tag == "question":
                yield node
            else:
                found.lose(Place(node.line), [f"<{node.tag}>, which is no question"])
    else:
        told = ROOTS.get(name, "this is another XML")
        raise BrokenQuestion((), f"Moodle XML begins with <quiz>, not <{name}>: {told}")


def _whole(text: str, found: Imported) -> Iterator[Node]:
    for line, source in parts(text):
        try:
            yield parsed(source, line)
        except NotXml as error:
            name = _NAME.search(source)
            title = unescape(name[1]) if name else ""
            at, _, reason = error.reason.removeprefix("line ").partition(": ")
            found.refuse(Place(int(at), title), reason)


def _kind(node: Node) -> str:
    return node.attributes.get("type", "").strip().lower()


def _add(found: Imported, node: Node, tag: str) -> None:
    kind = _kind(node)
    place = Place(node.line, node.at("name", "text"))
    if not kind:
        found.refuse(place, "a question without a type.")
    elif kind in _UNGRADED:
        found.lose(place, [_UNGRADED[kind]])
    elif kind in ("cloze", "multianswer"):
        _add_cloze(found, node, place, tag)
    elif kind not in READERS:
        found.refuse(place, f"Moodle's kind {kind!r} cannot be asked here.")
    else:
        try:
            _Question(node, place, tag).add_to(found)
        except BrokenQuestion as error:
            found.refuse(place, error.reason)


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
            weight = weight_of(answer, self.losses)
            is_typed = _kind(self.node) in ("shortanswer", "numerical")
            text = answer.at("text") if is_typed else self.text(answer)
            found.append(Row(text, weight, self.text(answer.child("feedback"))))
        return found

    def add_to(self, imported: Imported) -> None:
        """Read all of it."""
        text = self.text(self.node.child("questiontext"))
        fields = READERS[_kind(self.node)](self)
        general = self.text(self.node.child("generalfeedback"))
        if general:
            kept = fields.get("explanation", general)
            if kept != general:
                self.losses.append(f"the feedback {kept!r} to the right answer")
            fields["explanation"] = general
        hints = [self.text(hint) for hint in self.node.all("hint")]
        name, given = self.node.at("name", "text"), self.node.at("idnumber")
        body = {"kind": "", "text": text, **fields}
        title = self.texts.title(name)
        if name and name != given:
            body["title"] = title
        if any(hints):
            body["hints"] = [hint for hint in hints if hint]
        if self._tags:
            body["tags"] = self._tags
        own = imported.add(self.place, body, given, title, text)
        if given and own != given:
            self.losses.append(f"its id {given!r}: here it is {own}")
        self._finish(imported)

    def add_to_gaps(self, imported: Imported, bodies: list[dict[str, Any]]) -> None:
        """What a Cloze text has beside its gaps."""
        general = self.text(self.node.child("generalfeedback"))
        for body in bodies if general else ():
            if said := body.get("explanation"):
                self.losses.append(f"the feedback {said!r} to the right answer")
            body["explanation"] = general
        hints = [self.text(hint) for hint in self.node.all("hint")]
        if kept := [hint for hint in hints if hint]:
            for body in bodies:
                body["hints"] = kept
        asked = self.node.child("questiontext")
        self._files += asked.all("file") if asked else ()
        self._finish(imported)

    def _finish(self, imported: Imported) -> None:
        self._lose_settings()
        for node in self._files:
            if loss := keep_image(node, imported):
                self.losses.append(loss)
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


def _add_cloze(found: Imported, node: Node, place: Place, category: str) -> None:
    """Its gaps, by the reader of GIFT: braces that are no gap are escaped."""
    text, pieces, end = node.at("questiontext", "text"), [], 0
    for gap in _GAP.finditer(text):
        pieces += [text[end : gap.start()], gap[0]]
        end = gap.end()
    pieces.append(text[end:])
    odd = [said[0] for piece in pieces[::2] for said in _NO_GAP.finditer(piece)]
    found.lose(place, [f"{said!r} begins no known gap, and is text" for said in odd])
    pieces[::2] = map(_escaped, pieces[::2])
    form = _FORMS.get(
        (node.child("questiontext") or node).attributes.get("format", ""), "moodle"
    )
    chunk = Chunk(node.line, [f"[{form}]{''.join(pieces)}"])
    chunk.title, chunk.name = place.title, node.at("idnumber")
    chunk.tags = _tags(node, category)
    num_before = len(found.bodies)
    add_question(found, chunk)
    _Question(node, place, category).add_to_gaps(found, found.bodies[num_before:])


def _escaped(text: str) -> str:
    return re.sub(r"([\\{}])", r"\\\1", text)
