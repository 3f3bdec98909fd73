"""More than one card: how a model is split, what holds it, what a step reads."""
