"""Vectors that are asked for more than once: of the course's own sentences, which come
back with every question, of questions, which a class asks many times in the same words,
and of what a model says to them."""

from collections.abc import Callable, Sequence

import numpy as np

from mentor.knowing.safetensors import Tensor
from mentor.knowing.vectors import vectors_of

MAX_SENTENCES = 8_192
"""A chapter with its notes has about half as many; 1.5 kB each."""
MAX_QUESTIONS = 512
"""A class asks fewer in an hour; of two wordings each."""

Embed = Callable[[Sequence[str]], Tensor]


class Remembered:
    """Embeds a sentence once. Two threads may embed the same one, to the same end."""

    def __init__(self, most: int = MAX_SENTENCES) -> None:
        self._vectors: dict[str, Tensor] = {}
        self._most = most

    def embed(self, texts: Sequence[str], embed: Embed) -> Tensor:
        """(texts × width), as ``embed`` gives them."""
        known = self._vectors
        new = list(dict.fromkeys(text for text in texts if text not in known))
        if new:
            if len(known) + len(new) > self._most:
                known = {text: known[text] for text in texts if text in known}
            known = known | dict(zip(new, embed(new), strict=True))
            self._vectors = known
        return np.array([known[text] for text in texts])


_questions = Remembered(MAX_QUESTIONS)


def vectors_of_question(texts: Sequence[str]) -> Tensor:
    """Of a question's wordings: the course and the lab ask for the same ones, and what
    is offered to be pressed are the course's own, whose vectors are shipped."""
    return _questions.embed(texts, vectors_of)
