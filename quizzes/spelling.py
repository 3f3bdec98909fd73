"""One word in its spellings: hyphens, British and American, one and many. Pure."""

import re
import unicodedata

_HYPHENS = re.compile("[-\u2010\u2011\u2012\u2013\u2212]")
_ARTICLE = re.compile(r"^(a|an|the) (?=\S)")
_AMERICAN = (
    (re.compile(r"(?<=[a-z]{2})is(?=(e|es|ed|er|ers|ing|ation|ations)$)"), "iz"),
    (re.compile(r"(?<=[a-z]{2})ys(?=(e|es|ed|er|ers|ing)$)"), "yz"),
    (re.compile(r"(?<=[a-z]{2})our(?=(s|ed|ing|al|able|ful|ite)?$)"), "or"),
    (re.compile(r"(?<=[a-z]{3})tre(?=(s|d)?$)"), "ter"),
    (re.compile(r"(?<=[aeiou])ll(?=(ed|ing|er|ers|able)$)"), "l"),
    (re.compile(r"(?<=[a-z]{2})ogue(?=s?$)"), "og"),
    (re.compile(r"(?<=[a-z]{3})ence(?=s?$)"), "ense"),
    (re.compile(r"(?<=gram)me(?=s?$)"), ""),
)
_PLURAL = (
    (re.compile(r"(?<=[a-z]{2})ies$"), "y"),
    (re.compile(r"(?<=[a-z])(sh|ss|x|tch)es$"), r"\1"),
    (re.compile(r"(?<=[a-z]{2}[a-rt-z])s$"), ""),
)


def folded(text: str) -> str:
    """``text`` as it is compared: composed, without case, single spaces, no full stop.

    Letters of other scripts that look alike, and invisible ones, stay what they are.
    """
    words = unicodedata.normalize("NFC", text).casefold().replace("\u2019", "'").split()
    return " ".join(words).removesuffix(".").rstrip()


def spellings(text: str) -> frozenset[str]:
    """``text`` in one spelling, its hyphens read as nothing and as a space.

    Two texts that share one say the same: pre-emption and preemption, KV-cache and
    KV cache, quantisation and quantization, a replica and replicas.
    """
    whole = _ARTICLE.sub("", folded(text))
    return frozenset(
        " ".join(_plain(word) for word in _HYPHENS.sub(hyphen, whole).split())
        for hyphen in ("", " ")
    )


def is_same(text: str, other: str) -> bool:
    """Whether two texts differ in spelling alone."""
    return not spellings(text).isdisjoint(spellings(other))


def _plain(word: str) -> str:
    for pattern, american in _AMERICAN:
        word = pattern.sub(american, word)
    for pattern, single in _PLURAL:
        shorter = pattern.sub(single, word)
        if shorter != word:
            return shorter
    return word
