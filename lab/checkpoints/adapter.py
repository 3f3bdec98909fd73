"""A LoRA adapter: low-rank changes of a model's weights, merged before it is served.

W' = W + (alpha / r) B A for each adapted matrix (Hu et al. 2021, arXiv:2106.09685), A
of r × inputs and B of outputs × r. The file has the names that the library peft gives,
so other tools read it; ``alpha`` and ``r`` stand in its metadata.
"""

from pathlib import Path
from typing import Any

ADAPTED = (
    "self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj",
    "mlp.gate_proj", "mlp.up_proj", "mlp.down_proj",
)  # fmt: skip
"""Matrices of each layer that an adapter may change."""
PREFIX = "base_model.model."


def merge(weights: dict[str, Any], path: Path) -> int:
    """Replace the adapted ones of a model's ``weights`` (torch tensors by name), added
    in 32 bits; how many there were. Raises ValueError for a file of another model."""
    from safetensors import safe_open

    with safe_open(str(path), "pt") as file:
        meta = file.metadata() or {}
        scale = float(meta["alpha"]) / int(meta["r"])
        tensors = {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118
    names = {name.removeprefix(PREFIX).rsplit(".lora_", 1)[0] for name in tensors}
    for name in sorted(names):
        key = f"{name}.weight"
        if key not in weights:
            raise ValueError(f"{path.name} changes {name}, which the model has not.")
        down, up = (tensors[f"{PREFIX}{name}.lora_{n}.weight"] for n in "AB")
        changed = weights[key].float() + scale * (up @ down)
        weights[key] = changed.to(weights[key].dtype).contiguous()
    return len(names)
