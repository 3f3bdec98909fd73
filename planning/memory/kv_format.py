"""Formats of the KV cache: the bytes that one token takes in one layer.

Of a head K and V stand side by side, with scales where the format has them:

    16 bit, FP8            K · V                          2 × head_dim × 2 or 1
    INT8, FP8 a token      K · scale · V · scale          2 × (head_dim + 4)
    INT4 a token           half as many, scales as above  2 × (head_dim ÷ 2 + 4)
    NVFP4                  4 bit, an 8-bit scale of 16    2 × (head_dim ÷ 2 + ÷ 16)
    TurboQuant             indices · norm · V · scale, zero point, to an even number

Source: vLLM 0.26 and 0.32, config/cache.py (CacheDType), v1/attention/backends/
(triton_attn, flashinfer and turboquant_attn, customize_spec), utils/torch_utils.py
(nvfp4_kv_cache_full_dim, resolve_kv_cache_dtype_string) and
layers/quantization/turboquant/config.py.
"""

import math
from collections.abc import Mapping
from typing import Any

from planning.errors import BadSetting
from planning.memory.config_json import Fields
from planning.memory.engine_settings import EngineSettings
from planning.memory.versions import version_of

WIDTHS = {"auto": 2, "bfloat16": 2, "float16": 2, "half": 2, "float32": 4}
FP8_NAMES = ("fp8", "fp8_e4m3", "fp8_e5m2")
_SCALE_BYTES = 4
PER_TOKEN = {
    "int8_per_token_head": 8,
    "fp8_per_token_head": 8,
    "int4_per_token_head": 4,
}
"""Bits of a value, with a 32-bit scale of each head's K and V."""
NVFP4_NAMES = ("nvfp4", "nvfp4_4over6")
TURBOQUANT = {
    "turboquant_k8v4": (8, 4),
    "turboquant_4bit_nc": (4, 4),
    "turboquant_k3v4_nc": (3, 4),
    "turboquant_3bit_nc": (3, 3),
}
"""Bits of a key and of a value."""
BOUNDARY_LAYERS = 2
"""Layers at either end that TurboQuant leaves in 16 bit."""
FORMS_READ_SINCE = (0, 26)
"""The first version whose formats of scales were read."""
FOUR_OVER_SIX_SINCE = (0, 27)
"""nvfp4_4over6: in 0.32, not in 0.26.0."""
KV_FORMATS = (
    *("auto", "bfloat16", *FP8_NAMES, *PER_TOKEN),
    *NVFP4_NAMES,
    *TURBOQUANT,
)
"""What a form offers; ``auto`` is what the repository declares, else 16 bit."""


def format_of(settings: EngineSettings) -> str:
    """The format in its own name: of ``auto`` what the repository declares.

    vLLM reads it from the quantisation config (resolve_kv_cache_dtype_string).
    """
    name = settings.kv_cache_dtype.strip().lower()
    if name != "auto":
        return name
    if settings.is_float32:
        return "float32"
    return settings.model.kv_format


def check_kv_format(settings: EngineSettings) -> None:
    """Raises BadSetting where a format is not known, or not for this model."""
    name = format_of(settings)
    if name in WIDTHS or name in FP8_NAMES:
        return
    if name not in KV_FORMATS:
        allowed = ", ".join((*WIDTHS, *KV_FORMATS[2:]))
        raise _bad(settings, f"is one of {allowed}, not {name[:40]!r}.")
    first = FOUR_OVER_SIX_SINCE if name == "nvfp4_4over6" else FORMS_READ_SINCE
    if version_of(settings.vllm_version) < first:
        reason = f"is {name}, whose bytes are known here from vLLM 0.{first[1]} on."
        raise _bad(settings, reason)
    model = settings.model
    if model.compressed or (model.mla and model.mla.index_head_dim):
        raise _bad(settings, f"is {name}: sparse attention keeps rows of its own.")
    if model.mla and name not in PER_TOKEN:
        raise _bad(settings, f"is {name}, which rows of MLA do not have.")
    if name in TURBOQUANT and (model.window or model.state):
        reason = (
            f"is {name}: what layers with windows or states take beside it is not "
            "computed here."
        )
        raise _bad(settings, reason)


def _bad(settings: EngineSettings, reason: str) -> BadSetting:
    return BadSetting("kv_cache_dtype", reason)


def head_bytes(name: str, head_dim: int) -> int:
    """K and V of one head and token."""
    if name in PER_TOKEN:
        return 2 * (head_dim * PER_TOKEN[name] // 8 + _SCALE_BYTES)
    if name in NVFP4_NAMES:
        return 2 * (head_dim // 2 + head_dim // 16)
    if name in TURBOQUANT:
        return _turboquant_bytes(head_dim, *TURBOQUANT[name])
    return 2 * head_dim * WIDTHS.get(name, 1)


def row_bytes(name: str, row_size: int) -> int:
    """Of one row of MLA and token; a scale stands for K and for V."""
    if name in PER_TOKEN:
        return row_size * PER_TOKEN[name] // 8 + 2 * _SCALE_BYTES
    return row_size * WIDTHS.get(name, 1)


def is_16_bit_at_the_ends(name: str, layer: int, num_layers: int) -> bool:
    """Whether that layer, from 0, is one that TurboQuant leaves as it is."""
    ends = min(BOUNDARY_LAYERS, num_layers // 2)
    return name in TURBOQUANT and not ends <= layer < num_layers - ends


def _turboquant_bytes(head_dim: int, key_bits: int, value_bits: int) -> int:
    key = head_dim if key_bits == 8 else math.ceil(head_dim * key_bits / 8) + 2
    slot = key + math.ceil(head_dim * value_bits / 8) + 4
    return slot + slot % 2


def declared_format(quantization: Fields | None) -> str:
    """What a quantisation config says of the KV cache; ``auto``: nothing.

    compressed-tensors' ``kv_cache_scheme`` is FP8 whatever it says (vLLM 0.32,
    layers/attention/attention.py); ModelOpt's ``kv_cache_scheme`` or
    ``kv_cache_quant_algo`` is FP8 or NVFP4, else nothing.
    """
    if quantization is None:
        return "auto"
    fields = quantization.config
    scheme = fields.get("kv_cache_scheme")
    method = str(fields.get("quant_method") or "")
    if not method.startswith("modelopt"):
        is_named = method in ("compressed-tensors", "")
        return "fp8" if is_named and isinstance(scheme, Mapping) else "auto"
    declared = scheme or fields.get("kv_cache_quant_algo")
    if isinstance(declared, Mapping):
        return _of_scheme(declared)
    named = {"FP8": "fp8", "NVFP4": "nvfp4"}
    return named.get(str(declared or "").upper(), "auto")


def _of_scheme(scheme: Mapping[str, Any]) -> str:
    if scheme.get("type") != "float":
        return "auto"
    if scheme.get("num_bits") == 8 and scheme.get("dynamic") is False:
        return "fp8"
    return "nvfp4" if scheme.get("num_bits") == 4 else "auto"
