"""How large the numbers of a config.json may be."""

MAX_LAYERS = 1_000
MAX_SIZE = 1_000_000
"""Of hidden and intermediate sizes, and of a head."""
MAX_HEADS = 8_192
MAX_VOCAB = 10_000_000
MAX_EXPERTS = 8_192
