"""The start-up log of a real vLLM: its settings as an estimate, its figures as truth.

A row has the fields of ``vllm_memory_calibration.yaml``: model, vllm_version, tp, pp,
max_model_len, dtype, quantization, kv_cache_dtype, gpu_memory_utilization,
max_num_batched_tokens, max_num_seqs, enforce_eager, total_gpu_memory_gib, and what was
logged. Whatever it leaves out is vLLM's default.

    found = estimate_of(row)                     # the model by its Hugging Face id
    found = estimate_of(row, config=config)      # or by its config.json
    errors = compare(row, found)
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from lab.planning.architecture import model_from_config
from lab.planning.errors import BadSetting
from lab.planning.interval import GIB, Interval
from lab.planning.model import Model
from lab.planning.models import find_model
from lab.planning.quantization import UNQUANTIZED, Scheme, scheme_of_method
from lab.planning.settings import Settings
from lab.planning.sizing import Estimate, estimate

_BIG_GPU_GIB = 70
"""From here on vLLM's server takes 8,192 tokens and 1,024 requests a step."""
_NO_METHOD = ("", "none", "compressed-tensors", "compressed_tensors", "auto")


def estimate_of(
    row: Mapping[str, Any], config: Mapping[str, Any] | None = None
) -> Estimate:
    """The estimate for a log's settings; raises BadSetting naming the field."""
    return estimate(settings_of(row, config))


def settings_of(
    row: Mapping[str, Any], config: Mapping[str, Any] | None = None
) -> Settings:
    """A row's settings. ``config``: the model's config.json in place of the catalog."""
    name = str(row.get("model") or "")
    model = model_from_config(config, name=name) if config else find_model(name)
    total = _number(row, "total_gpu_memory_gib", None)
    is_big = total >= _BIG_GPU_GIB
    _check_dtype(row)
    return Settings(
        model=_quantized(model, str(row.get("quantization") or "")),
        total_gib=Interval.exact(total),
        tp=_whole(row, "tp", 1),
        pp=_whole(row, "pp", 1),
        max_model_len=_whole(row, "max_model_len", model.max_position_embeddings),
        kv_cache_dtype=str(row.get("kv_cache_dtype") or "auto"),
        gpu_memory_utilization=_number(row, "gpu_memory_utilization", 0.9),
        max_num_seqs=_whole(row, "max_num_seqs", 1_024 if is_big else 256),
        max_num_batched_tokens=_whole(
            row, "max_num_batched_tokens", 8_192 if is_big else 2_048
        ),
        block_size=_whole(row, "block_size", 16),
        enforce_eager=str(row.get("enforce_eager")).lower() == "true",
        vllm_version=str(row.get("vllm_version") or "0.32"),
        is_calibrated_gpu="h100" in str(row.get("gpu") or "h100").lower(),
    )


def _number(row: Mapping[str, Any], name: str, default: float | None) -> float:
    value = row.get(name)
    if value is None:
        value = default
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number:
        raise BadSetting(name, f"is a number, not {str(value)[:40]!r}.")
    assert isinstance(value, int | float)
    return float(value)


def _whole(row: Mapping[str, Any], name: str, default: int) -> int:
    value = _number(row, name, default)
    if value != value or abs(value) > 1e12 or value != int(value):
        raise BadSetting(name, f"is a whole number, not {value:g}.")
    return int(value)


def _check_dtype(row: Mapping[str, Any]) -> None:
    dtype = str(row.get("dtype") or "auto").lower().removeprefix("torch.")
    if dtype not in ("auto", "bfloat16", "float16", "half"):
        reason = f"is bfloat16, float16 or auto, not {dtype[:40]!r}."
        raise BadSetting("dtype", reason)


def _quantized(model: Model, method: str) -> Model:
    """With --quantization where the repository itself says nothing of its format."""
    if model.scheme != UNQUANTIZED or method.strip().lower() in _NO_METHOD:
        return model
    scheme: Scheme | None = scheme_of_method(method)
    if scheme is None:
        reason = f"is {method[:40]!r}, whose bytes a weight are not known here."
        raise BadSetting("quantization", reason)
    return replace(model, scheme=scheme)


@dataclass(frozen=True)
class Comparison:
    """An estimate against what vLLM logged; None: the log does not say."""

    weights_error_pct: float | None
    """Signed, of what was logged."""
    pool_error_pct: float | None
    is_pool_covered: bool | None
    """Whether the interval contains the logged pool (to the rounding of the log)."""
    pool_width_pct: float | None
    """Width of the interval in per cent of the logged pool."""
    are_blocks_explained: bool | None
    """Whether the logged pool gives the logged tokens by our bytes of a block."""


def compare(row: Mapping[str, Any], found: Estimate) -> Comparison:
    """Errors in per cent; GiB in logs are rounded to 0.01."""
    weights = row.get("weights_gib") or row.get("model_loading_gib")
    pool = row.get("available_kv_cache_gib")
    is_covered = width = None
    if pool:
        low, high = found.pool.low / GIB, found.pool.high / GIB
        is_covered = low - _ROUNDING_GIB <= pool <= high + _ROUNDING_GIB
        width = 100 * (high - low) / pool
    return Comparison(
        _error_pct(found.weights.value, weights),
        _error_pct(found.pool.value, pool),
        is_covered,
        width,
        _are_blocks_explained(row, found),
    )


_ROUNDING_GIB = 0.005


def _error_pct(bytes_found: float, gib_logged: Any) -> float | None:
    if not gib_logged:
        return None
    return 100 * (bytes_found / GIB / float(gib_logged) - 1)


def _are_blocks_explained(row: Mapping[str, Any], found: Estimate) -> bool | None:
    pool, tokens = row.get("available_kv_cache_gib"), row.get("kv_cache_tokens")
    if not pool or not tokens:
        return None
    low, high = (
        found.layout.num_tokens(found.layout.num_blocks((pool + side) * GIB))
        for side in (-_ROUNDING_GIB, _ROUNDING_GIB)
    )
    return bool(low <= int(tokens) <= high)
