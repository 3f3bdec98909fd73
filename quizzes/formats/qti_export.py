"""Questions as a package of QTI 3. Source: 1EdTech, "QTI 3.0", information model and
"Best Practices and Implementation Guide" (imsglobal.org/spec/qti/v3p0).

    package.zip
    ├── imsmanifest.xml
    └── items/ID.xml     one qti-assessment-item: what is right, what is read, scoring

Each item scores 0 to 1 as it does here; what QTI has no place for is named in
``losses``, and so is a parametrised question, which is written as one variant.
"""

import io
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from xml.etree.ElementTree import Element, SubElement

from quizzes.expressions import evaluate, fill
from quizzes.formats.losses import (
    Exported,
    common_losses,
    exported_variant,
    pairs_of,
    plain_number,
)
from quizzes.formats.qti_item import FEEDBACK, RESPONSE, Item, sub, xml_of
from quizzes.grading import NumericKey
from quizzes.questions import Question

PACKAGE = "http://www.imsglobal.org/xsd/qti/qtiv3p0/imscp_v1p1"
CARRIED = frozenset({"decoys", "title"})
_STAMP = (1980, 1, 1, 0, 0, 0)
"""Of every file: the same questions give the same package."""


@dataclass
class Package(Exported):
    """The items by their file's name; ``text`` is the manifest."""

    items: dict[str, str] = field(default_factory=dict)

    def zipped(self) -> bytes:
        """The package as one file."""
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as package:
            for name, text in {"imsmanifest.xml": self.text, **self.items}.items():
                package.writestr(zipfile.ZipInfo(name, _STAMP), text)
        return buffer.getvalue()


def to_qti(questions: Iterable[Question]) -> Package:
    """A package of all questions that QTI can ask."""
    package = Package()
    for question in questions:
        if question.kind not in WRITERS:
            package.lose(question, f"the whole question: QTI has no {question.kind}")
            continue
        common_losses(package, question, CARRIED)
        item = Item(exported_variant(question))
        WRITERS[question.kind](package, item)
        package.items[f"items/{question.name}.xml"] = item.written()
    package.text = _manifest(package.items)
    return package


def _manifest(names: Iterable[str]) -> str:
    root = Element("manifest", xmlns=PACKAGE, identifier="MANIFEST")
    metadata = SubElement(root, "metadata")
    SubElement(metadata, "schema").text = "QTI Package"
    SubElement(metadata, "schemaversion").text = "3.0.0"
    SubElement(root, "organizations")
    resources = SubElement(root, "resources")
    for number, name in enumerate(names, 1):
        resource = SubElement(
            resources,
            "resource",
            identifier=f"ITEM-{number}",
            type="imsqti_item_xmlv3p0",
            href=name,
        )
        SubElement(resource, "file", href=name)
    return xml_of(root)


def _choices(package: Package, item: Item) -> None:
    question, variant = item.question, item.variant
    parts = sorted(variant.parts, key=lambda part: part.index)
    names = [f"choice-{part.index + 1}" for part in parts]
    is_right = [choice.is_right for choice in question.choices]
    right = [name for name, counts in zip(names, is_right, strict=True) if counts]
    is_multiple = question.kind == "multiple"
    cardinality = "multiple" if is_multiple else "single"
    response = item.respond("identifier", cardinality, right)
    interaction = sub(
        item.body,
        "choice-interaction",
        response_identifier=RESPONSE,
        shuffle=str(question.kind != "truefalse").lower(),
        max_choices="0" if is_multiple else "1",
    )
    for name, part in zip(names, parts, strict=True):
        choice = sub(interaction, "simple-choice", part.text, identifier=name)
        sub(
            choice,
            "feedback-inline",
            variant.because(part),
            outcome_identifier=FEEDBACK,
            identifier=name,
            show_hide="show",
        )
    if is_multiple:
        share = 1 / len(right)
        item.map(
            response,
            {n: share if c else -share for n, c in zip(names, is_right, strict=True)},
        )
    else:
        item.score_if("match")
    item.declare_feedback(cardinality)


def _entry(item: Item, unit: str = "") -> None:
    line = sub(item.body, "p")
    box = sub(line, "text-entry-interaction", response_identifier=RESPONSE)
    box.tail = f" {unit}" if unit else None


def _numeric(package: Package, item: Item) -> None:
    key = item.variant.key()
    assert isinstance(key, NumericKey)
    if key.unit:
        package.lose(item.question, f"other units than {key.unit}")
    item.respond("float", "single", [plain_number(key.value)])
    _entry(item, key.unit)
    off = plain_number(key.tolerance)
    item.score_if("equal", tolerance_mode="absolute", tolerance=f"{off} {off}")
    for mistake in item.question.mistakes:
        wrong = plain_number(evaluate(mistake.answer, item.variant.values))
        item.say(
            item.condition("equal", wrong, tolerance_mode="exact"),
            fill(mistake.because, item.variant.values),
        )


def _shorttext(package: Package, item: Item) -> None:
    values = item.variant.values
    accepted = [fill(text, values) for text in item.question.accepted]
    response = item.respond("string", "single", accepted[:1])
    _entry(item)
    item.map(response, dict.fromkeys(accepted, 1))
    for mistake in item.question.mistakes:
        item.say(
            item.condition(
                "string-match", fill(mistake.answer, values), case_sensitive="false"
            ),
            fill(mistake.because, values),
        )
    package.lose(item.question, "other spellings of its answers, such as plurals")


def _ordering(package: Package, item: Item) -> None:
    question = item.question
    if any(row.because for row in question.items):
        package.lose(question, "the reasons of its lines")
    package.lose(question, "credit for some of its lines: all or nothing")
    names = [f"line-{number}" for number in range(1, len(question.items) + 1)]
    item.respond("identifier", "ordered", names)
    interaction = sub(
        item.body, "order-interaction", response_identifier=RESPONSE, shuffle="true"
    )
    for name, row in zip(names, question.items, strict=True):
        text = fill(row.text, item.variant.values)
        sub(interaction, "simple-choice", text, identifier=name)
    item.score_if("match")


def _matching(package: Package, item: Item) -> None:
    if any(pair.because for pair in item.question.pairs):
        package.lose(item.question, "the reasons of its pairs")
    pairs = pairs_of(item.variant)
    lefts = {left: f"left-{n}" for n, (left, _) in enumerate(pairs, 1) if left}
    rights: dict[str, str] = {}
    for _, right in pairs:
        rights.setdefault(right, f"right-{len(rights) + 1}")
    keys = [f"{lefts[left]} {rights[right]}" for left, right in pairs if left]
    response = item.respond("directedPair", "multiple", keys)
    interaction = sub(
        item.body,
        "match-interaction",
        response_identifier=RESPONSE,
        shuffle="true",
        max_associations=str(len(lefts)),
    )
    for texts, most in ((lefts, "1"), (rights, "0")):
        group = sub(interaction, "simple-match-set")
        for text, name in texts.items():
            sub(
                group,
                "simple-associable-choice",
                text,
                identifier=name,
                match_max=most,
            )
    item.map(response, dict.fromkeys(keys, 1 / len(keys)))


WRITERS: dict[str, Callable[[Package, Item], None]] = {
    "single": _choices,
    "multiple": _choices,
    "truefalse": _choices,
    "numeric": _numeric,
    "shorttext": _shorttext,
    "ordering": _ordering,
    "matching": _matching,
}
