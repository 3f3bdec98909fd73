"""Full-size shapes with random weights, for a host without a model hub.

    ENGINE_MODEL=shape:llama-3.1-8b      a model of the catalog, by its id
    ENGINE_MODEL=shape:gemma-3-1b        one with sliding windows

A shape is a directory that vLLM serves with ``load_format=dummy``: the catalog's
config.json and the bundled model's tokenizer, no weights. Weights, KV cache, blocks and
times are those of the real model; what it writes means nothing.
"""

import json
import shutil
from pathlib import Path
from typing import Any

from lab.checkpoints.whole_directory import whole_directory
from planning.errors import BadSetting
from planning.memory.model_catalog import config_fields, load_models

TOKENIZER_VOCABULARY = 49_152
"""Of the bundled model: a smaller embedding has no row for some of its tokens."""
ARCHITECTURES = {
    "llama": "LlamaForCausalLM",
    "mistral": "MistralForCausalLM",
    "qwen2": "Qwen2ForCausalLM",
    "qwen3": "Qwen3ForCausalLM",
    "gemma3_text": "Gemma3ForCausalLM",
}
"""Kinds of config.json that are served, and vLLM's class."""
COMMON = {"torch_dtype": "bfloat16", "bos_token_id": 1, "eos_token_id": 2}
"""What the catalog leaves out, since it decides no memory; ids of the tokenizer."""
LIKE_LLAMA = {"hidden_act": "silu", "rms_norm_eps": 1e-5, "rope_theta": 500_000.0}
LIKE_GEMMA = {"hidden_activation": "gelu_pytorch_tanh", "rms_norm_eps": 1e-6}
"""The same, of kinds of config.json; the RoPE of Gemma's two kinds of layers is that
which its class has."""
NOT_THE_TOKENIZER = ("config.json", "generation_config.json", "stamp.json")


def shape_config(shape_id: str) -> dict[str, Any]:
    """config.json of a shape; raises BadSetting, a sentence with what is allowed."""
    fields = config_fields(shape_id)
    kind = fields.get("model_type")
    if not _is_served(fields):
        raise BadSetting(
            "model",
            f"{shape_id!r} (model_type {kind!r}, vocabulary "
            f"{fields.get('vocab_size', 0):,}) cannot be served with random weights: "
            f"allowed are {', '.join(shape_ids())}.",
        )
    like = LIKE_GEMMA if str(kind).startswith("gemma") else LIKE_LLAMA
    architectures = [ARCHITECTURES[str(kind)]]
    return {**COMMON, **like, **fields, "architectures": architectures}


def shape_ids() -> list[str]:
    """Ids of the catalog that can be served so."""
    return [one.id for one in load_models() if _is_served(config_fields(one.id))]


def _is_served(fields: dict[str, Any]) -> bool:
    return (
        fields.get("model_type") in ARCHITECTURES
        and fields.get("vocab_size", 0) >= TOKENIZER_VOCABULARY
    )


def write_shape(directory: Path, shape_id: str, tokenizer: Path) -> None:
    """Make ``directory`` with the tokenizer of the model in ``tokenizer``."""
    with whole_directory(directory) as work:
        for path in tokenizer.iterdir():
            if path.suffix != ".safetensors" and path.name not in NOT_THE_TOKENIZER:
                shutil.copy(path, work / path.name)
        text = json.dumps(shape_config(shape_id), indent=2)
        (work / "config.json").write_text(text + "\n")


def is_written(directory: Path, shape_id: str) -> bool:
    """Whether the directory is there, of the catalog's present fields."""
    try:
        found = json.loads((directory / "config.json").read_text())
    except (OSError, ValueError):
        return False
    return bool(found == shape_config(shape_id))
