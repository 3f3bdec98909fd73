"""Words: one way to read them and to weigh them, for the search and for the mentor.

Stems are those of Snowball's English (PyStemmer), weights those of BM25 (bm25s;
Robertson and Zaragoza, 2009) with k1 = 1.2 and b = 0.75.
"""

import logging
import re
import sys
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache

import numpy as np
import Stemmer
from numpy.typing import NDArray


@contextmanager
def _without(name: str) -> Iterator[None]:
    """Within it nothing finds the module ``name``."""
    before = {name: sys.modules[name]} if name in sys.modules else {}
    sys.modules[name] = None  # type: ignore[assignment]  # what import takes for gone
    try:
        yield
    finally:
        del sys.modules[name]
        sys.modules.update(before)


# Where a host has jax, bm25s lets it sort something at once, for which jax takes three
# quarters of a card's memory and starts threads that no process may be forked from.
with _without("jax"):
    import bm25s

logging.getLogger("bm25s").setLevel(logging.WARNING)

K1, B = 1.2, 0.75
WORD = re.compile(r"[^\W_]+")
_ACRONYMS = re.compile(r"(gpu|cpu|tpu|llm|api|sla|slo|vm|pod)s")
"""Plurals that the stemmer takes for words of their own."""
_stemmer = Stemmer.Stemmer("english")
STOP_WORDS = frozenset(
    """
a about after all also am an and any anybody are as at be because been but by can could
did do does doing don else every explain few for from get give go had has have having he
her here him his how i if in into is isn it its just know let like ll make many me mean
more most much must my need no not now of on one only or other our out over own please
re really same say see she should so some such sure t tell than that the their them then
there these they thing this those to too up us use used using ve very want was way we
well were what whats when where which while who whom whose why will with without work
works would yes today hello hi thanks you your s d m im
""".split()
)


@lru_cache(maxsize=100_000)
def fold(word: str) -> str:
    """Lower case, without accents."""
    plain = word.casefold()
    if plain.isascii():
        return plain
    parts = unicodedata.normalize("NFKD", plain)
    return "".join(c for c in parts if not unicodedata.combining(c))


@lru_cache(maxsize=100_000)
def stem(word: str) -> str:
    """What the forms of a word have in common: "Caches", "caching" and "cache"."""
    plain = fold(word)
    return plain[:-1] if _ACRONYMS.fullmatch(plain) else _stemmer.stemWord(plain)


def words(text: str) -> list[str]:
    """Every word of a text as it is folded, in order."""
    return [fold(word) for word in WORD.findall(text)]


def stems(text: str) -> list[str]:
    """The stem of every word, in order."""
    return [stem(word) for word in WORD.findall(text)]


def content_stems(text: str) -> list[str]:
    """Stems of the words that say what a text is about, each once, in order."""
    found = (word for word in words(text) if word not in STOP_WORDS)
    return list(dict.fromkeys(stem(w) for w in found if len(w) > 1 or w.isdigit()))


class WordIndex:
    """Documents as lists of stems, and how much a stem weighs in each of them."""

    def __init__(self, documents: Iterable[Sequence[str]]) -> None:
        self._documents = [list(document) for document in documents]
        self._index: bm25s.BM25 | None = None
        if any(self._documents):
            self._index = bm25s.BM25(k1=K1, b=B)
            self._index.index(self._documents, show_progress=False)

    def scores(self, stems_of_query: Iterable[str]) -> NDArray[np.float32]:
        """BM25 of every document for a query; 0 for those without any of its stems."""
        known = self._index.vocab_dict if self._index else {}
        asked = [one for one in stems_of_query if one in known]
        if not self._index or not asked:
            return np.zeros(len(self._documents), dtype=np.float32)
        return np.asarray(self._index.get_scores(asked), dtype=np.float32)
