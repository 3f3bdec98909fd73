"""Phrases about requests that several answers have."""

from lab.live_state import LiveState, RequestFacts
from mentor.seeing.sight import (
    Sight,
    capital,
    count,
    is_are,
    names,
    plural,
    seconds,
)

ENDS = {
    "stopped": "came to its end",
    "length": "reached the longest answer allowed",
    "aborted": "was stopped",
    "error": "failed",
    "repetition": "began to repeat itself and was ended",
}


def doing(request: RequestFacts) -> str:
    match request.phase:
        case "reading":
            return (
                f"is reading its prompt, {count(request.num_computed_tokens)} of "
                f"{plural(request.num_prompt_tokens, 'token')} so far"
            )
        case "answering":
            return (
                "is running and answering, "
                f"{plural(request.num_output_tokens, 'token')} so far"
            )
        case "waiting":
            return f"is waiting at place {request.place}"
        case "preempted":
            return f"was preempted and is waiting at place {request.place}"
    return (
        f"{ENDS.get(request.finish, 'ended')} at step "
        f"{count(request.ended_step or 0)}, {seconds(request.ended_ago_s)} before"
    )


def from_cache(request: RequestFacts) -> str:
    if request.num_cached_tokens is None:
        return "its prompt has not been looked up in the prefix cache yet"
    cached = plural(request.num_cached_tokens, "prompt token")
    return f"{cached} came from the prefix cache"


def age(seen: Sight, request: RequestFacts) -> str:
    who, arrived = seen.named(request.short_id), request.arrived_ago_s
    if arrived is None:
        return (
            f"{who} came before the trace was followed: how long ago it does not say."
        )
    waited = (
        "it has been waiting since"
        if request.waited_s is None
        else f"it waited {seconds(request.waited_s)} for its first step"
    )
    if request.phase == "finished":
        lived = arrived - (request.ended_ago_s or 0.0)
        return f"{who} was in the engine for {seconds(lived)}; {waited}."
    return f"{who} came {seconds(arrived)} ago; {waited}."


def came(request: RequestFacts) -> list[str]:
    if request.arrived_ago_s is None:
        return []
    return [f"It came {seconds(request.arrived_ago_s)} ago."]


def queue_words(state: LiveState) -> str:
    num_waiting = len(state.waiting)
    if not num_waiting:
        return "Nobody waits in the queue."
    return f"{capital(plural(num_waiting, 'request'))} {is_are(num_waiting)} waiting."


def requests_named(short_ids: list[int]) -> str:
    noun = "request" if len(short_ids) == 1 else "requests"
    return f"{noun} {names(short_ids)}"
