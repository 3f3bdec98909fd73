"""Turns and conversations as the browser shows them: JSON, HTML sanitised."""

from datetime import datetime
from typing import Any

from django.template.loader import render_to_string
from django.utils import timezone

from mentor import cost
from mentor.markdown import is_block, render, render_inline
from mentor.models import Conversation, Turn

MEASURED = (
    "engine",
    "measured_at",
    "finish_reason",
    "ttft_s",
    "queue_s",
    "e2el_s",
    "output_tokens_per_s",
    "num_prompt_tokens",
    "num_cached_tokens",
    "num_output_tokens",
    "num_preemptions",
    "num_blocks",
    "num_blocks_shared",
    "block_seconds",
    "is_recorded",
)


def turn_json(turn: Turn) -> dict[str, Any]:
    """One turn, its words checked; ``measured`` is None until its report came,
    ``course`` until the course was asked, ``checked_html`` is empty where there was
    nothing to check."""
    turn.check_once()
    report = turn.report
    return {
        "id": turn.pk,
        "conversation": str(turn.conversation_id),
        "question": turn.question,
        "level": turn.level,
        "selected": turn.selected,
        "quiz_answer": turn.quiz_answer,
        "state": turn.state,
        "course": course_json(turn),
        "leads": turn.leads,
        "answer": turn.answer,
        "html": render(turn.answer),
        **checked_json(turn),
        "error": turn.error,
        "passages": turn.passages,
        "num_turns_dropped": turn.num_turns_dropped,
        "context_tokens": turn.context_tokens,
        "log_id": turn.request_id,
        "verdict": turn.verdict,
        "reason": turn.reason,
        "measured": report and measured_json(report),
    }


def measured_json(report: dict[str, Any]) -> dict[str, Any]:
    """What the engine measured, and ``costs`` on rented cards: mentor.cost."""
    measured = {name: report.get(name) for name in MEASURED}
    return measured | {"costs": cost.costs(report, timezone.localdate())}


def course_json(turn: Turn) -> dict[str, Any] | None:
    """What the course says, with ``html`` to show, and ``measured_html`` of what the
    lab says; None before they were asked."""
    said = turn.course
    if said is None:
        return None
    html = render_to_string(
        "mentor/_course.html", {"said": said, "parts": _parts(said)}
    )
    measured = said.get("measured")
    seen = {"measured": measured, "when": measured and _when(measured["at"])}
    measured_html = render_to_string("mentor/_measured.html", seen) if measured else ""
    return {
        "measured": None,
        **said,
        "html": html,
        "measured_html": measured_html,
        "has_words": bool(said["words"] or said["sentences"] or said["offers"]),
    }


def _when(at: str | None) -> datetime | None:
    return datetime.fromisoformat(at) if at else None


def _parts(said: dict[str, Any]) -> list[dict[str, Any]]:
    """Sentences in a row that stand at one place, with their one link."""
    parts: list[dict[str, Any]] = []
    for sentence in said["sentences"]:
        if not parts or parts[-1]["url"] != sentence["url"]:
            page = sentence["url"].split("#")[0]
            part = {"url": sentence["url"], "title": sentence["title"], "page": page}
            parts.append(part | {"sentences": [], "claims": []})
        parts[-1]["sentences"].append(render_inline(sentence["text"]))
        known = parts[-1]["claims"]
        known += [claim for claim in sentence["claims"] if claim not in known]
    return parts


def checked_json(turn: Turn) -> dict[str, Any]:
    """The engine's sentences, each with whether the course says so."""
    checked = turn.checked or []
    rows = [
        row | {"html": render_inline(row["text"]), "is_block": is_block(row["text"])}
        for row in checked
    ]
    html = render_to_string("mentor/_checked.html", {"rows": rows}) if rows else ""
    num_supported = sum(row["supported"] for row in checked)
    return {
        "checked_html": html,
        "sentences": checked,
        "num_sentences": len(checked),
        "num_supported": num_supported,
    }


def conversation_json(
    conversation: Conversation | None, turns: list[Turn], known: list[Conversation]
) -> dict[str, Any]:
    """A conversation with its turns, and the titles of the learner's others."""
    return {
        "type": "conversation",
        "conversation": conversation and conversation.summary(),
        "conversations": [other.summary() for other in known],
        "turns": [turn_json(turn) for turn in turns],
        "cards": [one.json() for one in cost.rented_cards(timezone.localdate())],
    }
