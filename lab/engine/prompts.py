"""Prompts: the tokens of the last requests of an engine host, to tell how they differ.

They never leave the process but as the words of their own learner's request.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lab.reasons import Difference

MOST_PROMPTS = 512
MOST_TOKENS = 1 << 21
MOST_COMPARED = 32
MOST_TOLD = 4096
"""Tokens of one request whose words are told."""
NUM_BEFORE, NUM_AFTER = 8, 6
"""Tokens shown around the first that differs."""

Decode = Callable[[list[int]], str]
Tokens = npt.NDArray[np.int32]


@dataclass(slots=True)
class _Kept:
    """Of one request."""

    request_id: str
    prompt: Tokens
    answer: Sequence[int]
    salt: str | None


class Prompts:
    """By short id, the newest last; bounded by number and by tokens."""

    def __init__(self) -> None:
        self._kept: dict[int, _Kept] = {}
        self._num_tokens = 0

    def add(
        self,
        short_id: int,
        prompt: Sequence[int],
        salt: str | None = None,
        request_id: str = "",
    ) -> None:
        """A request begins."""
        kept = _Kept(request_id, np.array(prompt, np.int32), (), salt)
        self._kept[short_id] = kept
        self._num_tokens += len(prompt)
        while len(self._kept) > MOST_PROMPTS or self._num_tokens > MOST_TOKENS:
            first = self._kept.pop(next(iter(self._kept)))
            self._num_tokens -= len(first.prompt)

    def answered(self, short_id: int, answer: Sequence[int]) -> None:
        """All tokens of its answer so far."""
        if short_id in self._kept:
            self._kept[short_id].answer = answer

    def clear(self) -> None:
        """A new engine: short ids start anew."""
        self._kept, self._num_tokens = {}, 0

    def short_ids(self, request_ids: Iterable[str]) -> list[int]:
        """Of those that are kept: also of one that ended a moment ago."""
        asked = set(request_ids)
        return [one for one, kept in self._kept.items() if kept.request_id in asked]

    def tokens(self, short_id: int) -> list[int]:
        """Prompt and answer so far; empty where they are not kept any more."""
        kept = self._kept.get(short_id)
        return [] if kept is None else [*kept.prompt.tolist(), *kept.answer]

    def difference(self, short_id: int, own: Collection[int]) -> Difference | None:
        """From that one of ``own`` before it which has most in common with it, its
        answer included, which is cached too; under the same salt where there is one;
        None where there is none."""
        kept = self._kept.get(short_id)
        if kept is None:
            return None
        earlier = [one for one in self._kept if one < short_id and one in own]
        found = None
        for other in earlier[-MOST_COMPARED:]:
            against = self._kept[other]
            token = _num_common(kept.prompt, against.prompt)
            if token == len(against.prompt):  # seldom: answers are lists
                answer = np.array(against.answer, np.int32)
                token += _num_common(kept.prompt[token:], answer)
            is_salted = against.salt != kept.salt
            one = Difference(short_id, other, token, is_salted)
            if found is None or _rank(one) >= _rank(found):
                found = one
        return found

    def differences(self, own: Iterable[int]) -> list[Difference]:
        """Of the newest of a learner's requests."""
        known = sorted(set(own).intersection(self._kept))
        found = [self.difference(one, known) for one in known[-8:]]
        return [one for one in found if one is not None]

    def block_words(self, short_id: int, block_size: int, decode: Decode) -> list[str]:
        """The words of each of its blocks, in logical order."""
        tokens = self.tokens(short_id)[:MOST_TOLD]
        starts = range(0, len(tokens), block_size)
        return [decode(tokens[start : start + block_size]) for start in starts]

    def apart(self, difference: Difference, decode: Decode) -> dict[str, str]:
        """The words where both go apart: what is ``common`` before, ``mine``, and what
        the ``other`` has there."""
        mine = self.tokens(difference.short_id)
        other, at = self.tokens(difference.other), difference.token
        return {
            "common": decode(mine[max(0, at - NUM_BEFORE) : at]),
            "mine": decode(mine[at : at + NUM_AFTER]),
            "other": decode(other[at : at + NUM_AFTER]),
        }


def _rank(one: Difference) -> tuple[bool, int]:
    return not one.is_salted, one.token


def _num_common(one: Tokens, other: Tokens) -> int:
    length = min(len(one), len(other))
    differs = one[:length] != other[:length]
    return int(differs.argmax()) if differs.any() else length
