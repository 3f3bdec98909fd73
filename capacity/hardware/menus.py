"""What the form offers: menus, and questions worth asking first."""

from typing import Any
from urllib.parse import urlencode

from capacity.hardware.query import (
    AS_SHIPPED,
    CHEAPEST,
    COMPILED,
    DRAFTERS,
    FEWEST,
    IN_PARTS,
    OWN,
    RUNNERS,
    VERSIONS,
    WHOLE_EXPERTS,
    HardwareQuery,
)
from planning.catalog.gpus import load_gpus, load_slices
from planning.memory.kv_format import KV_FORMATS
from planning.memory.lora import RANKS
from planning.memory.model_catalog import load_models
from planning.memory.quantization import SCHEMES
from planning.memory.ranking import GPU_COUNTS

Option = tuple[str, str]
_VERSION_LABELS = (
    *("0.29 to 0.32", "0.33", "0.21 to 0.28", "0.17 to 0.20", "0.8 to 0.16"),
)

KV_LABELS = {
    "auto": "as the repository declares",
    "bfloat16": "16 bit",
    "fp8": "FP8",
    "fp8_e4m3": "FP8, e4m3",
    "fp8_e5m2": "FP8, e5m2",
    "int8_per_token_head": "INT8, a scale a token and head",
    "fp8_per_token_head": "FP8, a scale a token and head",
    "int4_per_token_head": "INT4, a scale a token and head",
    "nvfp4": "NVFP4",
    "nvfp4_4over6": "NVFP4, four over six",
    "turboquant_k8v4": "TurboQuant, keys 8 bit, values 4",
    "turboquant_4bit_nc": "TurboQuant, 4 bit",
    "turboquant_k3v4_nc": "TurboQuant, keys 3 bit, values 4",
    "turboquant_3bit_nc": "TurboQuant, 3 bit",
}
_DRAFTER_LABELS = (
    *("none", "n-grams of the prompt", "the model’s own MTP layers"),
    *("an EAGLE-3 head", "a draft model"),
)
_RUNNER_LABELS = ("not known", "the first (V1)", "the second (V2)")
_COMPILED_LABELS = ("not known", "warm", "cold")
_MORE = frozenset(
    "version utilization pp seqs tokens dp experts drafter loras runner "
    "compiled".split()
)

PRESETS: tuple[tuple[str, HardwareQuery], ...] = (
    ("8B for 20 users", HardwareQuery(users=20)),
    (
        "70B in 4 bit, alone",
        HardwareQuery(model="llama-3.1-70b", weights="int4", users=1, gpu="h200-sxm"),
    ),
    (
        "70B in 4 bit, a group of 13",
        HardwareQuery(model="llama-3.1-70b", weights="int4", users=13, gpu="h200-sxm"),
    ),
    (
        "DeepSeek V3, 32 users",
        HardwareQuery(model="deepseek-v3", users=32, context=32_768),
    ),
)


def menus(query: HardwareQuery) -> dict[str, Any]:
    """The options of each menu, and the presets with their links."""
    return {
        "models": _models(query),
        "weights": [
            (AS_SHIPPED, "as the repository ships them"),
            *((scheme.id, scheme.name) for scheme in SCHEMES.values()),
        ],
        "kv_dtypes": [(name, KV_LABELS.get(name, name)) for name in KV_FORMATS],
        "expert_modes": [
            (IN_PARTS, "a part of each on every GPU"),
            (WHOLE_EXPERTS, "whole ones: expert parallel"),
        ],
        "drafters": list(zip(DRAFTERS, _DRAFTER_LABELS, strict=True)),
        "draft_models": _named(),
        "ranks": [str(rank) for rank in RANKS],
        "runners": list(zip(RUNNERS, _RUNNER_LABELS, strict=True)),
        "compiled": list(zip(COMPILED, _COMPILED_LABELS, strict=True)),
        "has_more": _has_more(query),
        "gpus": [
            (CHEAPEST, "the cheapest that fits"),
            *((gpu.id, gpu.name) for gpu in load_gpus()),
        ],
        "slices": [(one.id, one.name) for one in load_slices()],
        "counts": [
            (FEWEST, "as few as fit"),
            *((str(number), str(number)) for number in GPU_COUNTS),
        ],
        "versions": list(zip(VERSIONS, _VERSION_LABELS, strict=True)),
        "presets": [(label, urlencode(one.link_fields())) for label, one in PRESETS],
    }


def _models(query: HardwareQuery) -> list[Option]:
    own = [(OWN, "your config.json")] if query.model == OWN else []
    return [*own, *_named()]


def _named() -> list[Option]:
    options = ((model.id, model.name) for model in load_models())
    return sorted(options, key=lambda option: option[1].lower())


def _has_more(query: HardwareQuery) -> bool:
    """Whether anything of how the engine is started was chosen."""
    chosen = query.link_fields().keys()
    return bool(chosen & _MORE)
