"""What a layer's state measures, told by the fields of a config.json that are there.

The family's name decides only where no field does. Fields as in transformers 5 and
vLLM 0.32 (read 2026-11).
"""

from planning.errors import BadConfig
from planning.memory.config_json import Fields
from planning.memory.state_layers import StateKind, StateLayers

_MAX = 1_000_000
LIGHTNING = ("minimax", "minimax_text_01", "minimax_m1", "bailing_moe_linear")
"""Families whose states have the shape of their attention heads."""


def state_of(text: Fields, model_type: str, layers: frozenset[int]) -> StateLayers:
    """The state of these layers; raises BadConfig where its size is not told."""
    kda = text.part("linear_attn_config")
    if kda:
        return _kda(kda, layers)
    if "linear_num_value_heads" in text.config:
        return _gated_delta_net(text, layers)
    if text.find("mamba_num_heads", "mamba_n_heads")[1] is not None:
        return _mamba2(text, layers)
    if "mamba_d_state" in text.config:
        return _mamba1(text, layers)
    if "conv_L_cache" in text.config:
        return _short_conv(text, layers)
    if model_type in LIGHTNING:
        return _lightning(text, layers)
    raise BadConfig(
        "model_type",
        f"is {model_type!r}: some of its layers hold a state, and no field that is "
        "known here tells its size.",
    )


def _kda(kda: Fields, layers: frozenset[int]) -> StateLayers:
    dim = kda.whole("head_dim", most=_MAX)
    heads = kda.whole("num_heads", most=_MAX)
    return StateLayers(
        StateKind.KDA,
        layers,
        num_heads=heads,
        head_dim=dim,
        state_size=dim,
        num_key_heads=heads,
        conv_kernel=kda.whole("short_conv_kernel_size", most=1024),
        is_float32=True,
        has_conv_bias=False,
        has_full_gate=kda.flag("use_full_rank_gate", default=False),
    )


def _gated_delta_net(text: Fields, layers: frozenset[int]) -> StateLayers:
    return StateLayers(
        StateKind.GATED_DELTA_NET,
        layers,
        num_heads=text.whole("linear_num_value_heads", most=_MAX),
        head_dim=text.whole("linear_value_head_dim", most=_MAX),
        state_size=text.whole("linear_key_head_dim", most=_MAX),
        num_key_heads=text.whole("linear_num_key_heads", most=_MAX),
        conv_kernel=text.whole("linear_conv_kernel_dim", most=1024),
        is_float32=text.text("mamba_ssm_dtype") == "float32",
        has_conv_bias=False,
    )


def _mamba2(text: Fields, layers: frozenset[int]) -> StateLayers:
    """Nemotron-H keeps its states in 32 bit unless it says otherwise."""
    heads = text.whole("mamba_num_heads", "mamba_n_heads", most=_MAX)
    hidden = text.whole("hidden_size", most=_MAX)
    inner = text.optional("mamba_d_ssm", most=_MAX) or hidden * (
        text.optional("mamba_expand", most=64) or 2
    )
    dim = text.find("mamba_head_dim", "mamba_d_head")[1]
    if not isinstance(dim, int):
        dim = inner // heads  # "auto"
    is_nemotron = "mamba_num_heads" in text.config
    kept = text.text(
        "mamba_ssm_cache_dtype", default="float32" if is_nemotron else "auto"
    )
    return StateLayers(
        StateKind.MAMBA2,
        layers,
        num_heads=heads,
        head_dim=dim,
        state_size=text.whole("ssm_state_size", "mamba_d_state", most=_MAX),
        num_key_heads=text.whole("n_groups", "mamba_n_groups", most=_MAX),
        conv_kernel=text.whole("conv_kernel", "mamba_d_conv", most=1024),
        is_float32=is_nemotron and kept == "float32",
        has_projection_bias=text.flag("use_bias", "mamba_proj_bias", default=False),
        has_conv_bias=text.flag("use_conv_bias", "mamba_conv_bias", default=True),
    )


def _mamba1(text: Fields, layers: frozenset[int]) -> StateLayers:
    hidden = text.whole("hidden_size", most=_MAX)
    return StateLayers(
        StateKind.MAMBA1,
        layers,
        head_dim=hidden * (text.optional("mamba_expand", most=64) or 2),
        state_size=text.whole("mamba_d_state", most=_MAX),
        conv_kernel=text.whole("mamba_d_conv", most=1024),
        rank=text.optional("mamba_dt_rank", most=_MAX) or -(-hidden // 16),
        has_projection_bias=text.flag("mamba_proj_bias", default=False),
        has_conv_bias=text.flag("mamba_conv_bias", default=True),
    )


def _short_conv(text: Fields, layers: frozenset[int]) -> StateLayers:
    return StateLayers(
        StateKind.SHORT_CONV,
        layers,
        head_dim=text.whole("conv_dim", "hidden_size", most=_MAX),
        conv_kernel=text.whole("conv_L_cache", most=1024),
        has_projection_bias=text.flag("conv_bias", default=False),
        has_conv_bias=text.flag("conv_bias", default=False),
    )


def _lightning(text: Fields, layers: frozenset[int]) -> StateLayers:
    heads = text.whole("num_attention_heads", most=_MAX)
    hidden = text.whole("hidden_size", most=_MAX)
    dim = text.optional("head_dim", most=_MAX) or max(1, hidden // heads)
    return StateLayers(
        StateKind.LINEAR,
        layers,
        num_heads=heads,
        head_dim=dim,
        state_size=dim,
        num_key_heads=heads,
    )
