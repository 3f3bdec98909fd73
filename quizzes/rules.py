"""What makes a bank fair: no answer is found by its length, mistakes are told. Pure.

Rules of one question are kept by the loader, those of the whole bank by its tests and
by ``loadquizzes``, which names what does not hold.
"""

from collections import Counter
from collections.abc import Collection, Mapping

from courseware.words import STOP_WORDS, words
from quizzes.errors import BrokenQuestion
from quizzes.questions import Question

MAX_LONGER = 1.4
"""A right answer's length over that of the longest wrong one."""
MAX_SHARE_LONGEST = 0.35
"""Of the single-choice questions, those whose right answer is the longest."""
MAX_IMBALANCE = 1
"""Between true and false answers."""
MIN_MISTAKES = 2
MIN_QUESTIONS = 2
"""Of each goal."""


def check_question(question: Question, goals: Collection[str]) -> None:
    """Raises BrokenQuestion for a question that breaks a rule of its own."""
    if not question.goal:
        raise BrokenQuestion((), "the field 'goal' is missing: what does it measure?")
    if question.goal not in goals:
        raise BrokenQuestion(("goal",), f"there is no goal {question.goal!r}.")
    if question.kind == "single":
        right, wrong = _lengths(question)
        if right > MAX_LONGER * wrong:
            raise BrokenQuestion(
                ("choices",),
                f"the right answer has {right} characters, the longest wrong one "
                f"{wrong}: more than {MAX_LONGER} times as many give it away.",
            )
    if told := sorted(_telling(question) & set(words(question.concept))):
        raise BrokenQuestion(
            ("concept",),
            f"it is read before the question is answered, and only what is right has "
            f"the word {told[0]!r}.",
        )
    if question.kind == "numeric" and len(question.mistakes) < MIN_MISTAKES:
        raise BrokenQuestion(
            ("mistakes",) if question.mistakes else (),
            f"a number foresees at least {MIN_MISTAKES} mistakes, each with a reason.",
        )


def faults_of_bank(
    questions: Mapping[str, Question], goals: Collection[str]
) -> list[str]:
    """What does not hold over all questions, each in a sentence."""
    faults = []
    singles = [q for q in questions.values() if q.kind == "single"]
    longest = [q.name for q in singles if is_right_longest(q)]
    if len(longest) > MAX_SHARE_LONGEST * len(singles):
        faults.append(
            f"in {len(longest)} of {len(singles)} single-choice questions the right "
            f"answer is the longest: {', '.join(longest)}."
        )
    truths = Counter(
        q.choices[0].is_right for q in questions.values() if q.kind == "truefalse"
    )
    if abs(truths[True] - truths[False]) > MAX_IMBALANCE:
        faults.append(f"{truths[True]} are true and {truths[False]} are false.")
    asked = Counter(question.goal for question in questions.values())
    for goal in goals:
        if asked[goal] < MIN_QUESTIONS:
            faults.append(f"the goal {goal!r} has {asked[goal]} of {MIN_QUESTIONS}.")
    return faults


def is_right_longest(question: Question) -> bool:
    """Whether "choose the longest" finds the right answer."""
    right, wrong = _lengths(question)
    return right > wrong


def _telling(question: Question) -> set[str]:
    """Words that what is right has, and neither the question nor what is wrong."""
    right = [choice.text for choice in question.choices if choice.is_right]
    right += [pair.right for pair in question.pairs] + list(question.accepted)
    wrong = [choice.text for choice in question.choices if not choice.is_right]
    others = [*wrong, *(pair.left for pair in question.pairs), question.text]
    return set(words(" ".join(right))) - set(words(" ".join(others))) - STOP_WORDS


def _lengths(question: Question) -> tuple[int, int]:
    """Characters of the right answer, and of the longest wrong one."""
    right = max(len(c.text) for c in question.choices if c.is_right)
    return right, max(len(c.text) for c in question.choices if not c.is_right)
