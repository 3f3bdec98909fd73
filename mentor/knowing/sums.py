"""A message that is a sum of plain numbers: "what is 17 * 23", "15 % of 80?". Pure.

One with a unit or a word of the course ("3 x 16 GiB", "50 tokens in blocks of 16") is a
question about the course, and so is a range or a ratio without a question ("28 % to
174 %", "24/7").
"""

import re

_ASKING = frozenset(
    "=|calculate|compute|do|does|give|how|is|it's|solve|tell|what|what's|whats|work"
    "".split("|")
)
_FILLING = frozenset(
    "a again an and answer are can do equal equals for i make makes me much now ok "
    "okay out please pls result so the then to you".split()
)
_BETWEEN = frozenset(
    "by difference divided from between less minus mod modulo multiplied multiply of "
    "over percent plus power product raised sum times x".split()
) | frozenset("+-−*×·/÷:^%=()")
_OF_ONE = frozenset(
    "cube cubed cosine cos derivative double even factorial half log logarithm ln "
    "number odd prime quarter root sin sine sqrt square squared tan tangent third "
    "thirds".split()
)
"""What takes one number; the rest takes two."""
_UNASKED = frozenset("+*×÷^")
"""Operators that need no question."""
_PART = re.compile(r"\d[\d.,]*|[a-z][a-z']*|[^\w\s]", re.I)
_END = frozenset(".,;!?")


def is_sum(message: str) -> bool:
    """Whether it asks to calculate with its own numbers, and nothing else."""
    parts = _PART.findall(message.lower().replace("’", "'"))
    numbers = sum(part[0].isdigit() for part in parts)
    said = {part for part in parts if not part[0].isdigit()}
    does = said - _END - _FILLING - (_ASKING - {"="})
    is_asked = bool(said & (_ASKING | _OF_ONE | _UNASKED))
    is_enough = numbers >= (1 if does & _OF_ONE else 2)
    return is_asked and is_enough and bool(does) and does <= _BETWEEN | _OF_ONE
