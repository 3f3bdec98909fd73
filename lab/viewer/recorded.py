"""What the browser shows of a recording at a step, as of a live engine: the messages
"why", "cache" and "heat" of that moment. Pure."""

from typing import Any

from lab.live_state import LiveState, Told
from lab.messages import EngineStatus
from lab.tracing.replay_notes import ReplaySettings
from lab.viewer.cache import cache_message
from lab.viewer.why import why_message

NO_NOTES = (
    "This recording was made before the engine told its reasons: hits, age, and who is "
    "evicted next are not in it."
)
NO_WHY = (
    "This recording was made before the engine told its reasons: of this request it "
    "has the cached tokens alone."
)


def reasons_message(
    state: LiveState,
    heat: dict[str, Any],
    settings: ReplaySettings | None,
    *,
    has_notes: bool,
    short_id: int | None = None,
) -> dict[str, Any]:
    """``why`` is None where nobody is chosen, ``heat`` where nothing is known of it."""
    named = {"engine_host_id": state.engine_host_id, "engine_run": state.engine_run}
    return {
        "step": state.step,
        "lacks": "" if has_notes else NO_NOTES,
        "cache": cache_message(
            state,
            has_prefix_caching=settings is None or bool(settings.has_prefix_caching),
        ),
        "heat": {"type": "heat", **named, **heat} if has_notes else None,
        "why": _why(state, settings, short_id, has_notes),
    }


def _why(
    state: LiveState,
    settings: ReplaySettings | None,
    short_id: int | None,
    has_notes: bool,
) -> dict[str, Any] | None:
    if short_id is None:
        return None
    told = why_message(Told(state), _status(state, settings), short_id)
    if has_notes:
        return told
    return told | {"sentences": [NO_WHY], "rows": [], "bill": ""}


def _status(state: LiveState, settings: ReplaySettings | None) -> EngineStatus:
    """The scheduler's limits, 0 where they are not known."""
    return EngineStatus(
        engine_host_id=state.engine_host_id,
        state="ready",
        updated_at=state.at,
        max_concurrent_requests=settings.max_num_seqs if settings else 0,
        max_num_batched_tokens=settings.max_num_batched_tokens if settings else 0,
    )
