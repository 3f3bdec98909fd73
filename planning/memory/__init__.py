"""What a model takes on a card: weights, KV cache, activations, overhead."""
