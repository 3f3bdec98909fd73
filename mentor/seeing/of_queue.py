"""Answers about who runs, who waits, and who had to give way."""

from lab.live_state import LiveState, RequestFacts
from lab.reasons import wait_words
from mentor.seeing.phrases import came, doing, queue_words, requests_named
from mentor.seeing.sight import (
    Said,
    Sight,
    capital,
    count,
    is_are,
    names,
    plural,
    seconds,
)


def waiting_reason(seen: Sight) -> Said:
    """What the trace shows of why a request waits."""
    request = seen.subject
    if request is None:
        return Said([seen.lacks_subject, queue_words(seen.state)])
    who = seen.named(request.short_id)
    if request.place is None:
        return Said(
            [f"{who} is not waiting: it {doing(request)}.", queue_words(seen.state)]
        )
    facts = [f"{who} waits at place {request.place} of {len(seen.state.waiting)}."]
    if request.phase == "preempted":
        step = _preempted_at(seen.state, request.short_id)
        facts.append(
            f"It was preempted{step}: the blocks ran out, it gave its own back, and it "
            "will be computed again."
        )
    return Said([*facts, *_obstacles(seen, request)], came(request))


def _obstacles(seen: Sight, request: RequestFacts) -> list[str]:
    """Which of the scheduler's conditions the numbers do not meet."""
    state, status = seen.state, seen.status
    if state.lookups and (why := wait_words(state.queue_of(request, status), seen.who)):
        return why
    front = [r.short_id for r in state.waiting if (r.place or 0) < (request.place or 0)]
    found = []
    if front:
        found.append(
            f"Before it {is_are(len(front))} {requests_named(front)} in the queue."
        )
    most, num_running = status.max_concurrent_requests, len(state.running)
    if most and num_running >= most:
        found.append(f"All {most} places of the batch are taken.")
    num_tokens = request.num_prompt_tokens + request.num_output_tokens
    needed = seen.blocks_for(num_tokens)
    num_free = state.num_free
    room = f"{plural(needed, 'block')}, and {count(num_free)} {is_are(num_free)} free"
    if needed > state.num_free:
        found.append(
            f"Its {plural(num_tokens, 'token')} need {room}: vLLM admits a request "
            "only when all of them fit, less those that hit the prefix cache."
        )
    elif not found:
        found.append(
            f"Its {plural(num_tokens, 'token')} need {room}: the trace does not say "
            "what else keeps it; the next step may take it."
        )
    return found


def queue_place(seen: Sight) -> Said:
    """Where it stands; how long that takes nobody knows."""
    request, num_waiting = seen.subject, len(seen.state.waiting)
    if request is None:
        return Said([seen.lacks_subject, queue_words(seen.state)])
    who = seen.named(request.short_id)
    if request.place is None:
        return Said([f"{who} is not in the queue: it {doing(request)}."])
    ahead = request.place - 1
    before = f"{plural(ahead, 'request')} before it" if ahead else "next"
    return Said(
        [
            f"{who} is at place {request.place} of {num_waiting} in the queue: "
            f"{before}.",
            "How long that takes the trace does not say: it depends on when running "
            "requests end.",
        ],
        came(request),
    )


def queue_length(seen: Sight) -> Said:
    """Who waits."""
    waiting = seen.state.waiting
    if not waiting:
        return Said(["Nobody waits: the queue is empty, 0 requests."])
    front = [r.short_id for r in waiting]
    facts = [
        f"{capital(plural(len(waiting), 'request'))} {is_are(len(waiting))} waiting in "
        f"the queue, from its front {names(front)}."
    ]
    facts += [
        f"{seen.named(r.short_id)} is at place {r.place}."
        for r in waiting
        if r.short_id in seen.state.own
    ]
    return Said(facts)


def running_now(seen: Sight) -> Said:
    """Who runs."""
    state = seen.state
    running, waiting = state.running, len(state.waiting)
    if not running:
        queue = f"{plural(waiting, 'request')} {is_are(waiting)} waiting"
        return Said([f"No request is running: the engine is idle, and {queue}."])
    facts = [
        f"{capital(plural(len(running), 'request'))} {is_are(len(running))} running "
        f"and {count(waiting)} {is_are(waiting)} waiting.",
        f"In the batch {is_are(len(running))} {names([r.short_id for r in running])}.",
    ]
    mine = [r.short_id for r in state.requests if r.short_id in state.own]
    if mine:
        facts.append(f"Of all of these {names(mine)} {is_are(len(mine))} yours.")
    most = seen.status.max_concurrent_requests
    return Said(facts, [f"At most {most} run at once here."] if most else [])


def preempted(seen: Sight) -> Said:
    """Preemptions of this run, and of the request that was named."""
    state, request = seen.state, seen.subject
    facts = []
    if request is not None:
        times = "not been preempted"
        if request.num_preemptions:
            times = f"been preempted {plural(request.num_preemptions, 'time')}"
        facts.append(f"{seen.named(request.short_id)} has {times}.")
    if not state.num_preemptions:
        return Said([*facts, "No request was preempted since this engine started."])
    facts.append(
        f"Since this engine started there {_was_were(state.num_preemptions)} "
        f"{plural(state.num_preemptions, 'preemption')}."
    )
    if state.preemptions:
        last = state.preemptions[-1]
        facts.append(
            f"The last was {seen.who(last.short_id)}, at step {count(last.step)}, "
            f"{seconds(last.ago_s)} before."
        )
    return Said(facts)


def more_fit(seen: Sight) -> Said:
    """How often the subject's present size fits into what is free."""
    request, state = seen.subject, seen.state
    if request is None:
        return Said(
            [seen.lacks_subject, f"{capital(plural(state.num_free, 'block'))} "
             f"{is_are(state.num_free)} free."]
        )  # fmt: skip
    num_tokens = request.num_prompt_tokens + request.num_output_tokens
    each = max(1, seen.blocks_for(num_tokens))
    fits, running = state.num_free // each, len(state.running)
    facts = [
        f"{seen.named(request.short_id)} has {plural(num_tokens, 'token')}, which take "
        f"{plural(each, 'block')}; {count(state.num_free)} {is_are(state.num_free)} "
        f"free, enough for {count(fits)} more of that size, if nothing is shared."
    ]
    most = seen.status.max_concurrent_requests
    if most:
        facts.append(
            f"The batch has {count(max(0, most - running))} of {most} places free."
        )
    whole = seen.num_usable // each
    return Said(facts, [f"The whole cache holds {count(whole)} of that size."])


def _preempted_at(state: LiveState, short_id: int) -> str:
    steps = [one.step for one in state.preemptions if one.short_id == short_id]
    return f" at step {count(steps[-1])}" if steps else ""


def _was_were(number: int) -> str:
    return "was" if number == 1 else "were"
