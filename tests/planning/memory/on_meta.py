"""Builds models with vLLM's own classes on the meta device: shapes without memory.

Run as a process of its own, for vLLM keeps a distributed group: one config.json a line
on standard input, one object of bytes by parameter a line on standard output, or the
reason why vLLM does not build it on this host.
"""

import json
import os
import re
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

os.environ["VLLM_LOGGING_LEVEL"] = "ERROR"
os.environ["HF_HUB_OFFLINE"] = "1"

import torch
from vllm.config import (
    DeviceConfig,
    ModelConfig,
    VllmConfig,
    set_current_vllm_config,
)
from vllm.config.lora import LoRAConfig
from vllm.distributed import init_distributed_environment, initialize_model_parallel
from vllm.lora.model_manager import LoRAModelManager
from vllm.model_executor.model_loader.utils import initialize_model
from vllm.utils.torch_utils import set_default_torch_dtype


def start(directory: str) -> None:
    """A group of one process, which the layers ask for their share."""
    with set_current_vllm_config(VllmConfig()):
        method = f"file://{directory}/group"
        init_distributed_environment(1, 0, method, 0, backend="gloo")
        initialize_model_parallel(1, 1)


def parameter_bytes(config: dict[str, Any], directory: str) -> dict[str, int]:
    """By the parameter's name, without the layers' numbers.

    A config with ``slots``, (max_loras, max_lora_rank), gives the bytes of the buffers
    that vLLM lays beside its layers instead, by the layer's name.
    """
    slots = config.pop("slots", None)
    lora = LoRAConfig(max_loras=slots[0], max_lora_rank=slots[1]) if slots else None
    (Path(directory) / "config.json").write_text(json.dumps(config))
    model = ModelConfig(
        model=directory,
        tokenizer=directory,
        skip_tokenizer_init=True,
        dtype="bfloat16",
        enforce_eager=True,
    )
    whole = VllmConfig(
        model_config=model, device_config=DeviceConfig("cpu"), lora_config=lora
    )
    with (
        set_current_vllm_config(whole),
        set_default_torch_dtype(torch.bfloat16),
        torch.device("meta"),
    ):
        built = initialize_model(vllm_config=whole, model_config=model)
        if lora:
            lora.lora_dtype = torch.bfloat16
            meta, vocab = torch.device("meta"), model.get_vocab_size()
            manager = LoRAModelManager(built, 16, 64, vocab, lora, meta, whole)
            return {name: _beside(one) for name, one in manager.modules.items()}
    found: Counter[str] = Counter()
    for name, one in built.named_parameters():
        found[re.sub(r"\.\d+\.", ".N.", name)] += one.numel() * one.element_size()
    return dict(found)


def _beside(layer: Any) -> int:
    """Bytes of both buffers, which are tensors or tuples of them."""
    stacked = (layer.lora_a_stacked, layer.lora_b_stacked)
    tensors = [t for s in stacked for t in (s if isinstance(s, tuple) else (s,))]
    return sum(one.numel() * one.element_size() for one in tensors)


def main() -> None:
    with tempfile.TemporaryDirectory() as directory:
        start(directory)
        for line in sys.stdin:
            try:
                answer: dict[str, Any] = parameter_bytes(json.loads(line), directory)
            except Exception as error:
                answer = {"refused": f"{type(error).__name__}: {error}"}
            print("#" + json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
