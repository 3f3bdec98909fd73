r"""GIFT in and out. Source: docs.moodle.org, "GIFT format".

Read: ``$CATEGORY``, ``::title::``, ``[html]`` and other text formats, ``{T}``/``{F}``,
``=`` and ``~`` with ``%weight%``, ``->`` matching, ``{#…}`` numbers with ``:`` and
``..``, missing words, ``#`` feedback, ``####`` general feedback, ``//`` comments with
``[id:…]`` and ``[tag:…]``, and the escapes ``\~ \= \# \{ \} \: \n``.
What a question cannot keep (a description, an essay) is named in ``losses``.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from quizzes.errors import BrokenQuestion
from quizzes.formats.gift_answers import answer_fields, hidden, shown


@dataclass
class Imported:
    """Bodies that question_from() takes, and what was not taken over."""

    bodies: list[dict[str, Any]] = field(default_factory=list)
    losses: list[str] = field(default_factory=list)


_TITLE = re.compile(r"^::(.*?)::", re.DOTALL)
_FORMAT = re.compile(r"^\s*\[(html|moodle|plain|markdown)\]")
_CATEGORY = re.compile(r"^\$CATEGORY:\s*(.*)$")
_MARK = re.compile(r"\[(id|tag):([^\]]*)\]")
MAX_CHARS = 1_000_000


def read_gift(text: str) -> Imported:
    """All questions of a file; raises BrokenQuestion with the line of a broken one."""
    if len(text) > MAX_CHARS:
        raise BrokenQuestion((), f"a file has at most {MAX_CHARS:,} characters.")
    imported = Imported()
    category = ""
    for number, (line, chunk) in enumerate(_chunks(text), 1):
        marks = dict.fromkeys(("id", "tag"), "")
        tags: list[str] = []
        kept = []
        for row in chunk:
            if row.lstrip().startswith("//"):
                for name, value in _MARK.findall(row):
                    marks[name] = value.strip()
                    tags += [value.strip()] if name == "tag" else []
            elif found := _CATEGORY.match(row.strip()):
                category = found[1].strip()
            else:
                kept.append(row)
        source = "\n".join(kept).strip()
        if not source:
            continue
        if category:
            tags.append(category.rsplit("/", 1)[-1])
        try:
            _add(imported, source, number, marks["id"], tags)
        except BrokenQuestion as error:
            raise BrokenQuestion((), f"line {line}: {error.reason}") from None
    return imported


def _chunks(text: str) -> Iterator[tuple[int, list[str]]]:
    """Rows between blank lines, outside braces, with the number of the first."""
    rows: list[str] = []
    first, depth = 1, 0
    lines = text.removeprefix("\ufeff").replace("\r\n", "\n").split("\n")
    for number, row in enumerate(lines, 1):
        is_comment = row.lstrip().startswith("//")
        if not row.strip() and depth <= 0:
            if rows:
                yield first, rows
            rows, depth = [], 0
            continue
        if not rows:
            first = number
        rows.append(row)
        if not is_comment:
            bare = hidden(row)
            depth += bare.count("{") - bare.count("}")
    if rows:
        yield first, rows


def _add(
    imported: Imported, source: str, number: int, marked: str, tags: list[str]
) -> None:
    text = hidden(source)
    title = ""
    if found := _TITLE.match(text):
        title, text = shown(found[1]), text[found.end() :]
    name = _slug(marked or title) or f"question-{number}"
    if found := _FORMAT.match(text):
        if found[1] == "html":
            imported.losses.append(f"{name}: the text is HTML and is shown as it is")
        text = text[found.end() :]
    start, end = text.find("{"), text.rfind("}")
    if (start < 0) != (end < 0) or end < start:
        raise BrokenQuestion((), "braces are not closed.")
    if start < 0:
        imported.losses.append(f"{name}: a description without an answer")
        return
    before, answers, after = text[:start], text[start + 1 : end], text[end + 1 :]
    if not answers.strip():
        imported.losses.append(f"{name}: an essay, which nothing grades")
        return
    blank = " _____ " if after.strip() else ""
    asked = shown(" ".join(f"{before.strip()}{blank}{after.strip()}".split()))
    fields = answer_fields(name, answers, imported.losses)
    body = {"id": name, "text": asked or title, **fields}
    if title and _slug(title) != name and not marked:
        imported.losses.append(f"{name}: the title {title!r}")
    if tags:
        body["tags"] = list(dict.fromkeys(tags))
    imported.bodies.append(body)


def _slug(title: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", title.casefold()).strip("-")[:80].strip("-")
