"""What is said of a lookup, a bill and a wait."""

from dataclasses import replace

import pytest

from lab.reasons import (
    Bill,
    Difference,
    Lookup,
    LostBlocks,
    Queue,
    Refusal,
    hit_words,
    total_words,
    wait_words,
)

MISSED = Lookup(
    short_id=5, step=90, block_size=16, num_tokens=100, num_hit_tokens=32,
    num_known_tokens=32,
)  # fmt: skip


def who(short_id: int | None) -> str:
    return "somebody" if short_id is None else f"request {short_id:03x}"


def said(lookup: Lookup, difference: Difference | None = None) -> str:
    first, *rest = hit_words(lookup, who, difference)
    assert first.startswith("It took ")
    return " ".join(rest)


def test_what_was_never_cached_is_named_with_its_tokens() -> None:
    assert hit_words(MISSED, who)[0] == (
        "It took 32 of its 100 tokens from the prefix cache: 2 of the 6 blocks that "
        "can be hit."
    )
    assert said(MISSED) == (
        "The first it missed is logical block 2, tokens 32 to 47: nobody's prompt or "
        "answer with this beginning was cached since this engine started."
    )
    later = replace(MISSED, since_step=40, num_forgotten=3)
    assert "since step 40, from where on the trace is known, as far as is" in said(
        later
    )


@pytest.mark.parametrize(
    ("token", "sentence"),
    [
        (
            37,
            "It differs from request 004 at token 37, in logical block 2 (both count "
            "from 0).",
        ),
        (
            20,
            "Of your own, request 004 is most alike and differs at token 20, in "
            "logical block 1 (both count from 0): what was hit beyond that is "
            "another's.",
        ),
        (
            60,
            "It differs from request 004 only at token 60, in logical block 3 (both "
            "count from 0).",
        ),
    ],
)
def test_the_first_token_that_differs_is_named(token: int, sentence: str) -> None:
    assert said(MISSED, Difference(5, 4, token)).endswith(sentence)


def test_another_salt_is_the_reason() -> None:
    salted = Difference(5, 4, 100, is_salted=True)
    nothing = replace(MISSED, num_hit_tokens=0, num_known_tokens=0)
    assert said(nothing, salted).endswith(
        "It begins like request 004, under another cache salt: they never share."
    )


def test_an_eviction_is_told_with_who_took_it_and_its_bill() -> None:
    lost = [LostBlocks(2, 2, 17, 80, 4), LostBlocks(4, 1, 30, 82, 9)]
    evicted = replace(MISSED, num_known_tokens=80, lost=lost, ms=12.4)
    assert said(evicted) == (
        "The first it missed is logical block 2: block 17 held it until step 80, when "
        "request 004 took that block. 48 tokens were computed though they had been "
        "cached, evicted 32 for request 004 and 16 for request 009: about 12 ms, their "
        "share of the steps."
    )
    unseen = replace(evicted, lost=[LostBlocks(2, 3)], ms=None)
    assert "it was cached once; who took it was not seen." in said(unseen)


@pytest.mark.parametrize(
    ("lookup", "sentence"),
    [
        (replace(MISSED, num_tokens=33), "what remains fills no whole block"),
        (replace(MISSED, num_tokens=48), "and so is the block that ends with it"),
        (
            replace(MISSED, num_tokens=16, num_hit_tokens=0, num_known_tokens=0),
            "it fills none of 16 tokens before its last token",
        ),
        (replace(MISSED, is_looked_up=False), "The cache was not asked"),
    ],
)
def test_what_cannot_be_hit_is_no_miss(lookup: Lookup, sentence: str) -> None:
    assert sentence in said(lookup)


def test_the_bill_of_all() -> None:
    assert "No token was computed twice" in total_words(Bill())
    bill = Bill(num_tokens=1000, num_hit_tokens=200, num_known_tokens=500, ms=1234.5)
    assert total_words(bill) == (
        "300 tokens of 1,000 looked up were computed though they had been cached, in "
        "about 1,234 ms: a pool that never evicts would have spared them."
    )
    assert total_words(replace(bill, num_forgotten=1)).startswith("At least 300")


QUEUE = Queue(
    num_before=0, front=5, num_running=3, max_running=8, step_tokens=3, budget=256,
    has_preempted=False, refusal=Refusal(5, 90, 11, 8),
    own_blocks=[(1, 2), (2, 7), (3, 1)],
)  # fmt: skip


@pytest.mark.parametrize(
    ("queue", "sentences"),
    [
        (
            QUEUE,
            [
                "It needs 11 blocks, and 8 are free: 3 missing.",
                "So many come free when request 002 ends, which alone holds 7 blocks.",
            ],
        ),
        (
            replace(QUEUE, own_blocks=[(1, 4), (2, 7)], num_before=2, front=6),
            [
                "Before it are 2 requests, and vLLM takes them in turn: first request "
                "006. One whose grammar is not compiled yet is passed over.",
                "The first needs 11 blocks, and 8 are free: 3 missing.",
                "So many come free when one of these ends: request 001 (4) or request "
                "002 (7).",
            ],
        ),
        (
            replace(QUEUE, own_blocks=[(1, 2), (2, 1)]),
            [
                "It needs 11 blocks, and 8 are free: 3 missing.",
                "At least 2 that run must end for that.",
            ],
        ),
        (
            replace(QUEUE, num_running=8),
            [
                "All 8 places of the batch are taken (max_num_seqs): one that runs "
                "must end first."
            ],
        ),
        (
            replace(QUEUE, step_tokens=256, num_running=8),
            [
                "This step's token budget, 256 (max_num_batched_tokens), is used up: "
                "the next step has as much again."
            ],
        ),
        (
            replace(QUEUE, has_preempted=True),
            ["This step preempted a request, and in such a step nobody is admitted."],
        ),
        (
            replace(QUEUE, refusal=None),
            [
                "The trace does not tell what is missing at this step: who waits may "
                "have come after it was made up, or wait for a grammar that is still "
                "being compiled."
            ],
        ),
        (
            replace(QUEUE, refusal=None, num_passed=0),
            [
                "The trace does not tell what is missing at this step: who waits may "
                "have come after it was made up."
            ],
        ),
        (
            replace(QUEUE, num_before=3, front=6, num_passed=2, own_blocks=[]),
            [
                "Before it are 3 requests, and vLLM takes them in turn: first request "
                "006. 2 are passed over: their grammars are not compiled yet.",
                "The first needs 11 blocks, and 8 are free: 3 missing.",
            ],
        ),
        (
            replace(QUEUE, num_before=1, num_passed=1, own_blocks=[]),
            [
                "Before it is 1 request, passed over: its grammar is not compiled yet.",
                "It needs 11 blocks, and 8 are free: 3 missing.",
            ],
        ),
        (
            replace(QUEUE, is_compiling=True, num_passed=0, num_running=8),
            [
                "All 8 places of the batch are taken (max_num_seqs): one that runs "
                "must end first.",
                "It waits for its grammar, which vLLM compiles beside its steps and "
                "has not found done yet (WAITING_FOR_STRUCTURED_OUTPUT_GRAMMAR): until "
                "then it is passed over, and those behind it go first.",
            ],
        ),
    ],
)
def test_why_it_waits(queue: Queue, sentences: list[str]) -> None:
    assert wait_words(queue, who) == sentences
