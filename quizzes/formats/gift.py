r"""GIFT as Moodle reads it. Sources: docs.moodle.org, "GIFT format"; moodle/moodle,
``question/format/gift/format.php`` at 00e93a9.

    lines ── chunks ──► title, text, { answers } ── gift_answers ──► body

A question ends at a blank line, and also where a line begins with ``::`` or
``$CATEGORY:``; blank lines between braces are allowed. docs/quizzes.md has the table of
what each form becomes. What cannot be asked is refused by line and title, and the rest
of the file is read; what is not kept is named in ``losses``.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from quizzes.errors import BrokenQuestion
from quizzes.formats.cloze import gap_type, gap_weight
from quizzes.formats.gift_answers import Answers, fields_of
from quizzes.formats.gift_categories import CATEGORY, begins_category, tag_of
from quizzes.formats.gift_texts import FORMAT, GiftReader, hidden, on_one_line, shown
from quizzes.formats.imported import Imported, Place, lines_of

_TITLE = re.compile(r"^::(.*?)::", re.DOTALL)
_LATE_TITLE = re.compile(r"(?:[Qq]\s?)?[0-9]{1,4}\s?[.):]\s*+::[^:\n{]{1,200}::")
_MARK = re.compile(r"\[(id|tag):")
_MARKED = re.compile(r"((?:\\.|[^\]\\])*+)\]")
_BLOCK = re.compile(r"\{([^{}]*)\}")
_ANSWERS = re.compile(r"\s*(?:[=~#]|(?:TRUE|FALSE|T|F)\s*(?:#|$))")
_ANSWER_ROW = re.compile(r"^[^\S\n]*+[=~][^\S\n]*+[^\s=~]", re.M)
MAX_QUESTION_CHARS = 60_000
MAX_GAPS = 100
"""Of one question: each is read with all of its text."""
GAP = "_____"
OTHER_GAP = "[…]"


@dataclass
class Chunk:
    """The rows of one question, with what stands in its comments."""

    line: int
    rows: list[str] = field(default_factory=list)
    title: str = ""
    name: str = ""
    tags: list[str] = field(default_factory=list)
    unclosed_at: int = 0
    """Line of the next question, where a brace is open when it begins."""

    @property
    def source(self) -> str:
        """The rows as one text."""
        return "\n".join(self.rows).strip()


def read_gift(text: str, imported: Imported | None = None) -> Imported:
    """All questions of a file that can be asked; raises BrokenQuestion only for a file
    that is too long."""
    found = imported or Imported()
    category = ""
    for chunk in _chunks(lines_of(text)):
        if named := CATEGORY.match(chunk.source):
            category = tag_of(shown(hidden(named[1])), Place(chunk.line), found)
        elif chunk.source:
            chunk.tags.append(category)
            add_question(found, chunk)
    return found


def add_question(found: Imported, chunk: Chunk) -> None:
    """A question, or its gaps as questions; else why not."""
    source = chunk.source
    if len(source) > MAX_QUESTION_CHARS:
        found.refuse(
            Place(chunk.line, source[:80]),
            f"{len(source):,} characters, of at most {MAX_QUESTION_CHARS:,}: is a }} "
            "missing?",
        )
        return
    question = _Question(chunk)
    try:
        question.add_to(found)
    except BrokenQuestion as error:
        found.refuse(question.place, error.reason)


class _Chunker:
    """Divides rows into questions."""

    def __init__(self) -> None:
        self.chunk: Chunk | None = None
        self.depth = 0
        self.head = ""
        """The question's first row."""
        self._has_gap = False

    def is_next(self, row: str) -> bool:
        """Whether a row begins another question, a blank one aside."""
        if not self.head:
            return False
        bare = row.lstrip()
        if begins_category(bare) or begins_category(self.head):
            return True
        if bare.startswith("::"):
            return not self._is_in_title()
        # After a blank line within braces, a row with a brace is a new question.
        return self.depth > 0 and self._has_gap and "{" in hidden(row)

    def _is_in_title(self) -> bool:
        source = self.chunk.source if self.chunk else ""
        return source.startswith("::") and not _TITLE.match(source)

    def take(self, row: str) -> None:
        """Add a row to the question."""
        assert self.chunk is not None
        if not row.strip():
            self._has_gap = True
        self.head = self.head or row.strip()
        bare = hidden(row)
        self.depth = max(0, self.depth + bare.count("{") - bare.count("}"))
        self.chunk.rows.append(row)

    def start(self, line: int) -> None:
        """Begin a question."""
        self.chunk, self.depth, self._has_gap = Chunk(line), 0, False
        self.head = ""


