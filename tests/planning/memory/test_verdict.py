"""The verdict against everything beside it, over many plans: it never contradicts."""

import random
from collections.abc import Iterator

import pytest

from planning.catalog.gpus import Gpu, load_gpus
from planning.errors import BadSetting
from planning.memory.drafter import Drafter
from planning.memory.lora import LoraSlots
from planning.memory.model_catalog import load_models
from planning.memory.ranking import Need, settings_for
from planning.memory.sizing import MemoryEstimate, estimate_memory
from planning.memory.verdict import reasons, shortfall, verdict

NUM_PLANS = 1_500
CONTEXTS = (1, 512, 4_096, 8_192, 32_768, 131_072, 1_000_000)
VERSIONS = ("0.33", "0.32", "0.26", "0.19", "0.16", "0.7.3")


def plans(seed: int) -> Iterator[MemoryEstimate]:
    """Of random models, cards, contexts and engines, those that can be."""
    pick = random.Random(seed)
    for _ in range(NUM_PLANS // 3):
        need, gpu = _need(pick), pick.choice(load_gpus())
        try:
            yield estimate_memory(_settings(pick, need, gpu))
        except BadSetting:
            continue


def _settings(pick: random.Random, need: Need, gpu: Gpu):
    return settings_for(need, gpu, tp=pick.choice((1, 2, 4, 8)), pp=pick.choice((1, 2)))


def _need(pick: random.Random) -> Need:
    return Need(
        model=pick.choice(load_models()),
        kv_cache_dtype=pick.choice(("auto", "fp8", "int4_per_token_head")),
        context=pick.choice(CONTEXTS),
        num_users=pick.choice((1, 2, 7, 40, 3_000)),
        gpu_memory_utilization=pick.choice((0.3, 0.7, 0.92, 1.0)),
        vllm_version=pick.choice(VERSIONS),
        max_num_seqs=pick.choice((None, 1, 64)),
        enforce_eager=pick.random() < 0.3,
        dp=pick.choice((1, 1, 1, 2, 4)),
        drafter=pick.choice((None, None, Drafter("ngram", 3), Drafter("eagle3", 2))),
        loras=pick.choice((None, None, LoraSlots(4, 64))),
        is_cold=pick.choice((None, True, False)),
    )


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_figures_and_sentences_of_random_plans_agree(seed: int) -> None:
    found = list(plans(seed))
    assert len(found) > NUM_PLANS / 6
    for one in found:
        _check_figures(one)
        _check_words(one)


def _check_figures(one: MemoryEstimate) -> None:
    for part in (one.weights, one.pool, one.num_blocks, one.num_tokens, one.users):
        assert 0 <= part.low <= part.value <= part.high
    assert one.fits_perhaps or not one.fits
    assert one.fits or not one.fits_surely
    assert not (one.missing.value and one.pool.value)
    assert one.missing.low == 0 or one.users.high == 0
    engines = one.settings.dp
    assert one.users.value * one.blocks_per_user <= one.num_blocks.value * engines
    assert one.kv_bytes_asked <= one.pool.value or not one.fits


def _check_words(one: MemoryEstimate) -> None:
    said, beside = verdict(one), " ".join(reasons(one))
    starts_not = said.startswith("It does not start")
    fits_none = said.startswith("Not even one")
    assert not (starts_not or fits_none) or one.users.high == 0, said
    if one.fits:
        assert "refuses" not in beside and "are missing" not in beside, (said, beside)
        assert shortfall(one) == ""
        assert " fit" in said and not fits_none and not starts_not
    else:
        assert shortfall(one)
        assert not said.startswith(f"{one.settings.num_users:,} users fit.")
    if "vLLM refuses" in beside:
        assert one.users.high == 0, (said, beside)
    if "are missing" in beside:
        assert one.users.value == 0
