"""BERT's tokens: words in lower case, cut into the longest pieces of a vocabulary.

As ``BertTokenizer`` of the model's publisher does it: accents are dropped, every mark
of punctuation stands alone, a word without pieces becomes ``[UNK]`` (Devlin et al.,
2019; Wu et al., 2016).
"""

import re
import unicodedata
from collections.abc import Sequence

MAX_LETTERS_A_WORD = 100
_PARTS = re.compile(r"[^\W_]+|[^\w\s]|_")
_ASIAN = re.compile("([\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff])")


class WordPiece:
    """A vocabulary whose line numbers are the ids of its pieces."""

    def __init__(self, vocabulary: Sequence[str]) -> None:
        self._ids = {piece: number for number, piece in enumerate(vocabulary)}
        self._known: dict[str, list[int]] = {}

    def encode(self, text: str, max_tokens: int) -> list[int]:
        """Ids of at most ``max_tokens`` pieces, between [CLS] and [SEP]."""
        ids = [self._ids["[CLS]"]]
        for word in _words(text):
            ids += self._pieces(word)
            if len(ids) >= max_tokens:
                break
        return [*ids[: max_tokens - 1], self._ids["[SEP]"]]

    def _pieces(self, word: str) -> list[int]:
        found = self._known.get(word)
        if found is None:
            if len(self._known) > 50_000:
                self._known.clear()
            found = self._known[word] = self._cut(word)
        return found

    def _cut(self, word: str) -> list[int]:
        found: list[int] = []
        start = 0
        while start < len(word) <= MAX_LETTERS_A_WORD:
            mark = "##" if start else ""
            ends = range(len(word), start, -1)
            end = next((e for e in ends if mark + word[start:e] in self._ids), 0)
            if not end:
                return [self._ids["[UNK]"]]
            found.append(self._ids[mark + word[start:end]])
            start = end
        return found or [self._ids["[UNK]"]]


def _words(text: str) -> list[str]:
    plain = unicodedata.normalize("NFD", text.lower())
    plain = "".join(
        c
        for c in plain
        if unicodedata.category(c) not in ("Mn", "Cc", "Cf") or c.isspace()
    )
    plain = _ASIAN.sub(r" \1 ", plain)
    return _PARTS.findall(plain)
