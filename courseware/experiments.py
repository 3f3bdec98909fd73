"""Experiments that the prose may name: what can be shown on the engine beside it.

Whoever runs them registers them when Django starts; the text knows none by itself.
"""

EXPERIMENTS: dict[str, str] = {}
"""The words of each one's button, by its name."""


def register(name: str, button: str) -> None:
    """Let chapters link to an experiment."""
    EXPERIMENTS[name] = button
