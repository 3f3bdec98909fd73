"""Sentences on a lookup, a bill and a wait. Pure; blocks and tokens count from 0.

``who`` names a request in the words of the place where it is read: "your request 02a".
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lab.reasons import groups
from lab.reasons.facts import Bill, Difference, Lookup, Refusal
from lab.reasons.lost import LostBlocks

Who = Callable[[int | None], str]
MOST_NAMED = 4


def hit_words(
    lookup: Lookup, who: Who, difference: Difference | None = None
) -> list[str]:
    """What the prefix cache gave, why no more, and what that cost."""
    reason = {
        "off": _off,
        "short": _short,
        "whole": _whole,
        "evicted": _evicted,
        "new": _new,
    }[lookup.reason]
    said = [_found(lookup), *reason(lookup, who)]
    if difference is not None and lookup.reason in ("new", "evicted"):
        said += _differs(lookup, difference, who)
    return said + bill_words(lookup, who)


def _found(lookup: Lookup) -> str:
    after = " when it came back after its preemption" if lookup.is_resumed else ""
    if lookup.groups:
        return groups.found_words(lookup, after)
    most = _plural(lookup.most_blocks, "block")
    return (
        f"It took {_count(lookup.num_hit_tokens)} of its "
        f"{_plural(lookup.num_tokens, 'token')} from the prefix cache{after}: "
        f"{_count(lookup.num_hit_blocks)} of the {most} that can be hit."
    )


def _off(lookup: Lookup, who: Who) -> list[str]:
    return ["The cache was not asked: it is off, or this request may not read it."]


def _short(lookup: Lookup, who: Who) -> list[str]:
    return [
        f"Only whole blocks can be hit, and it fills none of "
        f"{_count(lookup.block_size)} tokens before its last token, which is always "
        "computed."
    ]


def _whole(lookup: Lookup, who: Who) -> list[str]:
    if lookup.num_tokens % lookup.block_size == 0:
        return [
            "That is all there can be: the last token is always computed, and so is "
            "the block that ends with it."
        ]
    return ["That is all there can be: what remains fills no whole block."]


def _new(lookup: Lookup, who: Who) -> list[str]:
    block, size = lookup.num_hit_blocks, lookup.block_size
    since = (
        "since this engine started"
        if not lookup.since_step
        else f"since step {_count(lookup.since_step)}, from where on the trace is known"
    )
    if lookup.num_forgotten:
        since += ", as far as is remembered"
    if lookup.groups:
        return groups.new_words(lookup, since)
    return [
        f"The first it missed is logical block {_count(block)}, tokens "
        f"{_count(block * size)} to {_count((block + 1) * size - 1)}: nobody's prompt "
        f"or answer with this beginning was cached {since}."
    ]


def _evicted(lookup: Lookup, who: Who) -> list[str]:
    if lookup.groups:
        return groups.evicted_words(lookup, who)
    first = lookup.lost[0] if lookup.lost else LostBlocks(lookup.num_hit_blocks, 1)
    missed = f"The first it missed is logical block {_count(first.first)}: "
    if first.step is None or first.block_id is None:
        return [f"{missed}it was cached once; who took it was not seen."]
    return [
        f"{missed}block {_count(first.block_id)} held it until step "
        f"{_count(first.step)}, when {who(first.taken_by)} took that block."
    ]


def _differs(lookup: Lookup, difference: Difference, who: Who) -> list[str]:
    other = who(difference.other)
    if lookup.groups:
        return groups.differs_words(difference, other)
    if difference.is_salted:
        return [f"It begins like {other}, under another cache salt: they never share."]
    block, missed = difference.block(lookup.block_size), lookup.num_hit_blocks
    at = (
        f"token {_count(difference.token)}, in logical block {_count(block)} "
        "(both count from 0)"
    )
    if block == missed and lookup.reason == "new":
        return [f"It differs from {other} at {at}."]
    if block < missed:
        return [
            f"Of your own, {other} is most alike and differs at {at}: what was hit "
            "beyond that is another's."
        ]
    return [f"It differs from {other} only at {at}."]


def bill_words(lookup: Lookup, who: Who) -> list[str]:
    """What was computed again though it had been cached."""
    again = lookup.num_again_tokens
    if not again:
        return []
    if lookup.groups:
        return groups.bill_words(lookup, who, _time(lookup.ms))
    by: dict[int, int] = {}
    for one in lookup.lost:
        if one.taken_by is not None:
            by[one.taken_by] = by.get(one.taken_by, 0) + one.count * lookup.block_size
    rows = [f"{_count(number)} for {who(short_id)}" for short_id, number in by.items()]
    evicted = f", evicted {_listed(rows)}" if rows else ""
    return [
        f"{_plural(again, 'token')} {_was(again)} computed though they had been "
        f"cached{evicted}{_time(lookup.ms)}."
    ]


def _time(ms: float | None) -> str:
    return "" if ms is None else f": about {ms:,.0f} ms, their share of the steps"


def total_words(bill: Bill) -> str:
    """What evictions cost in all."""
    if not bill.num_again_tokens:
        return "No token was computed twice because of an eviction."
    least = "At least " if bill.num_forgotten else ""
    return (
        f"{least}{_plural(bill.num_again_tokens, 'token')} of "
        f"{_count(bill.num_tokens)} looked up {_was(bill.num_again_tokens)} computed "
        f"though they had been cached, in about {bill.ms:,.0f} ms: a pool that never "
        "evicts would have spared them."
    )


@dataclass(frozen=True)
class Queue:
    """What a waiting request meets, of one step."""

    num_before: int
    """Requests before it in the queue."""
    front: int
    """The first of the queue."""
    num_running: int
    max_running: int | None
    step_tokens: int
    """Tokens of the last step,"""
    budget: int | None
    """and the most a step has."""
    has_preempted: bool
    """Whether this step preempted somebody."""
    refusal: Refusal | None
    """Of the first of the queue."""
    num_passed: int | None = None
    """Those before it whose grammar is not compiled yet; None: that is not told."""
    is_compiling: bool = False
    """Whether its own is not."""
    own_blocks: Sequence[tuple[int, int]] = ()
    """Of who runs: short id, and blocks that nobody else holds."""


def wait_words(queue: Queue, who: Who) -> list[str]:
    """Which of the scheduler's conditions is not met, in the order in which vLLM asks
    them, and what must end first."""
    said = []
    if queue.num_before:
        said.append(_before(queue, who))
    if (closed := _closed(queue)) is not None:
        said.append(closed)
    if queue.is_compiling:
        return [*said, COMPILES]
    if closed is not None:
        return said
    return said + (_blocks_missing(queue, who) if queue.refusal else [_untold(queue)])


COMPILES = (
    "It waits for its grammar, which vLLM compiles beside its steps and has not found "
    "done yet (WAITING_FOR_STRUCTURED_OUTPUT_GRAMMAR): until then it is passed over, "
    "and those behind it go first."
)


def _before(queue: Queue, who: Who) -> str:
    number, num_passed = queue.num_before, queue.num_passed
    said = f"Before it {_is(number)} {_plural(number, 'request')}"
    if num_passed == number:
        whose = "its grammar is" if number == 1 else "their grammars are"
        return f"{said}, passed over: {whose} not compiled yet."
    said += f", and vLLM takes them in turn: first {who(queue.front)}."
    if num_passed is None:
        return f"{said} One whose grammar is not compiled yet is passed over."
    if num_passed:
        whose = "its grammar is" if num_passed == 1 else "their grammars are"
        said += f" {_count(num_passed)} {_is(num_passed)} passed over: {whose} not"
        said += " compiled yet."
    return said


def _untold(queue: Queue) -> str:
    """Nothing is told to be missing."""
    grammar = ", or wait for a grammar that is still being compiled"
    return (
        "The trace does not tell what is missing at this step: who waits may have come "
        f"after it was made up{grammar if queue.num_passed is None else ''}."
    )


def _closed(queue: Queue) -> str | None:
    """Why vLLM takes nobody in this step, whoever it is."""
    if queue.has_preempted:
        return "This step preempted a request, and in such a step nobody is admitted."
    if queue.budget and queue.step_tokens >= queue.budget:
        return (
            f"This step's token budget, {_count(queue.budget)} "
            "(max_num_batched_tokens), is used up: the next step has as much again."
        )
    if queue.max_running and queue.num_running >= queue.max_running:
        return (
            f"All {queue.max_running} places of the batch are taken (max_num_seqs): "
            "one that runs must end first."
        )
    return None


def _blocks_missing(queue: Queue, who: Who) -> list[str]:
    refusal = queue.refusal
    assert refusal is not None
    first = "It" if queue.num_before == (queue.num_passed or 0) else "The first"
    hits = (
        f", with {_plural(refusal.num_hit_tokens, 'token')} from the prefix cache"
        if refusal.num_hit_tokens
        else ""
    )
    free = refusal.num_free
    said = (
        f"{first} needs {_plural(refusal.num_needed, 'block')}{hits}, and "
        f"{_count(free)} {_is(free)} free: "
        f"{_count(refusal.num_missing)} missing."
    )
    return [said, *_who_must_end(queue.own_blocks, refusal.num_missing, who)]


def _who_must_end(
    own_blocks: Sequence[tuple[int, int]], missing: int, who: Who
) -> list[str]:
    enough = [row for row in own_blocks if row[1] >= missing]
    if len(enough) == 1:
        short_id, number = enough[0]
        held = _plural(number, "block")
        return [
            f"So many come free when {who(short_id)} ends, which alone holds {held}."
        ]
    if enough:
        rows = [f"{who(one)} ({_count(number)})" for one, number in enough[:MOST_NAMED]]
        either = _listed(rows, len(enough) - len(rows), "or")
        return [f"So many come free when one of these ends: {either}."]
    most = sorted((number for _, number in own_blocks), reverse=True)
    needed, so_far = 0, 0
    for number in most:
        needed, so_far = needed + 1, so_far + number
        if so_far >= missing:
            return [f"At least {needed} that run must end for that."]
    return []


def _listed(words: list[str], num_more: int = 0, last: str = "and") -> str:
    if num_more:
        words = [*words, f"{num_more} more"]
    return f" {last} ".join(filter(None, (", ".join(words[:-1]), words[-1])))


def _count(number: int) -> str:
    return f"{number:,}"


def _plural(number: int, word: str) -> str:
    return f"{_count(number)} {word}{'' if number == 1 else 's'}"


def _is(number: int) -> str:
    return "is" if number == 1 else "are"


def _was(number: int) -> str:
    return "was" if number == 1 else "were"
