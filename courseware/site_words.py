"""Passwords that are little more than words of this site are not taken."""

from collections.abc import Iterable
from typing import Any

from django.core.exceptions import ValidationError

LEAST_LETTERS = 8
"""Beside the words, in a password that has one."""
_LOOKS_LIKE = str.maketrans("013457@$!", "oieastasi")
"""How letters are often written as something else."""


class SiteWordsValidator:
    """Refuses a password whose letters are those of the site's words but for a few."""

    def __init__(self, words: Iterable[str]) -> None:
        self.words = sorted({word.lower() for word in words}, key=len, reverse=True)

    def validate(self, password: str, user: Any = None) -> None:
        """ValidationError with a sentence."""
        text = "".join(letter.lower()[0] for letter in password)
        read, is_left = text.translate(_LOOKS_LIKE), [True] * len(text)
        for word in self.words:
            at = read.find(word)
            while at >= 0:
                is_left[at : at + len(word)] = [False] * len(word)
                at = read.find(word, at + 1)
        left = [one for one, stays in zip(text, is_left, strict=True) if stays]
        num_letters = sum(one.isalpha() for one in left)
        if len(left) < len(text) and num_letters < LEAST_LETTERS:
            raise ValidationError(self.get_help_text(), code="password_of_site")

    def get_help_text(self) -> str:
        """The rule, beside the field."""
        return (
            "Your password can’t be little more than words of this site, such as its "
            f"name: beside them it has {LEAST_LETTERS} letters or more."
        )
