"""A question as it is looked up: without orders, with what it refers to."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from courseware.words import content_stems
from mentor.knowing.everyday import in_the_courses_words
from mentor.knowing.manners import plainly
from mentor.knowing.short_forms import written_out

MAX_LETTERS = 1_000
"""More is not read: a question is asked, not pasted."""
MIN_OWN_WORDS = 4
"""With fewer content words a later question is looked up with the one before it."""
_REFERS = re.compile(
    r"^(?:and|but|or|so|then|also|what about|how about)\b"
    r"|\b(?:it|its|they|them|their|these|those|that one|the other|this|ones?)\b",
    re.I,
)
_SHOWN = re.compile(
    r"\b(?:this|that|these|those|the)\s+(?:\w+\s+)?(?:aside|box|bit|chapter|diagram|"
    r"example|figure|formula|graph|list|manifest|note|page|paragraph|part|picture|"
    r"plot|section|sentence|table|text)\b"
    r"|\b(?:explain|summari[sz]e|about|of|is|are)\s+(?:this|these|that|here)\W*$"
    r"|\bhere\W*$",
    re.I,
)
_ORDERS = re.compile(
    r"\A(?>.*?\b(?:ignore|forget|disregard|override)\b)"
    r".*?\b(?:instructions?|rules?|prompt|above|course|everything)\b"
    r"|\byou(?:'re| are)\s+(?:now|no longer)\b|\bfrom now on\b|\bas (?:DAN|him|her)\b"
    r"|\A(?>.*?\b(?:repeat|say)\b).*?\bafter me\b"
    r"|\bpretend\b|\b(?:act|talk|speak) (?:as|like)\b"
    r"|\b(?:your|hidden|secret|initial)\b.{0,20}\b(?:prompt|instructions?|context|"
    r"key|rules?)\b|\bdebug mode\b|\bnew rule\b|\bstop being\b|\bstay in character\b"
    r"|\breply only\b|\bnothing else\b|\brepetitions of\b|\bbase64\b"
    r"|\A(?>.*?(?:\b(?:append|repeat)|(?:^\W*|[.,;:!?#\"'(\]>]\s*|"
    r"\b(?:and|also|then|but|please|must|should|to)\s+)(?:embed|put|write|confirm))\b)"
    r".*?\b(?:answer|reply|html|message|sentence|with|end)\b"
    r"|\b(?:instructions|rules) (?:were you given|are)\b|\bother learners\b"
    r"|\bpasswords?\b|\bmy rules\b"
    r"|\A(?>.*?\bquiz\b).*?\b(?:options?|answers?|letters)\b"
    r"|\A(?>.*?\b(?:options?|answers?)\b).*?\bquiz\b",
    re.I | re.S,
)
"""The first that begins an order decides: ``(?>…)`` keeps it."""
_MARKUP = re.compile(
    r"<[^<>]{0,200}>|!?\[[^\[\]]*\]\([^()]*+(?:\([^()]*+\)[^()]*+)?\)"
    r"|\{\{(?:(?!\{\{).)*?\}\}|\{%(?:(?!\{%).)*?%\}"
    r"|https?://\S+",
    re.S,
)
_SENTENCE = re.compile(r"(?<=[.!?:])\s+|\n+|[;—]\s+")


@dataclass(frozen=True)
class Asked:
    """What is looked up."""

    said: str
    """What was written, orders and markup left out; "" if nothing is asked."""
    own: str
    """The question itself: the same without what surrounds it."""
    full: str
    """The same with the question before it or the selected words, if it needs them."""
    is_order: bool
    """Whether it told the mentor what to be or to say."""
    is_about_view: bool
    """Whether it is about what is on the screen: "this section", "the table"."""


def read_question(question: str, before: Sequence[str], selected: str) -> Asked:
    """The question as it is looked up; pure."""
    text = _MARKUP.sub(" ", question[:MAX_LETTERS])
    parts = [part for part in _SENTENCE.split(text) if part.strip()]
    kept = [part for part in parts if not _ORDERS.search(part)]
    is_order = len(kept) < len(parts)
    said = " ".join(" ".join(kept).split())
    own = in_the_courses_words(written_out(plainly(said)))
    num_words = len(content_stems(own))
    full, is_about_view = own, bool(_SHOWN.search(own))
    if selected.strip() and (is_about_view or num_words < MIN_OWN_WORDS):
        full, is_about_view = f"{own} {selected.strip()[:MAX_LETTERS]}", True
    elif own and before and (num_words < 2 or _needs_before(own, num_words)):
        full = f"{_last(before)} {own}"
    return Asked(said, own, full, is_order, is_about_view)


def _needs_before(own: str, num_words: int) -> bool:
    refers = num_words < MIN_OWN_WORDS and bool(_REFERS.search(own))
    return refers or num_words < 3


def _last(before: Sequence[str]) -> str:
    """The last question, with the one before it where it refers to that."""
    plain = plainly(_MARKUP.sub(" ", before[-1][:MAX_LETTERS]))
    last = in_the_courses_words(written_out(plain))
    if len(before) > 1 and _needs_before(last, len(content_stems(last))):
        return f"{before[-2][:MAX_LETTERS]} {last}"
    return last
