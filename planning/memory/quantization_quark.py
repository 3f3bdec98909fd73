"""AMD Quark's quantisation config: one format for all layers, and a list left out.

vLLM 0.32, layers/quantization/quark/quark.py: ``layer_quant_config`` and
``layer_type_quant_config`` would give modules formats of their own.
"""

from collections.abc import Mapping
from typing import Any

from planning.errors import BadConfig
from planning.memory.config_json import Fields, shown
from planning.memory.quantization import FP8, INT4, INT8, MXFP4_LINEAR, Scheme

_BY_DTYPE = {
    "fp8_e4m3": FP8,
    "int8": INT8,
    "int4": INT4,
    "uint4": INT4,
    "fp4": MXFP4_LINEAR,
}
_BY_LAYER = ("layer_quant_config", "layer_type_quant_config")


def scheme_of_quark(quantization: Fields) -> Scheme:
    """The format of ``global_quant_config``; raises BadConfig."""
    for name in _BY_LAYER:
        if quantization.config.get(name):
            reason = "gives modules formats of their own, which are not read here."
            raise BadConfig(quantization.prefix + name, reason)
    whole = quantization.config.get("global_quant_config")
    weight = _first(whole.get("weight") if isinstance(whole, Mapping) else None)
    dtype = weight.get("dtype") if isinstance(weight, Mapping) else None
    if dtype not in _BY_DTYPE:
        reason = f"is {shown(dtype)}, whose bytes a weight are not known here."
        field = quantization.prefix + "global_quant_config.weight.dtype"
        raise BadConfig(field, reason)
    return _BY_DTYPE[str(dtype)]


def _first(weight: Any) -> Any:
    """Of formats in two steps there is a list: what is stored is the last."""
    return weight[-1] if isinstance(weight, list) and weight else weight
