"""What a file is that no reader here reads, by its first bytes, and what to do."""

import re

from quizzes.errors import BrokenQuestion

_TEXT = "open it in the program that made it and save it as plain text, in UTF-8."
_STARTS: tuple[tuple[bytes, str], ...] = (
    (b"{\\rtf", f"this is RTF, whatever its name: {_TEXT}"),
    (b"%PDF-", f"this is a PDF: {_TEXT}"),
    (b"\xd0\xcf\x11\xe0", f"this is a file of an older Word or Excel: {_TEXT}"),
    (b"\x1f\x8b", "this is a compressed file, as a Moodle backup is: export the "
     "question bank from Moodle as Moodle XML or GIFT."),
    (b"PK\x03\x04", "this is a ZIP archive, as files of Word, Excel and "
     "LibreOffice and packages of QTI are: save it as plain text in UTF-8, or export "
     "the questions as Moodle XML or GIFT."),
    (b"\x89PNG", "this is an image."),
    (b"\xff\xd8\xff", "this is an image."),
    (b"GIF8", "this is an image."),
)  # fmt: skip
_READ = "read are GIFT, Aiken and Moodle XML: export one of these."
ROOTS = {
    "questestinterop": f"this is QTI 1.2 (or of Blackboard or Canvas): {_READ}",
    "assessmentItem": f"this is QTI 2: {_READ}",
    "assessmentTest": f"this is QTI 2: {_READ}",
    "manifest": f"this is the manifest of a package, as of QTI: {_READ}",
    "qti-assessment-item": f"this is QTI 3: {_READ}",
    "qti-assessment-test": f"this is QTI 3: {_READ}",
    "question_categories": f"this is part of a Moodle backup: {_READ}",
    "POOL": f"this is a pool of Blackboard: {_READ}",
    "html": f"this is a web page: {_READ}",
}
"""By the name of the first element."""
_HTML = re.compile(r"<(!doctype\s++html|html)[\s>]", re.IGNORECASE)
_JSON = re.compile(r'\{\s*+"|\[\s*+["\[{]')
_MARKED = re.compile(r"[{}]|::|\$CATEGORY")
NUM_ROWS = 3
"""Rows that make a table, where no mark of GIFT is in the file."""


def refuse_bytes(raw: bytes) -> None:
    """Raises BrokenQuestion for a file that is no text."""
    bare = raw.removeprefix(b"\xef\xbb\xbf").lstrip()[:8]
    for start, reason in _STARTS:
        if bare.startswith(start):
            raise BrokenQuestion((), reason)


def refuse_text(text: str) -> None:
    """Raises BrokenQuestion for a web page, JSON or a table in place of questions."""
    if _HTML.match(text.lstrip()):
        raise BrokenQuestion((), ROOTS["html"])
    if text.rstrip()[-1:] in ("}", "]") and _JSON.match(text.lstrip()):
        raise BrokenQuestion((), f"this is JSON: {_READ}")
    if not _MARKED.search(text) and _is_table(text):
        raise BrokenQuestion(
            (), f"this is a table, as CSV is, and says of no column what it is: {_READ}"
        )


def _is_table(text: str) -> bool:
    """Whether the first rows have the same separator equally often, twice or more."""
    rows = [row for row in text.split("\n", 60) if row.strip()][:NUM_ROWS]
    return len(rows) >= 2 and any(
        len({_columns(row, mark) for row in rows}) == 1 and _columns(rows[0], mark) > 2
        for mark in ("\t", ";", ",")
    )


def _columns(row: str, mark: str) -> int:
    return len(re.sub(r'"[^"]*"', "", row).split(mark))
