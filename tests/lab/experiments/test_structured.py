"""Structured output and stop: answers match their grammar, a stop frees its blocks."""

import json

import pytest

from lab.engine.generation import GenerationRequest
from lab.engine.host import EngineHost
from lab.experiments.structured import SCHEMA, STRUCTURED, matches
from tests.lab.experiments.real_bench import Ear, run


def test_what_matches_is_told_from_what_does_not():
    rows = [{"block": n, "state": "free"} for n in range(SCHEMA["minItems"])]
    assert matches("json", json.dumps(rows))
    assert not matches("json", json.dumps(rows[1:]))
    assert not matches("json", json.dumps([*rows[1:], {"block": "7", "state": "free"}]))
    assert not matches("json", "[")
    assert matches("regex", "block 7 is free; " * 8)
    assert not matches("regex", "block 7 is free; " * 7)


@pytest.mark.parametrize(
    "structured",
    ["x", {}, {"regex": 1}, {"lark": "x"}, {"regex": "a", "json": {}},
     {"regex": "a" * 5_000}],
)  # fmt: skip
def test_an_engine_host_takes_one_bounded_grammar_and_nothing_else(structured):
    payload = {
        "request_id": "a",
        "messages": [{"role": "user", "content": "x"}],
        "max_tokens": 1,
        "structured": structured,
    }
    with pytest.raises(ValueError, match="structured has one of json, regex, choice"):
        GenerationRequest.from_payload(payload)


@pytest.mark.engine
@pytest.mark.parametrize("grammar", ["json", "regex"])
async def test_every_answer_that_ends_matches_and_a_stop_frees_its_blocks(
    host: EngineHost, ear: Ear, grammar: str
) -> None:
    found, reports = await run(STRUCTURED, host, ear, grammar=grammar, at_once=2)
    free, bound, stopped = reports[:2], reports[2:6], reports[-1]
    ended = [report for report in bound if report.finish_reason == "stop"]
    assert all(matches(grammar, report.text) for report in ended)
    assert grammar == "json" or len(ended) == 4, "this expression comes to its end"
    assert not any(matches(grammar, report.text) for report in free)
    assert found.answer is not None and found.answer >= 0
    assert stopped.finish_reason == "aborted" and stopped.num_blocks > 0
    assert stopped.stop_s is not None and stopped.stop_s >= 0
    header = ear.wait_for(lambda: ear.mirror).header
    assert (header.num_running, header.num_waiting) == (0, 0)
    assert header.num_free_blocks == host.status.num_blocks - 1, "nothing is kept"
