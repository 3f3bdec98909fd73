"""A vision tower of a config.json, as a plain transformer."""

from planning.memory.config_json import Fields
from planning.memory.config_limits import MAX_LAYERS, MAX_SIZE


def vision_params_of(vision: Fields, text: Fields) -> int:
    """A vision transformer: attention, MLP, patches, positions and a projector."""
    hidden = vision.optional(
        "hidden_size", "embed_dim", "width", "vt_hidden_size", most=MAX_SIZE
    )
    layers = vision.optional(
        "num_hidden_layers",
        "depth",
        "num_layers",
        "layers",
        "vt_num_hidden_layers",
        most=MAX_LAYERS,
    )
    if hidden is None or layers is None:
        return 0
    inner = (
        vision.optional("intermediate_size", "vt_intermediate_size", most=MAX_SIZE)
        or 4 * hidden
    )
    patch = vision.optional("patch_size", most=1024) or 14
    image = vision.optional("image_size", most=65_536) or patch
    block = 4 * hidden**2 + 2 * hidden * inner + 9 * hidden + inner
    positions = (image // patch) ** 2 * hidden
    wide = text.optional("hidden_size", "n_embd", "d_model", most=MAX_SIZE) or hidden
    return layers * block + 3 * patch**2 * hidden + positions + hidden * wide
