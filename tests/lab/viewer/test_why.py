"""What the browser is told of why a request came out so."""

import json
from dataclasses import replace

from lab.live_state import LiveState, Minute, RequestFacts, Told
from lab.reasons import Difference, GroupLookup, Lookup, LostBlocks, Refusal
from lab.viewer.why import why_message
from tests.lab.fake_engine import READY

MINE = RequestFacts(5, "answering", 100, 100, 3, 32, 7)
MISSED = Lookup(
    short_id=5, step=90, block_size=16, num_tokens=100, num_hit_tokens=32,
    num_known_tokens=64, lost=[LostBlocks(2, 2, 17, 80, 4)],
)  # fmt: skip
STATE = LiveState(
    engine_host_id="a", engine_run=1, step=91, at=100.0, block_size=16,
    num_blocks=41, num_free=10, num_cached=0, num_used=7, num_shared=0,
    num_evictions=0, num_preemptions=0, prefix_query_tokens=0, prefix_hit_tokens=0,
    minute=Minute(60.0), own=[5], requests=[MINE], lookups=[MISSED],
    differences=[Difference(5, 3, 70)],
)  # fmt: skip


def test_a_miss_is_told_in_sentences_and_block_by_block() -> None:
    apart = {"common": "a", "mine": "b", "other": "c"}
    message = why_message(Told(STATE, {"16": ["text"]}, apart), READY, 5)
    assert message["title"] == "Why: your request 005"
    assert message["is_yours"] is True
    assert "when request 004 took that block." in message["sentences"][1]
    assert message["rows"] == [
        ["0 to 1", "0 to 31", "taken from the prefix cache"],
        [
            "2 to 3",
            "32 to 63",
            "block 17 held the first until step 80, when request 004 took it",
        ],
        ["4 to 5", "64 to 95", "never cached before"],
        ["6", "96 to 99", "always computed: the last token"],
    ]
    assert (message["texts"], message["apart"]) == ({"16": ["text"]}, apart)


def test_every_token_stands_in_one_row_of_the_table() -> None:
    for num_tokens in (1, 16, 17, 47, 48, 49, 100):
        lookup = replace(
            MISSED, num_tokens=num_tokens, num_hit_tokens=0, num_known_tokens=0, lost=[]
        )
        state = replace(STATE, lookups=[lookup])
        rows = why_message(Told(state), READY, 5)["rows"]
        spans = [tuple(map(int, row[1].split(" to "))) for row in rows]
        covered = [token for start, end in spans for token in range(start, end + 1)]
        assert covered == list(range(num_tokens))


def test_what_is_not_known_of_groups_is_not_told_and_why() -> None:
    for untold, why in (("UNTOLD", "from before"), ("DRAFTS", "speculative decoding")):
        state = replace(STATE, lookups=[], tells_hits=False, untold=untold)
        message = why_message(Told(state), READY, 5)
        assert "in KV-cache groups" in message["sentences"][0]
        assert why in message["sentences"][0]
        assert message["bill"] == ""


def test_with_several_groups_the_table_has_the_blocks_of_each() -> None:
    full = GroupLookup("full attention", 16, 0, 4, num_had=12, missing=12)
    window = GroupLookup(
        "sliding window of 64 tokens", 16, 0, 4, lost=[LostBlocks(11, 1, 17, 80, 4)]
    )
    lookup = Lookup(
        short_id=5, step=90, block_size=16, num_tokens=200, num_hit_tokens=64,
        num_known_tokens=192, groups=[full, window],
    )  # fmt: skip
    state = replace(STATE, lookups=[lookup])
    message = why_message(Told(state), READY, 5)
    assert message["rows"] == [
        ["full attention: 0 to 3", "0 to 63", "taken from the prefix cache"],
        [
            "full attention: 4 to 11",
            "64 to 191",
            "in the cache; the hit ends before, as another group lacks its blocks",
        ],
        ["full attention: 12", "192 to 207", "never cached before"],
        [
            "sliding window of 64 tokens: 0 to 3",
            "0 to 63",
            "taken from the prefix cache",
        ],
        [
            "sliding window of 64 tokens: 11",
            "176 to 191",
            "block 17 held the first until step 80, when request 004 took it",
        ],
        ["all", "64 to 199", "computed"],
    ]
    assert message["sentences"][:3] == [
        "It took 64 of its 200 tokens from the prefix cache: what the layers of all 2 "
        "KV-cache groups have, in steps of 16; 192 can be hit.",
        "For 192 tokens the layers with sliding window of 64 tokens lacked logical "
        "block 11, tokens 176 to 191: block 17 held it until step 80, when request "
        "004 took that block.",
        "The layers with full attention had 12 blocks, up to token 191.",
    ]
    assert LiveState.from_json(json.loads(json.dumps(state.to_json()))) == state


def test_whoever_waits_is_told_what_is_missing() -> None:
    waits = RequestFacts(6, "waiting", 160, 0, 0, None, 0, place=1)
    state = replace(STATE, requests=[MINE, waits], refusal=Refusal(6, 91, 11, 10))
    message = why_message(Told(state), READY, 6)
    assert message["title"] == "Why: request 006"
    assert message["sentences"] == [
        "It waits at place 1 of 1.",
        "It needs 11 blocks, and 10 are free: 1 missing.",
        "So many come free when your request 005 ends, which alone holds 7 blocks.",
        "Its prompt is looked up in the prefix cache when it is admitted.",
    ]


def test_an_unknown_request_is_said_to_be_unknown() -> None:
    message = why_message(Told(STATE), READY, 99)
    assert message["sentences"] == [
        "The engine has no such request, and none that ended lately."
    ]
    assert (message["rows"], message["texts"]) == ([], {})


def test_what_is_told_goes_through_json_unchanged() -> None:
    told = Told(replace(STATE, refusal=Refusal(6, 91, 11, 10)), ["x"], None)
    data = {"state": told.state.to_json(), "blocks": ["x"], "apart": None}
    assert Told.from_json(data) == told
