""" "Why was my answer wrong?": a quiz answer explained in its author's own words.

Found by rules, not by meaning: such a question says nothing of what it is about. What
may be told of an answer the quizzes decide (courseware.answered): nothing of a question
that the learner can still answer. A question of a quiz under way that is put to the
mentor word for word is left to the learner.
"""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from django.utils import timezone

from courseware.answered import Explained, OpenQuestion, Option, answered
from courseware.words import content_stems
from mentor.knowing import Finding, Passage

RECENTLY = timedelta(minutes=20)
""" "Why?" is about an answer that was given since."""
MIN, MIN_SHARE, MIN_LENGTH = 3, 0.8, 0.25
"""Words of a text, the part of an open question's that it has, and how long that one is
beside it: from there on the text is taken for the question."""
_JUDGED = r"(?:wrong|incorrect|false|right|correct|mistaken?|mistakes?)"
_OWN = r"(?:my|last|previous|quiz)"
_GIVEN = r"(?:answer|choice|guess|prediction)"
_SURE = re.compile(
    rf"\A(?>.*?\b{_OWN}\b)(?>.*?\b{_GIVEN}\b).*?\b{_JUDGED}\b"
    rf"|\A(?>.*?\b{_JUDGED}\b)(?>.*?\b{_OWN}\b).*?\b{_GIVEN}\b"
    rf"|\A(?>.*?\bexplain\b)(?>.*?\b{_OWN}\b).*?\b(?:answer|choice|mistake|guess)\b"
    r"|\bwhat (?:did|have) I (?:get|got|do|done) wrong\b|\bwhere did I go wrong\b"
    r"|\bwhy (?:was|am|were) I wrong\b|\bwhy did I get (?:it|that|this) wrong\b"
    r"|\b(?:what|where) (?:was|is) my (?:mistake|misconception|error)\b",
    re.I | re.S,
)
_PERHAPS = re.compile(
    rf"^\W*(?:but |and |so )?(?:why (?:was|is|were|isn[’']?t|wasn[’']?t) "
    rf"(?:that|this|it)(?: not)?(?: the)? ?{_JUDGED}(?: answer| one)?\W*$"
    rf"|what(?:[’']s| is| was| would be) (?:the )?(?:right|correct) (?:answer|one)\b"
    rf"|explain (?:that|the|this) (?:answer|mistake|misconception|question)\b"
    rf"|why\W*$)",
    re.I,
)
_WHY_NOT = re.compile(
    r"^\W*(?:but |and |so )?(?:why not|why (?:isn[’']?t|wasn[’']?t)(?: it)?"
    r"|what(?:[’']s| is| was) wrong with)\s+(?:option |choice |answer )?(?P<not>.+?)"
    rf"(?:\s+{_JUDGED})?\W*$"
    r"|^\W*(?:but |and |so )?why (?:is|was) (?:option |choice |answer )?(?P<is>.+?)"
    rf"\s+(?:not )?{_JUDGED}\W*$",
    re.I,
)
NONE = (
    "You have not answered a question of a quiz yet. When you have, ask me why an "
    "answer was right or wrong."
)
AGAIN = (
    "That question is open for you again, so I say no more about it before you have "
    "answered it."
)
YOURS = (
    "That is a question of a quiz that you have open, so the answer is yours to give. "
    "Ask me why as soon as you have given it."
)


def find(
    learner_id: str, question: str, selected: str = "", answer_id: int | None = None
) -> tuple[Finding, dict[str, Any], int | None] | None:
    """What is said, as mentor.course has it, and of which answer; None where the
    question is about something else.

    ``answer_id`` is the answer that the question, or one before it, was asked about.
    """
    about = _about(learner_id, question, answer_id)
    if about is not None:
        return (*_explain(about, question), about.answer_id)
    if _SURE.search(question) and re.search(r"\bquiz", question, re.I):
        return (*_sentence(NONE), None)
    if yours := _open_question(learner_id, question, selected):
        return (*_sentence(_read_on(YOURS, yours.title), yours.url), None)
    return None


def _about(learner_id: str, question: str, answer_id: int | None) -> Explained | None:
    """The answer that a question is about, if it is about one."""
    is_sure = bool(_SURE.search(question))
    if not (is_sure or _PERHAPS.search(question) or _WHY_NOT.search(question)):
        return None
    found = answered().explained(learner_id, answer_id)
    if found is None or is_sure:
        return found
    is_recent = found.answered_at > timezone.now() - RECENTLY
    if answer_id is None and not is_recent:
        return None
    return found if _PERHAPS.search(question) or _option(found, question) else None


def _explain(about: Explained, question: str) -> tuple[Finding, dict[str, Any]]:
    if about.is_open:
        return _sentence(_read_on(AGAIN, about.title), about.url)
    return _answer([_asked(about), *_told(about, _option(about, question))], about)


def _asked(about: Explained) -> str:
    said = f" You answered {about.said.rstrip('.')}." if about.said else ""
    return f"The question was: {about.question}{said}"


def _told(about: Explained, option: Option | None) -> Iterator[str]:
    """The reasons, what is right, and what holds for every answer."""
    if option is not None:
        verdict = "is right" if option.is_right else "is not right"
        yield f"“{option.text.rstrip('.')}” {verdict}. {option.because}"
        return
    verdicts = {"right": "That was right.", "partly": "That was partly right."}
    yield verdicts.get(about.outcome, "That was not right.")
    yield from about.reasons
    if about.right and about.outcome != "right":
        yield f"Right is {about.right.rstrip('.')}."
    if about.explanation:
        yield about.explanation


def _option(about: Explained, question: str) -> Option | None:
    """The choice that "why not …?" names, by its letter or by most of its words."""
    match = _WHY_NOT.search(question)
    if match is None:
        return None
    named = (match["not"] or match["is"]).strip("\"“”'‘’ ")
    by_letter = [o for o in about.options if o.letter == named.lower()]
    stems = set(content_stems(named))
    alike = [
        option
        for option in about.options
        if stems and len(stems & set(content_stems(option.text))) > len(stems) / 2
    ]
    found = by_letter or alike
    return found[0] if len(found) == 1 else None


def _open_question(learner_id: str, *texts: str) -> OpenQuestion | None:
    """The open question that a text repeats, alone or with its choices."""
    said = [stems for text in texts if len(stems := set(content_stems(text))) >= MIN]
    for one in answered().open_questions(learner_id) if said else ():
        asked = set(content_stems(one.text))
        for stems in said:
            is_alike = len(asked) >= max(MIN, len(stems) * MIN_LENGTH)
            if is_alike and len(asked & stems) >= MIN_SHARE * len(asked):
                return one
    return None


def _read_on(sentence: str, title: str) -> str:
    return f"{sentence} The part to read is “{title}”." if title else sentence


def _sentence(words: str, url: str = "") -> tuple[Finding, dict[str, Any]]:
    finding = Finding("talk", words=words, url=url)
    return finding, _said(finding, [], "")


def _answer(sentences: list[str], about: Explained) -> tuple[Finding, dict[str, Any]]:
    text = " ".join(sentences)
    finding = Finding("answer", [Passage(about.title, about.url, text, "quiz")])
    return finding, _said(finding, sentences, about.title)


def _said(finding: Finding, sentences: list[str], title: str) -> dict[str, Any]:
    url = finding.passages[0].url if finding.passages else finding.url
    rows = [
        {"text": text, "url": url, "title": title, "claims": []} for text in sentences
    ]
    return {
        "kind": finding.kind,
        "words": finding.words,
        "url": finding.url,
        "note_id": "",
        "sentences": rows,
        "offers": [],
    }
