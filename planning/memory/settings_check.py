"""What no engine can be started with: BadSetting names the field and the limit."""

import math

from planning.errors import BadSetting
from planning.memory.engine_settings import (
    MAX_BATCHED_TOKENS,
    MAX_GPU_GIB,
    MAX_MODEL_LEN,
    MAX_PARALLEL,
    MAX_SEQS,
    MAX_USERS,
    EngineSettings,
)
from planning.memory.kv_format import check_kv_format
from planning.memory.versions import V1, V2


def check(settings: EngineSettings) -> None:
    """Raises BadSetting with the field, the value and what is allowed."""
    limits = {
        "tp": (settings.tp, MAX_PARALLEL),
        "pp": (settings.pp, MAX_PARALLEL),
        "dp": (settings.dp, MAX_PARALLEL),
        "max_model_len": (settings.max_model_len, MAX_MODEL_LEN),
        "num_users": (settings.num_users, MAX_USERS),
        "max_num_seqs": (settings.max_num_seqs, MAX_SEQS),
        "max_num_batched_tokens": (
            settings.max_num_batched_tokens,
            MAX_BATCHED_TOKENS,
        ),
        "block_size": (settings.block_size, 1_024),
    }
    for name, (value, most) in limits.items():
        if not 1 <= value <= most:
            reason = f"is a whole number from 1 to {most:,}, not {value:,}."
            raise BadSetting(name, reason)
    share = settings.gpu_memory_utilization
    if not (math.isfinite(share) and 0 < share <= 1):
        reason = f"is a number over 0 and up to 1, not {share:g}."
        raise BadSetting("gpu_memory_utilization", reason)
    total = settings.total_gib.value
    if not (math.isfinite(total) and 0 < total <= MAX_GPU_GIB):
        reason = f"is over 0 and up to {MAX_GPU_GIB:,} GiB, not {total:g}."
        raise BadSetting("total_gib", reason)
    if settings.model_runner not in (None, V1, V2):
        raise BadSetting("model_runner", f"is 1 or 2, not {settings.model_runner}.")
    _check_split(settings)
    if settings.loras:
        settings.loras.check(settings.model)
    if settings.drafter:
        settings.drafter.check(settings.model)
    check_kv_format(settings)


def _check_split(settings: EngineSettings) -> None:
    model = settings.model
    if model.num_attention_heads % settings.tp:
        reason = (
            f"is {settings.tp}: vLLM divides the {model.num_attention_heads} attention "
            f"heads of {model.name} among the GPUs, which leaves a rest."
        )
        raise BadSetting("tp", reason)
    kv_heads = model.num_key_value_heads
    if not model.mla and max(kv_heads, settings.tp) % min(kv_heads, settings.tp):
        reason = f"is {settings.tp}: {kv_heads} KV heads cannot be shared out so."
        raise BadSetting("tp", reason)
    if model.state and not model.state.is_divided_by(settings.tp):
        reason = (
            f"is {settings.tp}: the heads of {model.name}'s layers with a state "
            "cannot be shared out so."
        )
        raise BadSetting("tp", reason)
    _check_experts(settings)
    if settings.pp > model.num_hidden_layers:
        reason = f"is {settings.pp}: the model has {model.num_hidden_layers} layers."
        raise BadSetting("pp", reason)


def _check_experts(settings: EngineSettings) -> None:
    """vLLM refuses both at the start (config/model.py; fused_moe/config.py)."""
    moe, split = settings.model.moe, settings.split
    if moe is None:
        if settings.is_expert_parallel:
            reason = f"is for models with experts, which {settings.model.name} lacks."
            raise BadSetting("is_expert_parallel", reason)
        return
    if moe.intermediate_size % split.expert_tp:
        reason = (
            f"gives {split.expert_tp} GPUs a part of each expert: its width of "
            f"{moe.intermediate_size:,} leaves a rest. Expert parallelism helps."
        )
        raise BadSetting("tp" if settings.dp == 1 else "dp", reason)
