"""Whether a sentence is another one with a word exchanged for one that says otherwise.

Sentence models put opposites side by side: "slower" in place of "faster" leaves a
cosine of 0.95. So words are compared where two sentences are nearly the same, and known
opposites everywhere.
"""

from collections.abc import Sequence
from difflib import SequenceMatcher
from functools import cache

from courseware.words import content_stems, stem, words

NEARLY_THE_SAME = 0.7
"""Least share of words that two sentences have in common, in the same order."""
_OPPOSITES = (
    "faster/slower more/less more/fewer most/least higher/lower high/low "
    "larger/smaller large/small bigger/smaller longer/shorter long/short "
    "increase/decrease rise/fall grow/shrink internal/external before/after "
    "first/last cheaper/dearer cheap/expensive hit/miss prefill/decode warm/cold "
    "input/output read/write full/empty always/never provisioned/serverless "
    "physical/logical used/free shared/private better/worse lossless/lossy "
    "static/continuous contiguous/paged latency/throughput host/card "
    "memory/compute allowed/refused early/late up/down minimum/maximum all/none"
)


@cache
def _pairs() -> frozenset[tuple[str, str]]:
    both = [pair.split("/") for pair in _OPPOSITES.split()]
    found = [(stem(one), stem(other)) for one, other in both]
    return frozenset(found + [(other, one) for one, other in found])


def is_exchanged(text: str, source: str) -> bool:
    """Whether ``text`` repeats ``source`` but for a word that stands in for another."""
    here, there = ([stem(word) for word in words(one)] for one in (text, source))
    new, left_out = set(here) - set(there), set(there) - set(here)
    if any((one, other) in _pairs() for one in new for other in left_out):
        return True
    new &= set(content_stems(text))
    left_out &= set(content_stems(source))
    return bool(new and left_out) and _stands_in(here, there, new, left_out)


def _stands_in(
    here: Sequence[str], there: Sequence[str], new: set[str], left_out: set[str]
) -> bool:
    """Whether a new word has the very place of one that was left out."""
    matcher = SequenceMatcher(None, here, there, autojunk=False)
    if matcher.ratio() < NEARLY_THE_SAME:
        return False
    return any(
        kind == "replace"
        and new.intersection(here[first:last])
        and left_out.intersection(there[begin:end])
        for kind, first, last, begin, end in matcher.get_opcodes()
    )
