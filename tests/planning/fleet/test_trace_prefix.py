"""What a prefix cache could have of a trace's prompts."""

import json
from typing import Any

import pytest

from planning.errors import BadSetting
from planning.fleet.request_file import read_request_file


def mooncake(*rows: dict[str, Any]) -> bytes:
    lines = [
        json.dumps({"timestamp": 1000 * k, "output_length": 5, **row})
        for k, row in enumerate(rows)
    ]
    return "\n".join(lines).encode()


def reading(content: bytes):
    found = read_request_file(content).reading
    assert found is not None
    return found


def test_blocks_that_came_before_after_the_same_ones_are_hits() -> None:
    told = reading(
        mooncake(
            {"input_length": 1500, "hash_ids": [1, 2, 3]},
            {"input_length": 1100, "hash_ids": [1, 2, 9]},
            {"input_length": 1024, "hash_ids": [7, 2]},
        )
    )
    assert told.hit_pct == round(100 * 1024 / 3624, 1)
    assert "at most: blocks of 512 tokens" in told.hit_from
    assert "prefix cache 28.3 %" in told.sentence and told.ignored == ()


def test_a_prompt_that_is_all_known_computes_its_last_token() -> None:
    row = {"input_length": 1024, "hash_ids": [1, 2]}
    assert reading(mooncake(row, row)).hit_pct == round(100 * 1023 / 2048, 1)


def test_the_order_is_that_of_the_times() -> None:
    early = {"input_length": 1024, "hash_ids": [1, 2], "timestamp": 0}
    late = {"input_length": 512, "hash_ids": [1], "timestamp": 9000}
    assert (
        reading(mooncake(late, early)).hit_pct == reading(mooncake(early, late)).hit_pct
    )


@pytest.mark.parametrize(
    "rows",
    [
        [
            {"input_length": 1500, "hash_ids": [1]},
            {"input_length": 90, "hash_ids": [1]},
        ],
        [{"input_length": 1500, "hash_ids": []}, {"input_length": 90, "hash_ids": []}],
        [{"input_length": 1500}, {"input_length": 90}],
    ],
)
def test_blocks_that_explain_no_size_say_nothing(rows) -> None:
    assert reading(mooncake(*rows)).hit_pct is None


def test_a_column_of_cached_tokens_is_believed() -> None:
    content = b"time,input,cached_tokens,output\n0,100,80,5\n9,300,0,5\n"
    told = reading(content)
    assert (told.hit_pct, told.hit_from) == (20.0, "by its column")
    more_than_all = content.replace(b"100,80", b"100,900")
    assert reading(more_than_all).hit_pct == 25.0


def test_blocks_that_are_no_ids_are_refused() -> None:
    rows = [{"input_length": 600, "hash_ids": [1, [2]]}] * 2
    with pytest.raises(BadSetting, match="line 1: its blocks are"):
        read_request_file(mooncake(*rows))
