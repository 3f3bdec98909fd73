"""Models whose layers differ in their KV heads: each takes what it has."""

import pytest

from planning.interval import Interval
from planning.memory.architecture import model_from_config
from planning.memory.engine_settings import EngineSettings
from planning.memory.sizing import estimate_memory

CONFIG = {
    "model_type": "llama", "num_hidden_layers": 4, "hidden_size": 1024,
    "num_attention_heads": 8, "intermediate_size": 2048, "vocab_size": 32000,
    "head_dim": 128, "max_position_embeddings": 8192,
}  # fmt: skip
A_HEAD_BYTES = 2 * 128 * 2
"""K and V of one head and token in 16 bit."""


@pytest.mark.parametrize(
    ("kv_heads", "total"),
    [(8, 32), ([8, 8, 8, 8], 32), ([8, 4, 4, 2], 18), ([8, 0, 4, 2], 14)],
)
def test_a_token_takes_the_heads_of_all_layers(
    kv_heads: int | list[int], total: int
) -> None:
    model = model_from_config({**CONFIG, "num_key_value_heads": kv_heads})
    settings = EngineSettings(model, Interval.exact(24.0), max_model_len=4_096)
    found = estimate_memory(settings)
    assert found.layout.bytes_per_token == total * A_HEAD_BYTES
    assert found.layout.block_bytes == 16 * total * A_HEAD_BYTES
    assert found.blocks_per_user == 256
