"""What vLLM loads: the bundled model, a model of the hub, random weights. No Django."""
