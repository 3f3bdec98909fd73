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

from planning.catalog.gpus import arch_of, step_limits
from planning.errors import BadSetting
from planning.interval import GIB, Interval
from planning.memory.activations import V0_CHUNKED_FROM
from planning.memory.architecture import model_from_config
from planning.memory.drafter import HEAD_VOCAB, Drafter, method_of
from planning.memory.engine_settings import EngineSettings
from planning.memory.lora import LoraSlots
from planning.memory.model import Model
from planning.memory.model_catalog import find_model
from planning.memory.quantization import Scheme, scheme_of_method
from planning.memory.sizing import MemoryEstimate, estimate_memory
from planning.memory.versions import Regime, version_of

SHARE_092_SINCE = (0, 21)
"""From about here on gpu_memory_utilization is 0.92 by default, 0.9 before."""
_NO_METHOD = ("", "none", "compressed-tensors", "compressed_tensors", "auto")


def estimate_of(
    row: Mapping[str, Any], config: Mapping[str, Any] | None = None
) -> MemoryEstimate:
    """The estimate for a log's settings; raises BadSetting naming the field."""
    return estimate_memory(settings_of(row, config))


def settings_of(
    row: Mapping[str, Any], config: Mapping[str, Any] | None = None
) -> EngineSettings:
    """A row's settings. ``config``: the model's config.json in place of the catalog."""
    name = str(row.get("model") or "")
    model = model_from_config(config, name=name) if config else find_model(name)
    model = _quantized(model, str(row.get("quantization") or ""))
    total = _number(row, "total_gpu_memory_gib", None)
    gpu = str(row.get("gpu") or "h100")
    version = str(row.get("vllm_version") or "0.32")
    share = 0.92 if version_of(version) >= SHARE_092_SINCE else 0.9
    length = _whole(row, "max_model_len", model.max_position_embeddings)
    told = EngineSettings(
        model=model,
        total_gib=Interval.exact(total),
        tp=_whole(row, "tp", 1),
        pp=_whole(row, "pp", 1),
        dp=_whole(row, "dp", 1),
        is_expert_parallel=row.get("is_expert_parallel") is True,
        max_model_len=length,
        kv_cache_dtype=str(row.get("kv_cache_dtype") or "auto"),
        gpu_memory_utilization=_number(row, "gpu_memory_utilization", share),
        block_size=_whole(row, "block_size", 16),
        enforce_eager=str(row.get("enforce_eager")).lower() == "true",
        vllm_version=version,
        arch=arch_of(gpu),
        is_float32=_is_float32(row, model),
        is_v0=True if row.get("engine") == "v0" else None,
        has_flashinfer_sampler=row.get("has_flashinfer_sampler"),
        model_runner=_optional_whole(row, "model_runner"),
        is_cold=row.get("is_cold"),
        enable_prefix_caching=row.get("enable_prefix_caching"),
        loras=_loras(row),
        drafter=_drafter(row),
    )
    tokens, seqs = step_limits(total, gpu)
    if told.regime is Regime.V0:
        is_chunked = length > V0_CHUNKED_FROM
        tokens, seqs = 2_048 if is_chunked else max(length, 2_048), 256
    return replace(
        told,
        max_num_seqs=_whole(row, "max_num_seqs", seqs),
        max_num_batched_tokens=_whole(row, "max_num_batched_tokens", tokens),
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


def _optional_whole(row: Mapping[str, Any], name: str) -> int | None:
    return None if row.get(name) is None else _whole(row, name, 0)


def _loras(row: Mapping[str, Any]) -> LoraSlots | None:
    """Where ``max_loras`` or ``max_lora_rank`` is there, or ``enable_lora``."""
    named = ("max_loras", "max_lora_rank", "enable_lora")
    if not any(row.get(name) for name in named):
        return None
    return LoraSlots(_whole(row, "max_loras", 1), _whole(row, "max_lora_rank", 16))


def _drafter(row: Mapping[str, Any]) -> Drafter | None:
    """From ``speculative_config`` as vLLM takes it; ``config``: the drafter's own
    config.json, where the catalog does not have its ``model``."""
    told = row.get("speculative_config")
    if not told:
        return None
    if not isinstance(told, Mapping):
        raise BadSetting("speculative_config", f"is an object, not {str(told)[:40]!r}.")
    method = str(told.get("method") or "draft_model")
    tokens = _whole(told, "num_speculative_tokens", 1)
    config, name = told.get("config"), str(told.get("model") or "")
    model = None
    if isinstance(config, Mapping):
        model = model_from_config(config, name=name)
    elif method == "draft_model" and name:
        model = find_model(name)
    vocab = _whole(config or {}, "draft_vocab_size", HEAD_VOCAB)
    return Drafter(method_of(method), tokens, model, vocab)


def _is_float32(row: Mapping[str, Any], model: Model) -> bool:
    dtype = str(row.get("dtype") or "auto").lower().removeprefix("torch.")
    if dtype in ("float32", "float") and not model.scheme.is_quantized:
        return True
    if dtype not in ("auto", "bfloat16", "float16", "half"):
        reason = (
            "is bfloat16, float16 or auto, or float32 of a model that is not "
            f"quantised, not {dtype[:40]!r}."
        )
        raise BadSetting("dtype", reason)
    return False


def _quantized(model: Model, method: str) -> Model:
    """With --quantization where the repository itself says nothing of its format."""
    if model.scheme.is_quantized or method.strip().lower() in _NO_METHOD:
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
    """Whether the logged pool gives the tokens or blocks logged, at our block size."""


def compare(row: Mapping[str, Any], estimate: MemoryEstimate) -> Comparison:
    """Errors in per cent; GiB in logs are rounded to 0.01."""
    weights = row.get("weights_gib") or row.get("model_loading_gib")
    pool = row.get("available_kv_cache_gib")
    is_covered = width = None
    if pool:
        low, high = estimate.pool.low / GIB, estimate.pool.high / GIB
        is_covered = low - _ROUNDING_GIB <= pool <= high + _ROUNDING_GIB
        width = 100 * (high - low) / pool
    return Comparison(
        _error_pct(estimate.weights.value, weights),
        _error_pct(estimate.pool.value, pool),
        is_covered,
        width,
        _are_blocks_explained(row, estimate),
    )


_ROUNDING_GIB = 0.005


def _error_pct(bytes_found: float, gib_logged: Any) -> float | None:
    if not gib_logged:
        return None
    return 100 * (bytes_found / GIB / float(gib_logged) - 1)


def _are_blocks_explained(
    row: Mapping[str, Any], estimate: MemoryEstimate
) -> bool | None:
    pool, tokens = row.get("available_kv_cache_gib"), row.get("kv_cache_tokens")
    logged = tokens or row.get("num_gpu_blocks")
    if not pool or not logged:
        return None
    low, high = (
        estimate.layout.num_blocks((pool + side) * GIB)
        for side in (-_ROUNDING_GIB, _ROUNDING_GIB)
    )
    if tokens:
        low, high = estimate.layout.num_tokens(low), estimate.layout.num_tokens(high)
    return bool(low <= int(logged) <= high)
