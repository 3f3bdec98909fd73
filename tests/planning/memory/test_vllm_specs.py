"""Blocks, tokens and concurrency of a pool: ours and vLLM's own, block for block.

vLLM's side is its layers' KVCacheSpecs, its groups and its arithmetic, without a model
or a GPU: of the vLLM that is installed, and of the other supported ones
(tests/everything.py).
"""

from pathlib import Path
from typing import Any

import pytest

from planning.errors import BadSetting
from planning.interval import Interval
from planning.memory.architecture import model_from_config
from planning.memory.drafter import Drafter
from planning.memory.engine_settings import EngineSettings
from planning.memory.kv_cache import kv_layout
from planning.memory.kv_format import KV_FORMATS, check_kv_format
from planning.memory.versions import version_of
from tests.planning.memory.like_public import MODELS

pytestmark = [pytest.mark.engine, pytest.mark.scheduler]

CONTEXTS = (1_024, 8_191, 32_768, 131_072)
STEP_BUDGETS = (2_048, 8_192)
POOL_BYTES = 40 * 2**30 + 12_345


@pytest.mark.parametrize("tp", [1, 2])
@pytest.mark.parametrize("name", MODELS)
def test_a_pool_holds_what_vllm_says(name: str, tp: int, tmp_path: Path) -> None:
    from vllm import __version__

    from tests.planning.memory import vllm_specs

    for context in CONTEXTS:
        for budget in STEP_BUDGETS:
            theirs = vllm_specs.capacity(
                MODELS[name],
                tmp_path,
                tp=tp,
                max_model_len=context,
                step_budget=budget,
                pool_bytes=POOL_BYTES,
            )
            ours = _capacity(MODELS[name], tp, context, budget, __version__)
            told = (theirs.num_blocks, theirs.num_tokens, theirs.max_concurrency)
            assert ours == told, (context, budget)


@pytest.mark.parametrize("name", KV_FORMATS)
@pytest.mark.parametrize("model", ["dense, 8 KV heads", "MQA", "MLA", "gpt-oss"])
def test_a_pool_of_each_format_holds_what_vllm_says(
    model: str, name: str, tmp_path: Path
) -> None:
    from vllm import __version__

    from tests.planning.memory import vllm_specs

    if version_of(__version__) < (0, 27):
        pytest.skip("formats are packed by backends, as here, since 0.27")
    try:
        ours = _capacity(MODELS[model], 1, 32_768, 8_192, __version__, name)
    except BadSetting:
        return
    theirs = vllm_specs.capacity(
        MODELS[model],
        tmp_path,
        tp=1,
        max_model_len=32_768,
        step_budget=8_192,
        pool_bytes=POOL_BYTES,
        kv_cache_dtype="auto" if name == "bfloat16" else name,
    )
    assert ours == (theirs.num_blocks, theirs.num_tokens, theirs.max_concurrency)


@pytest.mark.parametrize(
    "arch", ["ampere", "ada", "hopper", "blackwell", "blackwell-rtx"]
)
@pytest.mark.parametrize("keys", [64, 128])
@pytest.mark.parametrize("model", ["Qwen3-Next", "Qwen3.5, dense"])
def test_a_gated_delta_net_takes_what_vllm_says_on_each_card(
    model: str, keys: int, arch: str, tmp_path: Path
) -> None:
    from vllm import __version__

    from tests.planning.memory import vllm_specs

    config = {**MODELS[model], "linear_key_head_dim": keys}
    theirs = vllm_specs.capacity(
        config,
        tmp_path,
        tp=1,
        max_model_len=32_768,
        step_budget=8_192,
        pool_bytes=POOL_BYTES,
        arch=arch,
    )
    ours = _capacity(config, 1, 32_768, 8_192, __version__, arch=arch)
    assert ours == (theirs.num_blocks, theirs.num_tokens, theirs.max_concurrency)


HEAD = {
    **{"model_type": "llama", "num_hidden_layers": 1, "hidden_size": 2_048},
    **{"num_attention_heads": 16, "num_key_value_heads": 8, "head_dim": 128},
    **{"intermediate_size": 256, "vocab_size": 1_024},
}


@pytest.mark.parametrize("tp", [1, 2])
@pytest.mark.parametrize(
    "model",
    [
        *("dense, 8 KV heads", "gpt-oss", "Gemma 3, 62 layers", "Qwen3-Next"),
        *("Qwen3.5, dense", "Nemotron 3, experts", "Granite 4, small", "LFM2"),
    ],
)
def test_a_pool_with_a_drafters_layer_holds_what_vllm_says(
    model: str, tp: int, tmp_path: Path
) -> None:
    from vllm import __version__

    from tests.planning.memory import vllm_specs

    if version_of(__version__) < (0, 27):
        pytest.skip("0.26 asks the backend whether a drafter's page may be padded")
    theirs = vllm_specs.capacity(
        MODELS[model],
        tmp_path,
        tp=tp,
        max_model_len=32_768,
        step_budget=8_192,
        pool_bytes=POOL_BYTES,
        num_drafted=3,
        draft_heads=(8, 128),
    )
    drafter = Drafter("eagle3", 3, model_from_config(HEAD))
    ours = _capacity(MODELS[model], tp, 32_768, 8_192, __version__, drafter=drafter)
    assert ours == (theirs.num_blocks, theirs.num_tokens, theirs.max_concurrency)


def _capacity(
    config: dict[str, Any],
    tp: int,
    context: int,
    budget: int,
    version: str,
    kv_cache_dtype: str = "auto",
    drafter: Drafter | None = None,
    arch: str = "hopper",
) -> tuple[int, int, float]:
    settings = EngineSettings(
        model_from_config(config),
        Interval.exact(80),
        tp=tp,
        max_model_len=context,
        max_num_batched_tokens=budget,
        vllm_version=version,
        kv_cache_dtype=kv_cache_dtype,
        drafter=drafter,
        arch=arch,
    )
    check_kv_format(settings)
    layout = kv_layout(settings)
    blocks = layout.num_blocks(POOL_BYTES)
    return blocks, layout.num_tokens(blocks), layout.concurrency(blocks)
