"""What a page shows of a question: before the answer the form, after it the feedback.

``question_form`` is made of the variant's text and parts alone: what is right is only
in ``explained``, which is made of an answer that was given.
"""

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from quizzes import form_fields, measuring
from quizzes.expressions import written
from quizzes.form_fields import Submitted
from quizzes.grading import (
    Grade,
    MatchKey,
    MeasuredKey,
    NumericKey,
    OrderKey,
    Outcome,
    TextKey,
)
from quizzes.models import Answer
from quizzes.questions import Ask
from quizzes.reports import Numbers
from quizzes.units import number_in
from quizzes.variants import Variant

MAX_DRAWN_BLOCKS = 48
MAX_SHOWN_CHARS = 2_000
"""Of what was sent and could not be read."""
WORDS = {
    Outcome.RIGHT: "Right",
    Outcome.PARTLY: "Partly right",
    Outcome.WRONG: "Not right",
}


def question_form(answer: Answer, submitted: Submitted | None = None) -> dict[str, Any]:
    """The question's form; ``submitted`` fills in again what could not be read."""
    variant = answer.variant()
    question = variant.question
    sent = submitted or {}
    places = [str(place) for place in range(1, len(variant.parts) + 1)]
    return {
        "kind": question.kind,
        "paragraphs": paragraphs_of(variant.text),
        "unit": question.unit,
        "rounding": _rounding(question.decimals),
        "choice_field": form_fields.CHOICE,
        "options": [
            {
                "letter": part.letter,
                "text": part.text,
                "is_chosen": part.letter in sent.get(form_fields.CHOICE, ()),
                "place": _box(sent, form_fields.place(part.letter)),
                "match": _box(sent, form_fields.match(part.letter)),
            }
            for part in variant.parts
        ],
        "places": places,
        "partners": [{"letter": p.letter, "text": p.text} for p in variant.partners],
        "number": _box(sent, form_fields.NUMBER),
        "short_text": _box(sent, form_fields.TEXT),
        "asks": [
            {
                "name": ask.name,
                "label": ask.label,
                "unit": ask.unit,
                "leeway": _leeway(ask),
                "box": _box(sent, form_fields.ask(ask.name)),
            }
            for ask in question.asks
        ],
        "prompts": _prompts(variant),
        "hints": variant.hints[: answer.num_hints],
        "num_hints_left": len(variant.hints) - answer.num_hints,
    }


def paragraphs_of(text: str) -> list[dict[str, Any]]:
    """The lines of a text; those in backticks stand together as code."""
    found: list[dict[str, Any]] = []
    for line in filter(str.strip, text.split("\n")):
        is_code = len(line) > 1 and line[0] == line[-1] == "`"
        if not is_code:
            found.append({"text": line, "is_code": False})
        elif found and found[-1]["is_code"]:
            found[-1]["text"] += f"\n{line[1:-1]}"
        else:
            found.append({"text": line[1:-1], "is_code": True})
    return found


def _rounding(decimals: int | None) -> str:
    """How exact an answer is asked for, in words; "" where it is a count."""
    if decimals is None:
        return ""
    if decimals == 0:
        return "to the nearest whole number"
    return f"to {decimals} decimal place{'s' if decimals > 1 else ''}"


def _leeway(ask: Ask) -> str:
    """How near a prediction has to be, in words; "" where it has to be exact."""
    if ask.within:
        return f"within a factor of {written(ask.within)} counts"
    if ask.tolerance:
        return f"±{written(ask.tolerance)} counts"
    return ""


def _box(sent: Submitted, field: str) -> dict[str, str]:
    """A field by its name in the form, with what was in it."""
    return {"field": field, "value": form_fields.first(sent, field)[:MAX_SHOWN_CHARS]}


def _prompts(variant: Variant) -> list[dict[str, Any]]:
    runs = variant.question.runs
    texts = list(variant.prompts().values())
    prompts: list[dict[str, Any]] = []
    for number, (text, run) in enumerate(zip(texts, runs, strict=True), 1):
        is_same = number > 1 and text == texts[0]
        prompts.append(
            {
                "number": number,
                "text": "" if is_same else text,
                "max_tokens": run.max_tokens,
                "copies": run.copies,
            }
        )
    return prompts


