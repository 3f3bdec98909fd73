"""Whether the KV cache holds one request, before the engine starts."""

import dataclasses
from types import SimpleNamespace
from typing import Any

import pytest

from lab.engine.config import EngineConfig
from lab.engine.launch import check_fits
from lab.errors import SettingError


def vllm_config(*, window: int | None = None, is_hybrid: bool = False) -> Any:
    """4 layers, 2 KV heads of 16 numbers of 2 bytes; requests of 512 tokens."""
    model = SimpleNamespace(
        get_num_layers=lambda parallel: 4,
        get_num_kv_heads=lambda parallel: 2,
        get_head_size=lambda: 16,
        dtype=SimpleNamespace(itemsize=2),
        max_model_len=512,
        is_hybrid=is_hybrid,
        hf_text_config=SimpleNamespace(sliding_window=window),
    )
    cache = SimpleNamespace(block_size=16, kv_cache_memory_bytes=None)
    return SimpleNamespace(model_config=model, cache_config=cache, parallel_config=None)


def config(num_blocks: int) -> EngineConfig:
    return dataclasses.replace(EngineConfig.from_env(), num_blocks=num_blocks)


def test_a_cache_smaller_than_one_request_is_refused_with_what_it_needs() -> None:
    check_fits(config(33), vllm_config())
    with pytest.raises(SettingError, match=r"32 blocks; one request .* needs 33"):
        check_fits(config(32), vllm_config())


@pytest.mark.parametrize("more", [{"window": 64}, {"is_hybrid": True}])
def test_of_a_model_that_gives_blocks_up_vllm_says_what_does_not_fit(more: Any) -> None:
    check_fits(config(20), vllm_config(**more))
