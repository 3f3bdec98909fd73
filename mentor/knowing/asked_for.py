"""What a question asks for beside what it is about: how many *lines*, which *mode*.

A note may be about the right thing and say nothing of what is asked of it. Pure.
"""

import re

from courseware.words import content_stems

MAX_WORDS = 3
_ENDS = (
    "a|about|an|and|are|as|at|be|but|by|can|cost|costs|could|did|do|does|for|from|get|"
    "gets|had|has|have|help|helps|i|if|in|is|it|make|makes|may|mean|means|might|must|"
    "my|need|needed|needs|not|of|on|or|our|per|run|runs|shall|should|so|take|takes|"
    "than|that|the|there|these|they|this|those|to|use|used|uses|was|we|were|when|will|"
    "with|would|you|your"
)
_FOCUS = re.compile(
    r"\b(?:how many|how much|which|what(?:'s|s| is| are)?(?: the| a| an)?"
    r"(?: (?:kind|sort|type|name)s? of)?)\s+"
    rf"(?P<words>(?:(?!(?:{_ENDS})\b)[\w.\-]+ ?){{1,{MAX_WORDS}}})",
    re.I,
)
_FLAG = re.compile(
    r"(?<![\w-])--[a-z][\w-]+|(?<!\w)[a-z][a-z0-9]*(?:_[a-z0-9]+)+(?!\w)", re.I
)


def focus(question: str) -> list[str]:
    """Stems of the words that follow "which", "how many", "what is the"."""
    return [
        stem
        for match in _FOCUS.finditer(question)
        for stem in content_stems(match["words"])
    ]


def flags(question: str) -> list[str]:
    """Flags, variables and parameters as they are written: ``--swap-space``,
    ``logit_bias``; in lower case."""
    return [match[0].lower() for match in _FLAG.finditer(question)]
