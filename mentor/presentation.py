"""Turns and conversations as the browser shows them: JSON, HTML sanitised."""

from typing import Any

from mentor.markdown import render
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
    "is_recorded",
)


def turn_json(turn: Turn) -> dict[str, Any]:
    """One turn; ``measured`` is None until its report came."""
    report = turn.report
    return {
        "id": turn.pk,
        "conversation": str(turn.conversation_id),
        "question": turn.question,
        "state": turn.state,
        "answer": turn.answer,
        "html": render(turn.answer),
        "error": turn.error,
        "passages": turn.passages,
        "num_turns_dropped": turn.num_turns_dropped,
        "context_tokens": turn.context_tokens,
        "log_id": turn.request_id,
        "measured": report and {name: report.get(name) for name in MEASURED},
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
    }
