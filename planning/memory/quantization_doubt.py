"""Weights that are quantised by all signs where no config says how."""

from collections.abc import Mapping
from typing import Any

from planning.memory.quantization_config import QUANT_FILE


def missing_file_doubt(
    config: Mapping[str, Any], name: str, has_quantization: bool
) -> str:
    """A sentence where weights are quantised by all signs but no config says how."""
    if has_quantization:
        return ""
    words = f"{name} {config.get('_name_or_path', '')}".lower()
    has_producer = isinstance(config.get("producer"), Mapping)
    signs = ("nvfp4", "fp8", "fp4", "modelopt", "awq", "gptq", "int4", "w4a16")
    sign = next((word for word in signs if word in words), "")
    if not sign and not has_producer:
        return ""
    return (
        f"The name says {sign or 'ModelOpt'}, but the file has no quantization_config: "
        "the weights are computed in 16 bit, and the interval reaches down to what the "
        f"name says. Repositories made by ModelOpt keep it in {QUANT_FILE}: give that "
        "file too."
    )
