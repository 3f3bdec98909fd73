"""Passwords that were found out elsewhere, in a file that the operator names.

    0018A45C4D1DEF81644B54AB7F969B88D65D4CC1:3    as Have I Been Pwned ships it:
    00D4F6E8FA6EECAD2A3AA415EEC418D38EC6F7CA:12   SHA-1, and perhaps how often

    letmein                                       or plain words; either way in the
    password1                                     order of bytes (LC_ALL=C sort -u)

Such a file may have 40 GB: it is searched where it lies, by some 40 looks.
"""

import hashlib
import re
from bisect import bisect_left
from itertools import pairwise
from pathlib import Path
from typing import Any, BinaryIO

from django.core.exceptions import ValidationError

_HASH = re.compile(rb"[0-9A-F]{40}")
MOST_BYTES = 1_024
"""Of one line."""
NUM_LOOKS = 1_000
"""Places of a file that are looked at before it is trusted."""


class Lines:
    """What lines begin with, by the byte that they begin at or after; the end of the
    file is greater than all."""

    def __init__(self, file: BinaryIO, is_hashes: bool) -> None:
        self._file, self._is_hashes = file, is_hashes
        self._num_bytes = file.seek(0, 2)

    def __len__(self) -> int:
        return self._num_bytes

    def __getitem__(self, at: int) -> tuple[bool, bytes]:
        self._file.seek(max(0, at - 1))
        if at:
            self._file.readline(MOST_BYTES)
        line = self._file.readline(MOST_BYTES)
        if not line:
            return True, b""
        word = line.rstrip(b"\r\n")
        return False, word.partition(b":")[0].upper() if self._is_hashes else word


class BreachedPasswordValidator:
    """Refuses a password that the file has."""

    def __init__(self, path: str) -> None:
        self.path = Path(path)

    def validate(self, password: str, user: Any = None) -> None:
        """ValidationError with a sentence."""
        with self.path.open("rb") as file:
            is_hashes = _is_of_hashes(file)
            key = password.encode()
            if is_hashes:
                made = hashlib.sha1(key, usedforsecurity=False).hexdigest()
                key = made.upper().encode()
            lines, wanted = Lines(file, is_hashes), (False, key)
            at = bisect_left(lines, wanted)
            if at < len(lines) and lines[at] == wanted:
                raise ValidationError(self.get_help_text(), code="password_breached")

    def get_help_text(self) -> str:
        """The rule, beside the field."""
        return (
            "Your password can’t be one that was found out at another site: those are "
            "the first that are tried."
        )


def fault_of(path: Path) -> str:
    """Why a file cannot be searched, or ""; by its beginning and by samples."""
    try:
        with path.open("rb") as file:
            is_hashes = _is_of_hashes(file)
            lines = Lines(file, is_hashes)
            if not len(lines):
                return "it is empty"
            places = sorted({len(lines) * n // NUM_LOOKS for n in range(NUM_LOOKS)})
            words = [
                word for is_end, word in map(lines.__getitem__, places) if not is_end
            ]
    except OSError as error:
        return str(error.strerror)
    if is_hashes and not all(map(_HASH.fullmatch, words)):
        return "it begins with hashes and goes on with something else"
    if any(len(word) >= MOST_BYTES - 2 for word in words):
        return "it is no text of one password a line"
    if any(first > second for first, second in pairwise(words)):
        return "its lines are not in the order of their bytes (LC_ALL=C sort -u)"
    return ""


def _is_of_hashes(file: BinaryIO) -> bool:
    file.seek(0)
    return bool(_HASH.fullmatch(file.readline(MOST_BYTES).strip().upper()[:40]))
