"""Misspelt words of a question become the course's words that they are nearest to."""

import re
from collections import Counter
from collections.abc import Iterable

from courseware.words import words

MIN_LOUD = 5
"""Shorter words in capitals are abbreviations."""
MIN_LETTERS, MIN_LETTERS_FOR_TWO = 4, 5
_NAME = re.compile(r"(?<![\w\-/.])[^\W\d_]{3,}(?![\w\-/])")
_IN_SENTENCE = re.compile(r"[\w,)%’'] $")
_BEGINNING = re.compile(r"(?:re|un|pre|non|mis)(?=.{4})")
_ENDING = re.compile(r"(?:(?<=.{4})(?:s|es|ed|er|ers|ing|ly)|(?<=.{5})y)$")
MIN_LETTERS_OF_BASE = 4
_LETTERS = re.compile(r"(?<![^\W_])[^\W\d_]+(?![^\W_])")
"""Whole words: the letters of "SmolLM2" are none."""


class Spelling:
    """The course's words by how often they stand there, and other words that exist."""

    def __init__(self, texts: Iterable[str], others: Iterable[str]) -> None:
        self._counts = Counter(word for text in texts for word in words(text))
        self._others = frozenset(others)
        self._of_length: dict[int, list[str]] = {}
        for word in sorted(self._counts):
            if len(word) >= MIN_LETTERS and word.isalpha():
                self._of_length.setdefault(len(word), []).append(word)
        self._known: dict[str, str] = {}

    def correct(self, text: str) -> str:
        """``text`` with its misspelt words replaced; all others stay as they are."""
        return _LETTERS.sub(lambda match: self._word(match[0]), text)

    def strange_names(self, text: str) -> list[str]:
        """Names that the course does not have: words with a capital after the first
        letter, or with one in the middle of a sentence. Where most words have one it
        says nothing; the first word of all, which has one by rights, does not count."""
        found = [match for match in _NAME.finditer(text)]
        capitals = [m for m in found if not m[0].islower()]
        is_first = bool(capitals) and found[0] is capitals[0] and _is_title(found[0][0])
        if len(capitals) - is_first > max(2, len(found) / 2):
            return []
        return [
            match[0]
            for match in capitals
            if (not _is_title(match[0]) or _IN_SENTENCE.search(text[: match.start()]))
            and not self._is_of_course(match[0])
        ]

    def _is_of_course(self, word: str) -> bool:
        """Whether it is the course's, or a common word in capitals for emphasis."""
        plain = word.lower()
        is_loud = word.isupper() and len(word) >= MIN_LOUD and plain in self._others
        return is_loud or bool({plain, plain.removesuffix("s")} & self._counts.keys())

    def knows(self, word: str) -> bool:
        """Whether a word exists, as it is or less its misspelling."""
        return self._exists(word) or self._word(word) != word

    def _exists(self, plain: str) -> bool:
        one = plain.removesuffix("s")  # of a name such as GPU, too short to correct to
        is_plural = len(one) < MIN_LETTERS and one in self._counts
        if is_plural or plain in self._counts or plain in self._others:
            return True
        known = self._others, self._counts
        return any(base in some for base in bases(plain) for some in known)

    def _word(self, word: str) -> str:
        plain = word.lower()
        if self._exists(plain) or len(plain) < MIN_LETTERS or not plain.isascii():
            return word
        found = self._known.get(plain)
        if found is None:
            if len(self._known) > 20_000:
                self._known.clear()
            found = self._known[plain] = self._nearest(plain)
        return found or word

    def _nearest(self, word: str) -> str:
        """One letter away, or two in a longer word that begins alike; or ""."""
        allowed = 2 if len(word) >= MIN_LETTERS_FOR_TWO else 1
        found = []
        for length in range(len(word) - allowed, len(word) + allowed + 1):
            for other in self._of_length.get(length, []):
                away = distance(word, other, allowed)
                if away <= 1 or (away == allowed == 2 and word[0] == other[0]):
                    found.append((away, -self._counts[other], other))
        return min(found)[2] if found else ""


def bases(word: str) -> set[str]:
    """What a regular word may be made of: "pasted" of "paste", "recompile" of
    "compile", "choppy" of "chop". Such a word is no misspelling of another."""
    found = {word, _BEGINNING.sub("", word)}
    for whole in list(found):
        if (cut := _ENDING.sub("", whole)) != whole:
            found |= {cut, f"{cut}e", cut[:-1] if cut[-1:] == cut[-2:-1] else cut}
    return {base for base in found if len(base) >= MIN_LETTERS_OF_BASE} - {word}


def _is_title(word: str) -> bool:
    """Whether only its first letter is a capital."""
    return word[1:].islower()


def distance(one: str, other: str, most: int) -> int:
    """Letters put in, left out, changed, or swapped with a neighbour; ``most`` + 1
    when there are more (optimal string alignment)."""
    before: list[int] = []
    last = list(range(len(other) + 1))
    for i, x in enumerate(one, 1):
        row = [i]
        for j, y in enumerate(other, 1):
            least = min(last[j] + 1, row[-1] + 1, last[j - 1] + (x != y))
            if i > 1 and j > 1 and x == other[j - 2] and one[i - 2] == y:
                least = min(least, before[j - 2] + 1)
            row.append(least)
        if min(row) > most:
            return most + 1
        before, last = last, row
    return last[-1]