def explained(answer: Answer) -> dict[str, Any]:
    """Feedback on a given answer: what was right and why."""
    variant = answer.variant()
    reports = measuring.reports_of(answer) if variant.question.runs else {}
    found = answer.regrade(reports)
    outcome = Outcome(answer.outcome)
    return {
        "outcome": outcome.value,
        "verdict": WORDS.get(outcome, ""),
        "rows": _rows(variant, found),
        "mistake": variant.mistake(answer.submitted),
        "explanation": variant.explanation(),
        "right_answer": _right_answer(variant),
        "said": next(iter(answer.submitted.values()), ""),
        "measured": _measured(answer, variant, found, reports),
    }


def _rows(variant: Variant, found: Grade) -> list[dict[str, Any]]:
    """Each part with what was given, what is right, and the author's reason."""
    given = found.given or {}
    partners = {part.letter: part.text for part in variant.partners}
    if variant.question.kind == "measured":
        return []
    key = variant.key()
    rows = []
    for part in variant.parts:
        row: dict[str, Any] = {
            "text": part.text,
            "because": variant.because(part),
            "is_chosen": part.letter in given,
            "is_correct": part.letter in found.right_parts,
        }
        if isinstance(key, OrderKey):
            row["given"] = given.get(part.letter, "")
            row["right"] = str(key.order.index(part.letter) + 1)
        elif isinstance(key, MatchKey):
            row["given"] = partners.get(given.get(part.letter, ""), "")
            row["right"] = partners[key.pairs[part.letter]]
        else:
            row["is_right"] = variant.question.choices[part.index].is_right
        rows.append(row)
    if isinstance(key, OrderKey):
        rows.sort(key=lambda row: int(row["right"]))
    return rows


def _right_answer(variant: Variant) -> str:
    """The right answer of a question with one box, in words."""
    if variant.question.kind not in ("numeric", "shorttext"):
        return ""
    key = variant.key()
    if isinstance(key, NumericKey):
        number = written(key.value, variant.question.decimals)
        return f"${number}" if key.unit == "$" else f"{number} {key.unit}".strip()
    return key.accepted[0] if isinstance(key, TextKey) else ""


def _measured(
    answer: Answer,
    variant: Variant,
    found: Grade,
    reports: Mapping[str, Numbers],
) -> dict[str, Any] | None:
    """Prediction and truth side by side, with the blocks of each run."""
    if not reports:
        return None
    key = variant.key(reports)
    assert isinstance(key, MeasuredKey)
    rows = []
    for ask in variant.question.asks:
        truth = key.asks[ask.name].value
        predicted = number_in((found.given or {}).get(ask.name, ""), ask.unit)
        rows.append(
            {
                "label": ask.label,
                "unit": ask.unit,
                "predicted": written(predicted)
                if isinstance(predicted, Fraction)
                else "",
                "truth": written(truth, ask.decimals),
                "is_correct": ask.name in found.right_parts,
            }
        )
    runs = [
        {
            "number": number,
            "numbers": report,
            "blocks": blocks_of(report) if report.get("num_requests", 1) == 1 else [],
        }
        for number, report in enumerate(reports.values(), 1)
    ]
    return {
        "rows": rows,
        "runs": runs,
        "has_blocks": any(run["blocks"] for run in runs),
        "source": measuring.summary_of(answer),
    }


def blocks_of(report: Numbers) -> list[dict[str, Any]]:
    """A request's blocks in logical order: from the cache, of the prompt, of the
    answer; how full the last is. Some are left out of the middle of a long row."""
    size = int(report.get("block_size") or 0)
    if not size or "num_blocks" not in report:
        return []
    num_tokens = report["num_prompt_tokens"] + report["num_output_tokens"] - 1
    blocks = []
    for index in range(min(int(report["num_blocks"]), MAX_DRAWN_BLOCKS)):
        filled = max(0, min(size, num_tokens - index * size))
        if index < report.get("num_blocks_shared", 0):
            kind = "cached"
        elif index * size < report["num_prompt_tokens"]:
            kind = "prompt"
        else:
            kind = "answer"
        eighths = round(8 * filled / size)
        blocks.append(
            {"index": index, "kind": kind, "filled": filled, "eighths": eighths}
        )
    return blocks
