"""Answers about a request: the one that was named, or the learner's newest."""

from lab.live_state import RequestFacts
from lab.reasons import hit_words, untold_words
from mentor.seeing.phrases import ENDS, age, doing, from_cache, requests_named
from mentor.seeing.sight import (
    Said,
    Sight,
    capital,
    count,
    is_are,
    listed,
    name,
    percent,
    plural,
    seconds,
)


def request_state(seen: Sight) -> Said:
    """All there is about one request."""
    request = seen.subject
    if request is None:
        return Said([seen.lacks_subject])
    who = seen.named(request.short_id)
    facts = [f"{who} {doing(request)}."]
    tokens = plural(request.num_prompt_tokens, "prompt token")
    sampled = plural(request.num_output_tokens, "token")
    facts.append(
        f"It has {tokens}{_hits(request)}, {sampled} sampled so far, "
        f"and {plural(request.num_blocks, 'block')}."
        if request.phase != "finished"
        else f"It had {tokens}{_hits(request)}, {sampled} sampled and "
        f"{plural(request.num_blocks, 'block')}."
    )
    facts += [f"{seen.named(r.short_id)} {doing(r)}." for r in seen.others_of_mine]
    deep = [
        f"KV is computed, or being computed in this step, for "
        f"{plural(request.num_computed_tokens, 'token')}; {from_cache(request)}; "
        f"preempted {plural(request.num_preemptions, 'time')}."
    ]
    return Said(facts, deep)


def request_time(seen: Sight) -> Said:
    """How long it has been there, and what its report measured."""
    request, report = seen.subject, seen.report
    facts = []
    if request is not None:
        facts += [age(seen, one) for one in (request, *seen.others_of_mine)]
        if report is None or report.short_id != request.short_id:
            facts.append(
                "The TTFT is measured when a request ends: of one under way the trace "
                "tells the wait alone."
            )
    of_report = report is not None and (
        request is None or report.short_id == request.short_id or seen.short_id is None
    )
    if report is not None and of_report:
        parts = [
            f"TTFT {seconds(report.ttft_s)}",
            f"in the queue {seconds(report.queue_s)}",
            f"in all {seconds(report.e2el_s)}",
        ]
        which = f" {name(report.short_id)}" if report.short_id is not None else ""
        facts.append(
            f"Your last finished request{which} was measured by the engine host: "
            f"{listed(parts)}."
        )
    return Said(facts or [seen.lacks_subject])


def request_blocks(seen: Sight) -> Said:
    """Its block table, and those of the learner's others where none is named."""
    request = seen.subject
    if request is None:
        return Said([seen.lacks_subject])
    said = [_blocks_of(seen, one) for one in (request, *seen.others_of_mine)]
    return Said([fact for one in said for fact in one.facts], said[0].deep)


def _blocks_of(seen: Sight, request: RequestFacts) -> Said:
    who, blocks = seen.named(request.short_id), plural(request.num_blocks, "block")
    if request.phase == "finished":
        return Said([f"{who} held {blocks} at its end, and has given them back."])
    share = percent(request.num_blocks, seen.num_usable)
    facts = [
        f"{who} holds {blocks}, {share} of the {count(seen.num_usable)} in the cache."
    ]
    if request.place is not None:
        facts.append("It waits, and whoever waits holds none.")
    shared = request.num_blocks_shared
    deep = [f"{capital(plural(shared, 'block'))} of these {is_are(shared)} shared."]
    return Said(facts, deep)


def my_requests(seen: Sight) -> Said:
    """Which short ids are the learner's."""
    state = seen.state
    mine = [r for r in state.requests if r.short_id in state.own]
    if not mine:
        ended = [r.short_id for r in state.ended if r.short_id in state.own]
        facts = ["No request in the engine is yours."]
        if ended:
            facts.append(f"Your last one was request {name(ended[-1])}; it has ended.")
        return Said(facts)
    return Said([f"{seen.named(r.short_id)} {doing(r)}." for r in mine])


