"""What a format cannot carry, said question by question."""

from dataclasses import dataclass, field
from typing import Any

from quizzes.expressions import fill, written
from quizzes.formats.plain_text import has_html
from quizzes.questions import Question
from quizzes.variants import Variant, variant_of

EXPORT_SEED = 0


@dataclass
class Exported:
    """A file's text and what did not fit into it."""

    text: str = ""
    losses: list[str] = field(default_factory=list)

    def lose(self, question: Question, what: str) -> None:
        """Name a loss."""
        self.losses.append(f"{question.name}: {what}")


def common_losses(
    exported: Exported, question: Question, carried: frozenset[str]
) -> None:
    """Name what every question may have and the format does not carry."""
    rows = {
        "hints": (question.hints, "hints"),
        "section": (question.section, "the reference to the chapter's section"),
        "source": (question.source, "the source of its facts"),
        "goal": (question.goal, "the learning goal"),
        "tags": (question.tags, "tags"),
        "parameters": (question.parameters, "other variants: one is written"),
        "title": (
            has_html(question.title),
            "the HTML of its title, which Moodle drops",
        ),
        "decoys": (question.decoys, "partners that belong to no line"),
    }
    for name, (value, words) in rows.items():
        if value and name not in carried:
            exported.lose(question, words)


def exported_variant(question: Question) -> Variant:
    """The one variant that goes into a file."""
    return variant_of(question, EXPORT_SEED)


def title_of(variant: Variant) -> str:
    """What other programs call the question."""
    return fill(variant.question.title, variant.values) or variant.question.name


def pairs_of(variant: Variant) -> list[tuple[str, str]]:
    """Lines and partners as learners read them; a decoy has no line."""
    question = variant.question
    rows = [(pair.left, pair.right) for pair in question.pairs]
    rows += [("", decoy) for decoy in question.decoys]
    return [
        (fill(left, variant.values), fill(right, variant.values))
        for left, right in rows
    ]


def plain_number(value: Any) -> str:
    """A number as formats have it: no thousands separators."""
    return written(value).replace(",", "")
