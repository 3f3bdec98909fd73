"""What the form offers: menus, and questions worth asking first."""

from typing import Any
from urllib.parse import urlencode

from capacity.hardware.query import (
    AS_SHIPPED,
    CHEAPEST,
    FEWEST,
    OWN,
    VERSIONS,
    HardwareQuery,
)
from planning.catalog.gpus import load_gpus, load_slices
from planning.memory.model_catalog import load_models
from planning.memory.quantization import SCHEMES
from planning.memory.ranking import GPU_COUNTS

Option = tuple[str, str]
_VERSION_LABELS = ("0.29 and later", "0.21 to 0.28", "0.17 to 0.20", "0.8 to 0.16")

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
        "kv_dtypes": [("auto", "16 bit"), ("fp8", "FP8")],
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
    named = sorted(
        ((model.id, model.name) for model in load_models()),
        key=lambda option: option[1].lower(),
    )
    own = [(OWN, "your config.json")] if query.model == OWN else []
    return [*own, *named]
