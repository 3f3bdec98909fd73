"""Rotary positions of a config.json: the table's width and length, and the context."""

from planning.memory.config_json import Fields

MAX_POSITIONS = 1_000_000_000
_MAX_SIZE = 1_000_000
_MAX_FACTOR = 10_000
"""Of rope scaling; a larger one is passed over."""
_ROPE_TYPE = ("rope_type", "type")
_LENGTHENING = ("linear", "dynamic")


def rotary_dim(text: Fields, head_dim: int) -> int:
    """Values of a head that are rotated: the width of the table of positions."""
    names = ("partial_rotary_factor", "rotary_pct")
    shares = [
        one.share(*names, default=1.0)
        for one in (text, *_ropes(text))
        if one.find(*names)[1] is not None
    ]
    rope = text.optional("qk_rope_head_dim", most=_MAX_SIZE)
    return rope or int(head_dim * max(shares, default=1.0))


def rope_factor(text: Fields) -> float:
    """By how much linear or dynamic scaling lengthens the table of positions.

    Up to transformers 4 in rope_scaling; since 5 in rope_parameters, which may hold one
    object for each kind of layer. vLLM: rotary_embedding/linear_scaling_rope.py.
    """
    kinds = [one for one in _ropes(text) if one.text(*_ROPE_TYPE) in _LENGTHENING]
    return max((_number(one, "factor", _MAX_FACTOR) for one in kinds), default=1.0)


def _ropes(text: Fields) -> list[Fields]:
    """The objects that say how positions are scaled, of all kinds of layers."""
    outer = text.part("rope_scaling", "rope_parameters")
    if outer is None:
        return []
    inner = [outer.part(name) for name in outer.config if name.endswith("_attention")]
    return [one for one in (outer, *inner) if one is not None]


def _number(rope: Fields, name: str, most: float) -> float:
    """1 where it is absent or of no use."""
    value = rope.config.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return 1.0
    return float(value) if 1 <= value <= most else 1.0


def scaled_positions(text: Fields, positions: int) -> int:
    """The longest context that the config allows by scaling; 0 where by none.

    YaRN's factor counts from the positions before it, which versions up to 0.26 apply
    and later ones expect to be applied already; the more generous is taken.
    """
    longest = _number(text, "model_max_length", MAX_POSITIONS)
    for rope in _ropes(text):
        kind, factor = rope.text(*_ROPE_TYPE), _number(rope, "factor", _MAX_FACTOR)
        if "yarn" in kind:
            name = "original_max_position_embeddings"
            longest = max(longest, factor * _number(rope, name, MAX_POSITIONS))
        elif kind in _LENGTHENING and text.text("model_type") != "gemma3_text":
            longest = max(longest, factor * positions)
    return int(longest) if longest > positions else 0
