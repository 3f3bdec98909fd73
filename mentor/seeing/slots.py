"""What a question about the lab names: a block, a request, or the asker's own."""

import re
from dataclasses import dataclass

_BLOCK = re.compile(
    r"\b(?:physical\s+)?(?:block|square|page)s?\s*+"
    r"(?:(?:number|numbered|nr\.?|no\.?|id|#)\s*+)?#?(\d{1,7})\b(?!\s*(?:tokens?|bytes?|[KMG]i?B|%|of\b))",
    re.I,
)
_THIS_BLOCK = re.compile(
    r"\b(?:this|that|the selected|the marked)\s+(?:block|square)\b", re.I
)
_REQUEST = re.compile(
    r"\b(?:request|req\.?|sequence)\s*+"
    r"(?:(?:number|nr\.?|no\.?|id|called|named|#)\s*+)?#?"
    r"[\"“'`]?(?=[0-9a-f]*\d)([0-9a-f]{1,8})\b",
    re.I,
)
_LETTERS_ONLY = re.compile(r"\brequest\s+[\"“'`]?([a-f]{3})\b")
_BARE = re.compile(
    r"(?<![\w.,$#-])(?!\d+(?:b|e\d+)\b|[a-f]\d+\b)"
    r"(0[0-9a-f]{2}|(?=\d*[a-f])(?=[a-f]*\d)[0-9a-f]{3,4})(?![\w%-]|[.,]\d)"
)
"""A name without the word before it, as in "is 02e still running": three digits as the
viewer shows them, of which 70b, 1e6 and a100 are none."""
_THIS_REQUEST = re.compile(
    r"\b(?:this|that|the selected|the chosen)\s+(?:request|sequence|row)\b", re.I
)
_MINE = re.compile(r"\b(?:my|mine|me|i|i'm|i've|our|ours)\b", re.I)
_NOW = re.compile(
    r"\b(?:now|currently|at the moment|at present|just|so far|still|yet|last|latest|"
    r"recent(?:ly)?|current|here|this engine|the engine|this lab|the lab|is it at)\b",
    re.I,
)
_GENERAL = re.compile(
    r"\b(?:mean(?:s|ing|t)?|defin\w+|in general|generally|usually|typically|normally|"
    r"by default|in principle|in theory|difference|compared?|versus|vs|better|best|"
    r"explain|should|ought|example|chapter|experiment|paper|course|note|production)\b"
    r"|\bwhat do(?:es)? (?:this|that|it|these|those) (?:tell|say|show)\b"
    r"|\bwhat (?:happens|would happen|is meant|is an?|are)\b"
    r"|\bhow (?:do|can|could|should|would|does|to)\b"
    r"|\bwhen (?:do|does|is|are|can|should|will)\b"
    r"|\bwhy (?:is|are|do|does|can|must|would|should|not)\b"
    r"(?! (?:my|this|mine|there|I)\b)"
    r"|\b(?:can|could) (?:vLLM|one|you|we|an?)\b|\b(?:with|in|under) vLLM\b"
    r"|\bis it (?:safe|bad|good|true|possible)\b"
    r"|\b\d+(?:\.\d+)?\s?B\b|\b[ABHL]\d{2,3}S?\b|\bT4\b|(?<![\w,])\d[\d,]*+ tokens\b",
    re.I,
)
"""Speaks of any engine, not of this one."""


@dataclass(frozen=True)
class Slots:
    """What was named."""

    text: str
    """The question with what it names as "this block" and "this request"."""
    block_id: int | None = None
    short_id: int | None = None
    is_about_block: bool = False
    """Whether it names a block, by number or as the one that is marked."""
    is_about_request: bool = False
    is_mine: bool = False
    is_now: bool = False
    """Whether it speaks of the present, or of this engine,"""
    is_general: bool = False
    """or of any engine."""

    @property
    def names_one(self) -> bool:
        """Whether it is about one block or one request."""
        return self.is_about_block or self.is_about_request


def read_slots(question: str) -> Slots:
    """Numbers of blocks are decimal, names of requests hexadecimal, as the viewer
    shows both. Pure."""
    text = " ".join(question.split())
    block = _BLOCK.search(text)
    request = _REQUEST.search(text) or _LETTERS_ONLY.search(text)
    request = request or (None if block else _BARE.search(text))
    this_block, this_request = _THIS_BLOCK.search(text), _THIS_REQUEST.search(text)
    if block:
        text = text.replace(block[0], "this block", 1)
    if request:
        text = text.replace(request[0], "this request", 1)
    return Slots(
        text=text,
        block_id=int(block[1]) if block else None,
        short_id=int(request[1], 16) if request else None,
        is_about_block=bool(block or this_block),
        is_about_request=bool(request or this_request),
        is_mine=bool(_MINE.search(text)),
        is_now=bool(_NOW.search(text)),
        is_general=bool(_GENERAL.search(text)),
    )