def no_hit(seen: Sight) -> Said:
    """What the prefix cache gave, and as much of the reason as the trace has."""
    request = seen.subject
    if request is None:
        return Said([seen.lacks_subject])
    others = [r for r in seen.others_of_mine if r.num_cached_tokens is not None]
    said = [_hit_of(seen, one) for one in (request, *others)]
    return Said(
        said,
        ["The last token of a prompt is always computed, so its block cannot be hit."]
        if any(one.num_cached_tokens is not None for one in (request, *others))
        else [],
    )


def _hit_of(seen: Sight, request: RequestFacts) -> str:
    """Of its last admission, in the trace's own reasons where it has them."""
    lookup = seen.state.lookup(request.short_id)
    if lookup is None or request.num_cached_tokens is None:
        return _hit_of_counts(seen, request)
    difference = seen.state.difference(request.short_id)
    first, *rest = hit_words(lookup, seen.who, difference)
    return " ".join([f"{seen.named(request.short_id)}: {first}", *rest])


def _hit_of_counts(seen: Sight, request: RequestFacts) -> str:
    """Of a trace without notes, or before its admission."""
    who, prompt = seen.named(request.short_id), request.num_prompt_tokens
    size, cached = seen.state.block_size, request.num_cached_tokens
    if cached is None:
        return (
            f"{who} still waits: its {plural(prompt, 'prompt token')} are looked "
            "up in the prefix cache when it is admitted, so there is neither a hit "
            "nor a miss yet."
        )
    if not seen.state.tells_hits:
        return (
            f"{who} took {count(cached)} of its {plural(prompt, 'prompt token')} from "
            f"the prefix cache. {untold_words(seen.state.untold)}"
        )
    most = (prompt - 1) // size
    if cached == 0 and most == 0:
        why = (
            f"its prompt does not fill one block of {size} tokens before its last "
            "token, and only whole blocks can be hit"
        )
    elif cached == 0:
        why = (
            "no cached block had the hash of its first block, so its text begins "
            "otherwise than all that is kept, or what began alike was evicted; which "
            "of the two the trace does not say"
        )
    elif cached // size >= most:
        why = "that is every whole block that can be hit"
    else:
        why = (
            f"block {cached // size + 1} of its text was not in the cache, since it "
            "differs or was evicted; which of the two the trace does not say"
        )
    return (
        f"{who} took {count(cached)} of its {plural(prompt, 'prompt token')} "
        f"({percent(cached, prompt)}) from the prefix cache, "
        f"{plural(cached // size, 'block')} of the {count(most)} that could be "
        f"hit: {why}."
    )


def biggest_request(seen: Sight) -> Said:
    """Who holds the most blocks."""
    running = sorted(seen.state.running, key=lambda r: -r.num_blocks)
    if not running:
        return Said(["No request holds a block: none is running."])
    most = running[0].num_blocks
    same = [r.short_id for r in running if r.num_blocks == most]
    verb = "holds" if len(same) == 1 else "hold"
    share = percent(most, seen.num_usable)
    facts = [
        f"{capital(requests_named(same))} {verb} the most blocks: {count(most)}"
        f"{' each' if len(same) > 1 else ''}, {share} of the {count(seen.num_usable)}."
    ]
    mine = [r for r in running if r.short_id in seen.state.own]
    facts += [f"{seen.named(r.short_id)} holds {count(r.num_blocks)}." for r in mine]
    top = [f"{name(r.short_id)}: {count(r.num_blocks)}" for r in running[:8]]
    return Said(facts, [f"Blocks by request: {', '.join(top)}."])


def finished_last(seen: Sight) -> Said:
    """Who ended lately, and how."""
    state = seen.state
    if seen.short_id is not None:
        return request_state(seen)
    if not state.ended:
        return Said(["No request has ended since the trace is followed here."])
    last = state.ended[-1]
    step = count(last.ended_step or 0)
    facts = [
        f"{seen.named(last.short_id)} ended last, at step {step}, "
        f"{seconds(last.ended_ago_s)} before: it {ENDS.get(last.finish, 'ended')} "
        f"after {plural(last.num_output_tokens, 'token')}, and gave "
        f"{plural(last.num_blocks, 'block')} back.",
        f"In the last minute {plural(state.minute.num_finished, 'request')} ended.",
    ]
    return Said(facts)


def _hits(request: RequestFacts) -> str:
    cached = request.num_cached_tokens
    return "" if cached is None else f" ({count(cached)} from the prefix cache)"
