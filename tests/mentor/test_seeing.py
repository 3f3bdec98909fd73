"""What the lab says: each kind of question at the exact numbers of a recording."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from lab.live_state import Holding, LiveState, Minute
from lab.messages import PhaseTiming, RequestReport
from lab.reasons import Lookup, LostBlocks, Refusal
from lab.recordings.still import StillEngine
from mentor.knowing.finding import in_course
from mentor.seeing import lab_question, not_ready
from mentor.seeing.answers import ANSWERS, sentences
from mentor.seeing.catalog import catalog
from mentor.seeing.sight import Sight, names, ranges, seconds
from mentor.seeing.slots import read_slots
from tests.lab.fake_engine import READY
from tests.mentor.knowing_course import small_course

DATA = Path(__file__).parents[1] / "data" / "lab_answers.yaml"
ANSWERED = yaml.safe_load(DATA.read_text(encoding="utf-8"))
ENGINE = StillEngine()
STATUS = ENGINE.statuses()[0]


def sight(
    block_id: int | None = None, short_id: int | None = None, **changes: object
) -> Sight:
    """At step 1,900: eight run, three wait; 034 and 037 are the learner's."""
    state = replace(ENGINE.look(block_id=block_id), **changes)  # type: ignore[arg-type]
    return Sight(state, STATUS, None, block_id, short_id)


def said(kind: str, seen: Sight, level: str = "standard") -> str:
    kinds = catalog().kinds
    return " ".join(sentences(kinds[kind], seen, level))  # type: ignore[arg-type]


def test_every_kind_has_wordings_cues_and_an_answer() -> None:
    kinds = catalog().kinds
    assert set(kinds) == set(ANSWERS) and len(kinds) >= 15
    assert all(len(kind.asks) >= 5 and kind.cues for kind in kinds.values())
    asks = [ask for kind in kinds.values() for ask in kind.asks]
    assert len(set(asks)) == len(asks)


@pytest.mark.parametrize("row", ANSWERED["recorded"], ids=lambda row: row["kind"])
def test_an_answer_has_the_numbers_of_its_step(row: dict[str, Any]) -> None:
    seen = sight(row.get("block"), row.get("request"))
    assert said(row["kind"], seen) == row["answer"]


def test_a_block_of_a_kv_cache_group_is_told_in_its_own_size() -> None:
    """The engine's block size is 32."""
    block = ENGINE.look(block_id=23).block
    assert block is not None
    for size, told in (
        (8, "8 of 8 tokens: tokens 17 to 24 of your request 034"),
        (None, "Block 23 holds a state of your request 034, not the keys and values"),
    ):
        held = Holding(0x34, 2, 8, size)
        words = said("block_content", sight(23, block=replace(block, held_by=[held])))
        assert told in words


def idle() -> LiveState:
    """An engine that has done nothing yet."""
    return LiveState(
        engine_host_id="a", engine_run=1, step=0, at=100.0, block_size=16,
        num_blocks=11, num_free=10, num_cached=0, num_used=0, num_shared=0,
        num_evictions=0, num_preemptions=0, prefix_query_tokens=0, prefix_hit_tokens=0,
        minute=Minute(60.0),
    )  # fmt: skip


@pytest.mark.parametrize("row", ANSWERED["idle"], ids=lambda row: row["kind"])
def test_an_idle_engine_is_told_as_it_is(row: dict[str, Any]) -> None:
    assert said(row["kind"], Sight(idle(), READY)) == row["answer"]


def test_each_kind_is_tested_at_its_numbers() -> None:
    assert {row["kind"] for row in ANSWERED["recorded"]} == set(ANSWERS)


def test_of_a_request_that_ended_its_report_is_told() -> None:
    report = RequestReport(
        request_id="x", engine_host_id="a", finish_reason="stop", short_id=7,
        ttft_s=0.412, queue_s=0.05, e2el_s=3.25,
    )  # fmt: skip
    assert said("request_time", Sight(idle(), READY, report)) == (
        "Your last finished request 007 was measured by the engine host: TTFT 412 ms, "
        "in the queue 50 ms and in all 3.2 s."
    )


def test_settings_are_those_that_the_host_told() -> None:
    status = replace(READY, max_concurrent_requests=8, max_num_batched_tokens=512)
    assert said("limits", Sight(idle(), status)) == (
        "At most: 8 requests at once, 2,048 tokens of context, 256 tokens of an "
        "answer, 512 tokens in one step."
    )
    full = replace(sight(), status=replace(STATUS, max_concurrent_requests=8))
    assert "All 8 places of the batch are taken." in said("waiting_reason", full)


