"""Which layers attend to a window only, as each family's config.json tells it."""

from collections.abc import Callable

from planning.memory.config_json import Fields
from planning.memory.layer_types import WINDOWED
from planning.memory.model import Window

MAX_WINDOW = 1_000_000_000


def window_of(text: Fields, model_type: str, num_layers: int) -> Window | None:
    """The layers with a window, or None; raises BadConfig."""
    name = "sliding_window"
    if model_type == "llama4_text":
        name = "attention_chunk_size"
    if text.config.get("use_sliding_window") is False:
        return None
    size = text.optional(name, most=MAX_WINDOW, least=0)
    if not size:
        return None
    is_told = bool(text.config.get("layer_types"))
    layers = _listed(text) if is_told else _by_family(text, model_type, num_layers)
    if not layers:
        return None
    return Window(size, layers, is_chunked=model_type == "llama4_text")


def _listed(text: Fields) -> frozenset[int]:
    """From ``layer_types``, a word a layer, which ``layer_types`` has checked."""
    kinds = text.config.get("layer_types") or []
    return frozenset(i for i, kind in enumerate(kinds) if kind in WINDOWED)


def _by_family(text: Fields, model_type: str, num_layers: int) -> frozenset[int]:
    rule = _RULES.get(model_type)
    if rule is None:
        return frozenset()
    default, is_windowed = rule
    every = text.optional("sliding_window_pattern", most=num_layers) or default
    return frozenset(i for i in range(num_layers) if is_windowed(i, every))


def _all_but_each(i: int, every: int) -> bool:
    """All layers but each ``every``-th one."""
    return (i + 1) % every != 0


_RULES: dict[str, tuple[int, Callable[[int, int], bool]]] = {
    "mistral": (1, lambda i, every: True),
    "mixtral": (1, lambda i, every: True),
    "gemma2": (2, _all_but_each),
    "gemma3_text": (6, _all_but_each),
    "gpt_oss": (2, _all_but_each),
    "cohere2": (4, _all_but_each),
    "olmo3": (4, _all_but_each),
    "llama4_text": (4, _all_but_each),
}
"""How often a layer sees everything, and which do not."""
