"""What one line of an Aiken file is, in the spellings that teachers use.

(A) x   A） x   A: x   A - x   Ａ) x        an option
ANSWER: B   ANSWER B   ANTWORT: B   答案：B   which is right
FEEDBACK: why   EXPLANATION: why           an explanation
- A) x   **B)** y   **Answer: B**           the same, with marks of Markdown
"""

import re
import unicodedata
from dataclasses import dataclass

ALPHABETS = (
    "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "abcdefghijklmnopqrstuvwxyz",
    "АБВГДЕЖЗИКЛМНОПРСТУФХЦЧШЩЭЮЯ",
    "абвгдежзиклмнопрстуфхцчшщэюя",
    "ΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣΤΥΦΧΨΩ",
    "אבגדהוזחטיכלמנסעפצקרשת",
    "أبجدهوزحطيكلمنسعفصقرشت",
)
_LOOKALIKES = str.maketrans(
    "АВСЕНКМОРТХавсеорхΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "ABCEHKMOPTXabceopxABEZHIKMNOPTYX"
)
_OPTION = re.compile(
    r"[(\[（]?([^\W\d_])(?:\s?[).\]）．]|、|\s?[:：](?=\s)|\s[-–](?=\s))\s*+(.*)$"
)
_WORDS = (
    "ANSWERS?|ANTWORT|L[ÖO]SUNG|R[ÉE]PONSE|RESPUESTA|RESPOSTA|RISPOSTA|ANTWOORD|"
    "ODPOWIED[ŹZ]|CEVAP|ОТВЕТ|ВІДПОВІДЬ|答案|正确答案|正解|CORRECT(?:\\s+ANSWER)?|"
    "RIGHT\\s+ANSWER"
)
_ANSWER = re.compile(
    rf"({_WORDS})(?:\s*+[:：;=]\s*+(.*)|\s++(\(?[^\W\d_]\)?\.?))$", re.IGNORECASE
)
_FEEDBACK = re.compile(
    r"(?:FEEDBACK|EXPLANATION|RATIONALE)\s*+[:：]\s*+(.*)$", re.IGNORECASE
)
_BULLET = re.compile(r"[-*+•]\s++")
_BOLD = re.compile(r"(\*\*|__)([^*_]++)\1(.*+)$")
_BOLD_ANSWER = re.compile(r"([^*_:：]{1,40}+[:：]\s*+)(\*\*|__)([^*_]++)\2$")


@dataclass(frozen=True, slots=True)
class Option:
    """``A) x``; the text may be empty."""

    letter: str
    text: str


def without_marks(row: str) -> str:
    """An option or an answer without Markdown's bullet and bold letters around it; any
    other row as it is."""
    bare = _BULLET.sub("", row, count=1) if _BULLET.match(row) else row
    if bold := _BOLD.match(bare):
        bare = bold[2] + bold[3]
    elif bold := _BOLD_ANSWER.match(bare):
        bare = bold[1] + bold[3]
    return bare if option_of(bare) or answer_of(bare) else row


def option_of(row: str) -> Option | None:
    """The option that a row is, or could be."""
    found = _OPTION.match(row)
    return Option(plain_letter(found[1]), found[2].strip()) if found else None


def answer_of(row: str) -> tuple[str, str] | None:
    """Of ``ANSWER: B`` the word and what stands after it."""
    found = _ANSWER.match(row)
    return (found[1], (found[2] or found[3] or "").strip()) if found else None


def feedback_of(row: str) -> str | None:
    """What a line of feedback says."""
    found = _FEEDBACK.match(row)
    return found[1] if found else None


def plain_letter(letter: str) -> str:
    """A full-width letter as others write it."""
    return unicodedata.normalize("NFKC", letter)


def is_same_letter(letter: str, other: str) -> bool:
    """Whether both look the same: a Cyrillic А is taken for a Latin A."""
    return letter.translate(_LOOKALIKES) == other.translate(_LOOKALIKES)


def looks_like_aiken(text: str) -> bool:
    """Whether some line says which option is right, or options A and B follow each
    other."""
    before = ""
    for row in text.split("\n"):
        bare = without_marks(row.strip())
        if (answer := answer_of(bare)) and answer[1]:
            return True
        option = option_of(bare)
        if option and before == "A" and option.letter == "B":
            return True
        before = option.letter if option else before if not bare else ""
    return False


def num_answers(text: str) -> int:
    """How many lines say which option is right, of questions with an option A."""
    found, has_options = 0, False
    for row in text.split("\n"):
        bare = without_marks(row.strip())
        if (answer := answer_of(bare)) and answer[1]:
            found += has_options
            has_options = False
        elif option := option_of(bare):
            has_options |= any(option.letter == alphabet[0] for alphabet in ALPHABETS)
    return found
