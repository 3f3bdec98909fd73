"""Widths of MLPs and heads that differ by layer, or are adjusted by the family."""

from typing import Any

from planning.errors import BadConfig
from planning.memory.config_json import Fields, shown
from planning.memory.config_limits import MAX_SIZE


def adjusted(text: Fields, inner: int) -> int:
    """LFM2's width of an MLP (vLLM, models/lfm2.py, Lfm2MLP)."""
    if not text.flag("block_auto_adjust_ff_dim", default=True):
        return inner
    share = text.config.get("block_ffn_dim_multiplier", 1.0)
    is_number = isinstance(share, int | float) and 0 < share <= 16
    unit = text.optional("block_multiple_of", most=MAX_SIZE) or 256
    width = int((share if is_number else 1.0) * int(2 * inner / 3))
    return -(-width // unit) * unit


def blocks_of(
    text: Fields, number: int, hidden: int, heads: int
) -> dict[str, tuple[int, ...]]:
    """Sizes that differ by layer: as lists, or in nemotron-nas's ``block_configs``."""
    found = {
        "mlp_sizes": text.whole_list("intermediate_size", number, MAX_SIZE),
        "kv_heads_by_layer": text.whole_list("num_key_value_heads", number, heads),
    }
    blocks = text.config.get("block_configs")
    if isinstance(blocks, list) and len(blocks) == number:
        pairs = [_block(text, i, one, hidden, heads) for i, one in enumerate(blocks)]
        found["mlp_sizes"] = tuple(size for size, _ in pairs)
        found["kv_heads_by_layer"] = tuple(kv for _, kv in pairs)
    elif blocks is not None:
        reason = f"describes each of the {number} layers, not {shown(blocks)}."
        raise BadConfig(text.prefix + "block_configs", reason)
    return {name: sizes for name, sizes in found.items() if sizes}


def _block(
    text: Fields, i: int, block: Any, hidden: int, heads: int
) -> tuple[int, int]:
    """Width of the MLP and KV heads of one layer; 0 where it has none.

    Source: vLLM, models/nemotron_nas.py (_ffn_mult_to_intermediate_size).
    """
    one = Fields(block if isinstance(block, dict) else {}, f"block_configs.{i}.")
    mlp, attention = one.part("ffn"), one.part("attention")
    size = kv_heads = 0
    if mlp and not mlp.flag("no_op", default=False):
        multiple = mlp.config.get("ffn_mult")
        if not isinstance(multiple, int | float) or not 0 < multiple < 100:
            reason = f"is a number over 0 and below 100, not {shown(multiple)}."
            raise BadConfig(mlp.prefix + "ffn_mult", reason)
        size = -(-int(2 * multiple * hidden / 3) // 256) * 256
    is_linear = attention and attention.flag("replace_with_linear", default=False)
    if attention and not is_linear and not attention.flag("no_op", default=False):
        kv_heads = heads // attention.whole("n_heads_in_group", most=heads)
    return size, kv_heads


def double_wide(text: Fields, number: int, inner: int) -> tuple[int, ...]:
    """Widths where layers that read another's cache have twice the MLP (Gemma 4;
    vLLM 0.32, models/gemma4.py, Gemma4DecoderLayer)."""
    shared = text.optional("num_kv_shared_layers", most=number, least=0) or 0
    first = number - shared
    return tuple(inner * (2 if i >= first > 0 else 1) for i in range(number))