def test_plain_says_what_it_means_and_deep_says_more_numbers() -> None:
    standard = said("blocks_free", sight())
    plain, deep = (said("blocks_free", sight(), level) for level in ("plain", "deep"))
    assert plain == f"{standard} {catalog().kinds['blocks_free'].plain}"
    assert deep == f"{standard} They have room for 480 tokens."


def test_other_requests_are_named_by_their_short_ids_alone() -> None:
    assert said("block_owner", sight(17, own=[49])).startswith(
        "Block 17 belongs to your request 031"
    )
    assert "your" not in said("block_owner", sight(17, own=[]))


def test_an_engine_that_is_not_ready_is_not_seen() -> None:
    phases = [PhaseTiming("load weights", 1.0)]
    starting = replace(READY, state="starting", started_at=90.0, phases=phases)
    assert not_ready(starting, 100.0) == (
        "I see no running engine yet: the engine on host fake-host has been starting "
        "for 10.0 s, in the phase “load weights”, so there is nothing to measure."
    )
    failed = replace(READY, state="failed", reason="It is too small.")
    assert not_ready(failed) == (
        "I see no running engine: the engine on host fake-host did not start: It is "
        "too small."
    )


@pytest.mark.parametrize(
    ("question", "block_id", "short_id", "text"),
    [
        ("Whose is block 17?", 17, None, "Whose is this block?"),
        ("block #23: is it free", 23, None, "this block: is it free"),
        ("why does request a3f wait", None, 2623, "why does this request wait"),
        ("is request 037 done", None, 55, "is this request done"),
        ("what is the block size", None, None, "what is the block size"),
        ("a block of 16 tokens", None, None, "a block of 16 tokens"),
        ("blocks 16 tokens long", None, None, "blocks 16 tokens long"),
        ("does the request fade out", None, None, "does the request fade out"),
    ],
)  # fmt: skip
def test_blocks_are_read_as_decimals_and_requests_by_their_names(
    question: str, block_id: int | None, short_id: int | None, text: str
) -> None:
    slots = read_slots(question)
    assert (slots.block_id, slots.short_id, slots.text) == (block_id, short_id, text)


def test_lists_are_short_and_ranges_joined() -> None:
    assert names([1, 2, 3]) == "001, 002 and 003" and names([9]) == "009"
    assert names(list(range(10))).endswith("007 and 2 more")
    assert ranges([1, 2, 3, 7, 9, 10]) == "1–3, 7 and 9–10"
    assert [seconds(s) for s in (0.0421, 12.34, 150.0, 8_000.0, None)] == [
        "42 ms", "12.3 s", "2 min 30 s", "2.2 h", "an unknown time",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("question", "short_id"),
    [
        ("is 031 still running?", 0x31),
        ("which blocks does 02e use", 0x2E),
        ("what about a3f, what is it doing?", 0xA3F),
        ("is 70b faster on an a100 than 13b", None),
        ("does 1e6 tokens cost 0.14 or 010.5", None),
        ("who holds block 023", None),
    ],
)
def test_a_request_is_known_by_its_name_alone(
    question: str, short_id: int | None
) -> None:
    assert read_slots(question).short_id == short_id


def test_a_later_question_is_about_the_block_that_was_named_before() -> None:
    with in_course(small_course()):
        asked = lab_question("who is sharing it?", before=["whose is block 23?"])
    assert asked is not None and asked.slots.block_id == 23
    assert asked.kind.name in ("block_owner", "block_state")


def test_a_trace_with_notes_tells_the_reason_itself() -> None:
    """One source for the mentor and the viewer: lab.reasons."""
    lost = [LostBlocks(0, 3, 17, 1_700, 49)]
    lookup = Lookup(52, 1_800, 32, 1_184, 0, 96, lost=lost)
    state = sight(short_id=52).state
    told = replace(
        state, lookups=[lookup], differences=[], refusal=Refusal(53, 1_900, 41, 15)
    )
    seen = replace(sight(short_id=52), state=told)
    assert said("no_hit", seen) == (
        "Your request 034: It took 0 of its 1,184 tokens from the prefix cache: 0 of "
        "the 36 blocks that can be hit. The first it missed is logical block 0: block "
        "17 held it until step 1,700, when request 031 took that block. 96 tokens were "
        "computed though they had been cached, evicted 96 for request 031."
    )
    front = replace(sight(short_id=53), state=told)
    assert "It needs 41 blocks, and 15 are free: 26 missing. So many come free" in said(
        "waiting_reason", front
    )
