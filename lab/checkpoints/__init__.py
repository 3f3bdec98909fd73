"""What vLLM loads: the bundled model, or random weights of a given shape. No Django."""
