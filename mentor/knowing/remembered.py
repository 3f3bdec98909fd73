"""Vectors that are asked for more than once: of the course's own sentences, which come
back with every question, of questions, which a class asks many times in the same words,
and of what a model says to them."""

from collections.abc import Callable, Sequence
from threading import Lock

import numpy as np

from mentor.knowing.safetensors import Tensor
from mentor.knowing.vectors import vectors_of

MAX_SENTENCES = 8_192
"""A chapter with its notes has about half as many; 1.5 kB each."""
MAX_QUESTIONS = 512
"""A class asks fewer in an hour; of two wordings each."""

Embed = Callable[[Sequence[str]], Tensor]


class Remembered:
    """Embeds a sentence once. Two threads may embed the same one at the same time, to
    the same end; what each of them embeds is kept."""

    def __init__(self, most: int = MAX_SENTENCES) -> None:
        self._vectors: dict[str, Tensor] = {}
        self._most = most
        self._lock = Lock()

    def embed(self, texts: Sequence[str], embed: Embed) -> Tensor:
        """(texts × width), as ``embed`` gives them."""
        known = self._vectors
        found = {text: known[text] for text in texts if text in known}
        new = list(dict.fromkeys(text for text in texts if text not in found))
        if new:
            found |= dict(zip(new, embed(new), strict=True))
            self._keep(found)
        return np.array([found[text] for text in texts])

    def _keep(self, found: dict[str, Tensor]) -> None:
        """Beside all that others keep meanwhile, or alone where that is too much."""
        with self._lock:
            kept = self._vectors | found
            self._vectors = kept if len(kept) <= self._most else found


_questions = Remembered(MAX_QUESTIONS)


def vectors_of_question(texts: Sequence[str]) -> Tensor:
    """Of a question's wordings: the course and the lab ask for the same ones, and what
    is offered to be pressed are the course's own, whose vectors are shipped."""
    return _questions.embed(texts, vectors_of)
