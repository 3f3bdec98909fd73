"""Experiments: a question, a prediction, a run on the live engine, and its answer."""