def _chunks(lines: list[str]) -> Iterator[Chunk]:
    chunker = _Chunker()
    for number, row in enumerate(lines, 1):
        is_comment = row.lstrip().startswith("//")
        is_end = not row.strip() and chunker.depth == 0
        if chunker.chunk and (is_end or (not is_comment and chunker.is_next(row))):
            if chunker.depth:
                chunker.chunk.unclosed_at = number
            yield chunker.chunk
            chunker.chunk, chunker.head = None, ""
        if is_end:
            chunker.depth = 0
            continue
        if chunker.chunk is None:
            chunker.start(number)
        assert chunker.chunk is not None
        if is_comment:
            _take_marks(chunker.chunk, row)
            continue
        if not chunker.head:
            chunker.chunk.line = number
        chunker.take(row)
    if chunker.chunk:
        if chunker.depth:
            chunker.chunk.unclosed_at = len(lines) + 1
        yield chunker.chunk


def _take_marks(chunk: Chunk, row: str) -> None:
    at = 0
    while (mark := _MARK.search(row, at)) and (value := _MARKED.match(row, mark.end())):
        at = value.end()
        bare = re.sub(r"\\(.)", r"\1", value[1]).strip()
        if mark[1] == "tag":
            chunk.tags.append(bare)
        else:
            chunk.name = bare


