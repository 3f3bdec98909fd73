"""Prefix sharing on the real engine: hits are whole blocks before the difference."""

import pytest

from lab.engine.host import EngineHost
from lab.experiments.outcome import Outcome
from lab.experiments.prefix import PREFIX, whole_blocks
from tests.lab.experiments.real_bench import Ear, run


@pytest.mark.parametrize(
    ("common", "length", "tokens"),
    [(0, 100, 0), (31, 100, 0), (32, 100, 32), (95, 200, 64), (64, 64, 32)],
)
def test_only_whole_blocks_are_shared_and_never_the_last_token(common, length, tokens):
    assert whole_blocks(common, length, 32) == tokens


def _figure(outcome: Outcome, label: str) -> float:
    return next(f.value for f in outcome.figures if label in f.label)


@pytest.mark.engine
@pytest.mark.parametrize("variant", ["same", "changed", "system"])
async def test_what_each_takes_over_is_what_its_tokens_allow(
    host: EngineHost, ear: Ear, variant: str
) -> None:
    outcome, reports = await run(PREFIX, host, ear, variant=variant, at_once=4)
    cold, warm, *many = reports
    assert len(many) == 4
    assert cold.num_cached_tokens == 0, "nobody asked it before"
    size = host.status.block_size
    assert warm.num_cached_tokens == whole_blocks(10**6, warm.num_prompt_tokens, size)
    expected = _figure(outcome, "whole blocks")
    assert {report.num_cached_tokens for report in many} == {expected}
    common = _figure(outcome, "tokens in common")
    assert common - size < expected <= common
    assert (expected == 0) is (variant == "system")
    assert 250 < cold.num_prompt_tokens < 450, "about as long as was asked for"


@pytest.mark.engine
async def test_a_change_further_on_leaves_more_to_share(
    host: EngineHost, ear: Ear
) -> None:
    found = []
    for place in (10, 90):
        outcome, _ = await run(
            PREFIX, host, ear, variant="changed", place=place, at_once=1
        )
        found.append(_figure(outcome, "whole blocks"))
        assert outcome.answer == pytest.approx(
            _figure(outcome, "of each prompt at once")
        )
    assert found[0] < found[1]
