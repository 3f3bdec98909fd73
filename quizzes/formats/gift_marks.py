r"""Marks of GIFT that stand where their author meant none.

Moodle divides ``{=<img src="a.png"> ~b}`` at the second ``=``. A mark within a tag's
attributes is hidden here and named; one within a formula, and an ``=`` right after a
letter, divide as in Moodle and are named, for both may be meant.
"""

import re

from quizzes.formats.letters import HIDING_FIRST

ESCAPED = "~=#{}:\\n"
"""What a backslash may precede, in the order of the characters that hide them."""
_TAG = re.compile(
    r"<[A-Za-z][A-Za-z0-9]{0,15}"
    r"(?:\s++[\w:-]++(?:\s*+=\s*+(?:\"[^\"<>]*+\"|'[^'<>]*+'))?+)++\s*+/?>"
)
_BREAK = chr(HIDING_FIRST + ESCAPED.index("n"))
_INNER = re.compile(r"[^\s~=%]\s++=\s++[^\s=~]")
_NUMBER_MARK = re.compile(r"%\s*+-?[0-9]")


def hide_in_tags(source: str, losses: list[str]) -> str:
    """``source`` with the marks within its tags hidden, as if escaped."""

    def hide(found: "re.Match[str]") -> str:
        tag = found[0]
        for mark in "=~#:":
            tag = tag.replace(mark, chr(HIDING_FIRST + ESCAPED.index(mark)))
        if "=" in found[0]:
            losses.append(
                f"the = of {found[0][:40]!r} is read as part of the tag, where "
                r"Moodle divides: write \="
            )
        return tag

    return _TAG.sub(hide, source)


def name_divided(source: str, losses: list[str]) -> None:
    """Name formulas, and right answers, that a mark within divides."""
    formulas = source.split("$")[1::2] if source.count("$") % 2 == 0 else []
    for said in formulas:
        is_one = said.strip() == said and said[-1:] not in ("=", "~", "")
        if is_one and ("=" in said or "~" in said):
            losses.append(
                rf"'${said[:40]}$' is divided at a mark, as in Moodle: write \= and \~"
            )
    if source.count("=") > 1 and (found := re.search(r"[^\s~=%>]=", source)):
        losses.append(
            f"an = right after {found[0][0]!r} begins another right answer, as in "
            r"Moodle: in a text write \="
        )
    elif row := _within_a_row(source):
        losses.append(
            f"the = within {row!r} begins another right answer, as in Moodle: in a "
            r"text write \="
        )


def _within_a_row(source: str) -> str:
    """A row with an = between words, where each answer begins a row of its own, or no
    other mark has a space behind it."""
    rows = [row.strip() for row in source.split("\n") if row.strip()]
    begun = [row for row in rows if row.startswith(("=", "~"))]
    inner = [row for row in rows if _INNER.search(row)]
    if not inner:
        return ""
    has_rows = len(begun) > 1 and len(begun) == len(rows)
    is_close = not re.search(r"[=~]\s", _INNER.sub("", source))
    return inner[0][:40] if has_rows or is_close else ""


def name_open_weight(piece: str, losses: list[str]) -> None:
    """Name a ``%50`` without its end, which learners read."""
    if _NUMBER_MARK.match(piece):
        losses.append(f"{piece[:20]!r} is read as text: a weight is written %50%")


def name_path(text: str, losses: list[str]) -> None:
    r"""Name a path such as C:\new, whose ``\n`` ends the line."""
    words = (word.lstrip("\"'(") for word in text.split() if _BREAK in word[:-1])
    if any(word[:1].isalpha() and word[1:2] == ":" for word in words):
        losses.append(
            r"'\n' in a path is read as the end of a line, as in Moodle: write \\n"
        )


def name_sharp(piece: str, losses: list[str]) -> None:
    r"""Name a choice such as C#, whose ``#`` begins a feedback that says nothing."""
    text, mark, feedback = piece.partition("#")
    if mark and not feedback.strip() and text[-1:].strip():
        losses.append(
            f"{piece.strip()[:40]!r} is read without its #, as in Moodle: write \\#"
        )