class _Question:
    """One chunk, read."""

    def __init__(self, chunk: Chunk) -> None:
        self._chunk = chunk
        self._tags = list(dict.fromkeys(tag for tag in chunk.tags if tag))
        self._text = hidden(chunk.source)
        self._reader = GiftReader()
        self._title = chunk.title
        self._put_mark_first()
        if found := _TITLE.match(self._text):
            self._title = self._reader.title(on_one_line(found[1]))
            self._text = self._text[found.end() :].strip()
        elif self._text.startswith("::"):
            self._text = self._text[2:]
            self._reader.losses.append("its '::', which begins a title without an end")
        elif late := _LATE_TITLE.match(self._text):
            self._reader.losses.append(
                f"{shown(late[0])[:60]!r} is read as text, as in Moodle: a title "
                "stands first"
            )
        text = _BLOCK.sub("…", self._text)
        if marked := FORMAT.match(text):
            text = text[marked.end() :]
        self.place = Place(chunk.line, self._title or shown(text))

    def _put_mark_first(self) -> None:
        """``[html]::title::text`` as ``::title::[html]text``."""
        marked = FORMAT.match(self._text)
        rest = self._text[marked.end() :].lstrip() if marked else ""
        if marked and (found := _TITLE.match(rest)):
            end = found.end()
            self._text = f"{rest[:end]}{marked[0].strip()}{rest[end:].lstrip()}"

    def add_to(self, imported: Imported) -> None:
        """Read all of it; raises BrokenQuestion."""
        blocks = list(_BLOCK.finditer(self._text))
        self._check_braces()
        if len(_ANSWER_ROW.findall(_BLOCK.sub("", self._text))) > 1:
            raise BrokenQuestion(
                (),
                "lines of answers stand in no braces: write { before the first of "
                "them, and } behind the last.",
            )
        if not blocks:
            imported.lose(self.place, ["a description without an answer"])
            return
        if len(blocks) == 1 and not blocks[0][1].partition("####")[0].strip():
            imported.lose(self.place, ["an essay, which nothing grades"])
            return
        self._check_blocks(blocks)
        bodies = [self._body(blocks, at) for at in range(len(blocks))]
        if len(bodies) > 1:
            self._reader.losses.append(
                f"its {len(bodies)} gaps become {len(bodies)} questions"
            )
            weights = [gap_weight(block[1]) for block in blocks]
            if len(set(weights)) > 1:
                told = ", ".join(map(str, weights))
                self._reader.losses.append(f"the weights {told} of its gaps")
        for number, body in enumerate(bodies, 1):
            suffix = f" {number}" if len(bodies) > 1 else ""
            wanted = [self._chunk.name, self._title, str(body["text"])]
            own = imported.add(self.place, body, *(w and w + suffix for w in wanted))
            if wanted[0] and own != wanted[0] + suffix.replace(" ", "-"):
                self._reader.losses.append(f"its id {wanted[0]!r}: here it is {own}")
        imported.lose(self.place, self._reader.named())

    def _check_braces(self) -> None:
        rest = _BLOCK.sub("", self._text)
        if "{" not in rest and "}" not in rest:
            return
        if self._chunk.unclosed_at:
            raise BrokenQuestion(
                (),
                "braces are not closed: a { has no } before line "
                f"{self._chunk.unclosed_at}.",
            )
        raise BrokenQuestion(
            (), r"braces are not closed, or not escaped: in a text write \{ and \}."
        )

    def _check_blocks(self, blocks: list["re.Match[str]"]) -> None:
        if len(blocks) == 1:
            return
        if re.search(r"\}[^\S\n]*+::", self._text):
            raise BrokenQuestion((), "several questions on one line.")
        if len(blocks) > MAX_GAPS:
            raise BrokenQuestion(
                (), f"{len(blocks)} pairs of braces, of at most {MAX_GAPS}."
            )
        for block in blocks:
            if not gap_type(block[1]) and not _ANSWERS.match(block[1]):
                raise BrokenQuestion(
                    (),
                    f"{len(blocks)} braces, and {shown(block[0])[:40]!r} is no answer: "
                    r"in a text write \{ and \}.",
                )
        rows = [row for row in self._text.split("\n") if "{" in row]
        if len(rows) == len(blocks) and not any(gap_type(b[1]) for b in blocks):
            ends = [row.rstrip().endswith("}") for row in rows]
            if all(ends):
                raise BrokenQuestion(
                    (), "several questions without a blank line between them."
                )

    def _body(self, blocks: list["re.Match[str]"], at: int) -> dict[str, object]:
        block = blocks[at]
        rest = self._text[block.end() :]
        is_gap = rest.strip() or len(blocks) > 1 or gap_type(block[1])
        blank = GAP if is_gap else ""
        if rest.lstrip(" \t").startswith("//"):
            self._reader.losses.append(
                f"{on_one_line(rest)[:40]!r} is read as text, as in Moodle: a comment "
                "has a line of its own"
            )
        if len(blocks) == 1 and rest.strip() and "\n" in rest[: -len(rest.lstrip())]:
            self._reader.losses.append(
                f"{on_one_line(rest)[:40]!r}, a line after its answers, is read as "
                "text after a gap, as in Moodle"
            )
        asked = f"{self._text[: block.start()]}\0{rest}"
        asked = _BLOCK.sub(OTHER_GAP, asked).replace("\0", blank)
        text = self._reader.question(asked)
        if not text and not self._title:
            raise BrokenQuestion(
                (), "no text stands before its braces: a blank line ends a question."
            )
        fields = fields_of(Answers(block[1], self._reader))
        body = {"kind": "", "text": text or self._title, **fields}
        if self._title and self._title != self._chunk.name:
            body["title"] = self._title
        if self._tags:
            body["tags"] = list(self._tags)
        return body
