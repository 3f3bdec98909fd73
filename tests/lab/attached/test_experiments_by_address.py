"""Experiments on an engine that is asked by its address: measured, or unknown."""

import dataclasses
from collections.abc import Iterator
from typing import Any

import pytest

from lab.attached.asking import AddressedHost
from lab.engine.config import EngineConfig
from lab.experiments.bench import SHOWN_ONLY, UNSEEN, RunRefused, limits_of
from lab.experiments.catalog import EXPERIMENTS
from lab.experiments.experiment import BESIDE_OWN
from lab.experiments.outcome import Outcome
from lab.experiments.presentation import engine_in_words, unable
from lab.experiments.scheduling import PRIORITY_ELSEWHERE
from lab.experiments.structured import NO_GRAMMAR
from lab.messages import EngineStatus
from lab.traffic.demos import UNTOLD_LENGTH, DemoRefused
from tests.lab.attached.openai_server import Server, openai_server
from tests.lab.experiments.real_bench import Ear, run
from tests.lab.fake_engine import READY

SMALL: dict[str, dict[str, Any]] = {
    "prefix": {"at_once": 2},
    "throughput": {"most": 2, "output": 4},
    "scheduling": {"at_once": 2, "late": 2, "long": 200},
    "structured": {"at_once": 2, "output": 16},
}
BY_ADDRESS = dataclasses.replace(
    READY,
    by_address=True,
    block_size=None,
    num_blocks=None,
    versions={"vllm": "0.32.0"},
)
ATTACHED = dataclasses.replace(READY, reads_only=True)


@pytest.fixture
def server() -> Iterator[Server]:
    with openai_server() as made:
        yield made


@pytest.fixture
def ear() -> Ear:
    return Ear()


@pytest.fixture
def host(server: Server, ear: Ear) -> Iterator[AddressedHost]:
    config = dataclasses.replace(EngineConfig.from_env(), address=server.address)
    made = AddressedHost(config, ear)
    made.start()
    ear.wait_for(lambda: made.status.state == "ready")
    yield made
    made.stop()


def figures(outcome: Outcome, words: str) -> list[float | None]:
    return [one.value for one in outcome.figures if words in one.label]


@pytest.mark.parametrize("name", SMALL)
async def test_what_can_be_measured_is(
    host: AddressedHost, ear: Ear, server: Server, name: str
) -> None:
    server.pause_s = 0.002
    experiment = EXPERIMENTS[name]
    assert unable(experiment, host.status) == ""
    outcome, reports = await run(experiment, host, ear, **SMALL[name])
    assert len(reports) == len(server.asked) > 2
    assert any(one.value is not None for one in outcome.figures), outcome
    assert figures(outcome, "TTFT") or figures(outcome, "tokens/s")
    if name != "scheduling":
        assert outcome.answer is not None, outcome.says
    if name != "scheduling":  # says nothing of blocks
        assert "not seen" in outcome.says


async def test_what_a_server_does_not_tell_of_its_cache_is_unknown_and_not_none(
    host: AddressedHost, ear: Ear, server: Server
) -> None:
    server.tells_cached = False
    outcome, _ = await run(EXPERIMENTS["prefix"], host, ear, **SMALL["prefix"])
    assert outcome.answer is None
    assert "--enable-prompt-tokens-details" in outcome.says
    assert set(figures(outcome, "cache")) == {None}
    assert figures(outcome, "tokens not computed again") == [None]
    assert None not in figures(outcome, "TTFT of the first")
    assert [series.points for series in outcome.plots[0].series] == [[], []]


async def test_a_stop_there_frees_blocks_that_nobody_sees(
    host: AddressedHost, ear: Ear, server: Server
) -> None:
    server.pause_s = 0.002
    experiment = EXPERIMENTS["structured"]
    outcome, reports = await run(experiment, host, ear, **SMALL["structured"])
    assert reports[-1].finish_reason == "aborted"
    assert figures(outcome, "until its blocks were free") == [None]
    assert "What the stop freed is unknown" in outcome.says


async def test_a_priority_is_not_asked_for(host: AddressedHost, ear: Ear) -> None:
    with pytest.raises(RunRefused) as refused:
        await run(EXPERIMENTS["scheduling"], host, ear, first="long", long=200)
    assert str(refused.value) == PRIORITY_ELSEWHERE


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("contiguous", UNSEEN),
        ("full-house", UNSEEN),
        ("batching", BESIDE_OWN),
        ("cold-start", BESIDE_OWN),
    ],
)
def test_what_needs_blocks_or_this_machine_says_so(name: str, words: str) -> None:
    assert unable(EXPERIMENTS[name], BY_ADDRESS) == words
    assert unable(EXPERIMENTS[name], READY) == ""


def test_a_grammar_needs_vllm() -> None:
    other = dataclasses.replace(BY_ADDRESS, versions={})
    assert unable(EXPERIMENTS["structured"], other) == NO_GRAMMAR
    assert unable(EXPERIMENTS["structured"], BY_ADDRESS) == ""


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_an_engine_that_is_only_shown_is_asked_nothing(name: str) -> None:
    assert unable(EXPERIMENTS[name], ATTACHED) == SHOWN_ONLY
    with pytest.raises(DemoRefused, match="only shown"):
        limits_of(ATTACHED, 8)


def test_where_a_length_is_not_told_the_mentors_holds() -> None:
    untold = dataclasses.replace(BY_ADDRESS, max_model_len=None)
    assert limits_of(untold, 8).max_model_len == UNTOLD_LENGTH


def test_a_server_that_is_away_is_told_in_its_own_words() -> None:
    away: EngineStatus = dataclasses.replace(
        BY_ADDRESS, state="restarting", reason="gpu does not answer."
    )
    with pytest.raises(DemoRefused, match="gpu does not answer"):
        limits_of(away, 8)


def test_a_result_says_how_it_was_measured() -> None:
    words = engine_in_words({"model": "m", "by_address": True})
    assert "asked by its address" in words and "blocks unknown" in words
    assert engine_in_words({"model": "m"}) == "m"
