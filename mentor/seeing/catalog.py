"""The kinds of questions about the lab, and how learners word them."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import yaml
from numpy.typing import NDArray

from courseware.words import content_stems
from mentor.knowing.safetensors import Tensor
from mentor.knowing.vectors import vectors_of

QUESTIONS = Path(__file__).with_name("questions.yaml")


@dataclass(frozen=True)
class Kind:
    """One kind of question."""

    name: str
    asks: tuple[str, ...]
    section: str
    """Anchor of the part of the chapter that explains it."""
    plain: str
    """A sentence for whoever wants it plain."""
    cues: tuple[tuple[re.Pattern[str], ...], ...] = ()
    """Groups of patterns; a question in which all of one match is likely of this kind,
    however it is worded else."""

    def has_cue(self, text: str) -> bool:
        """Whether all patterns of a group match."""
        return any(all(one.search(text) for one in group) for group in self.cues)


class Catalog:
    """All kinds, their wordings as rows of a matrix."""

    def __init__(self, kinds: Mapping[str, Kind], course: tuple[str, ...]) -> None:
        self.kinds, self.course = kinds, course
        self.names = tuple(kinds)
        asks = [(n, ask) for n, name in enumerate(kinds) for ask in kinds[name].asks]
        self.asks = tuple(ask for _, ask in asks)
        self.kind_of_ask: NDArray[np.int64] = np.array([n for n, _ in asks], np.int64)
        self.stems = frozenset(one for ask in self.asks for one in content_stems(ask))
        """Content words of the wordings."""
        self.vectors: Tensor = vectors_of(self.asks)
        self.vectors_of_course: Tensor = vectors_of(course)


def texts() -> list[str]:
    """All that is embedded."""
    kinds, course = _read()
    return [*(ask for kind in kinds.values() for ask in kind.asks), *course]


@lru_cache(maxsize=1)
def catalog() -> Catalog:
    """Read once: the file belongs to the code."""
    return Catalog(*_read())


def _read() -> tuple[dict[str, Kind], tuple[str, ...]]:
    rows = yaml.safe_load(QUESTIONS.read_text(encoding="utf-8"))
    kinds = {
        name: Kind(
            name, tuple(row["asks"]), row["section"], row["plain"], _cues(row["cues"])
        )
        for name, row in rows["kinds"].items()
    }
    return kinds, tuple(rows["course"])


def _cues(groups: Sequence[Sequence[str]]) -> tuple[tuple[re.Pattern[str], ...], ...]:
    return tuple(tuple(_pattern(text) for text in group) for group in groups)


def _pattern(text: str) -> re.Pattern[str]:
    """From the beginning of a word on."""
    return re.compile(rf"\b(?:{text})", re.I)
