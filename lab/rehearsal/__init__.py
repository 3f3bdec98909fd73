"""A recording once more through vLLM's scheduler and block pool, without a model."""
