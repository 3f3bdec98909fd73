"""XML of strangers as a small tree: no document type, no entities of its own.

expat reads it without loading anything from elsewhere; a document type, and with it
every entity that could grow or name a file, is refused. Depth and size are bounded.

    bytes ── decoded ──► text ── parsed ──► Node
                           └── not XML ──► parts(): each <question> by itself

HTML within ``<text>`` that stands outside CDATA is read as if it stood within.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import escape
from html.entities import html5
from xml.parsers import expat

from quizzes.errors import BrokenQuestion
from quizzes.formats.letters import decoded, encoding_of

MAX_BYTES = 32_000_000
MAX_DEPTH = 60
MAX_NODES = 300_000
_DECLARATION = re.compile(r"\s*+<\?xml\b[^>]*+>")
_DECLARED = re.compile(rb"<\?xml\b[^>]{0,200}?\bencoding\s{0,9}=\s{0,9}['\"]([\w.:-]+)")
_ENTITY = re.compile(r"<!\[CDATA\[(?:[^\]]|\](?!\]>))*+|&([A-Za-z][A-Za-z0-9]{1,31});")
_TOKEN = re.compile(r"<!\[CDATA\[|<!--|<question(?=[\s>])|</question\s{0,9}>")
_OF_XML = frozenset({"amp", "lt", "gt", "quot", "apos"})
_HOW = {"text"}
"""Elements whose content is text, HTML among it."""


class NotXml(BrokenQuestion):
    """What is not well formed, with its line."""


@dataclass
class Node:
    """An element, the line where it begins, and its own text."""

    tag: str
    attributes: dict[str, str]
    line: int
    text: str = ""
    children: list["Node"] = field(default_factory=list)

    def all(self, tag: str) -> Iterator["Node"]:
        """The children with a tag."""
        return (child for child in self.children if child.tag == tag)

    def child(self, *tags: str) -> "Node | None":
        """The first element down a path."""
        node: Node | None = self
        for tag in tags:
            node = next(node.all(tag), None) if node else None
        return node

    def at(self, *tags: str) -> str:
        """The text down a path; "" if there is none. Who forgets a ``<text>`` around
        it is understood too."""
        node = self.child(*tags)
        if node is None and tags and tags[-1] == "text":
            node = self.child(*tags[:-1]) if tags[:-1] else self
        return node.text.strip() if node else ""


class _Builder:
    def __init__(self, first_line: int) -> None:
        self.parser = expat.ParserCreate("utf-8")
        self.root: Node | None = None
        self._before = first_line - 1
        self._open: list[Node] = []
        self._texts: list[list[str]] = []
        self._num_nodes = 0
        self._markup: list[str] = []
        """Open elements within a text."""
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._data
        self.parser.StartDoctypeDeclHandler = self._refuse
        self.parser.EntityDeclHandler = self._refuse

    @property
    def line(self) -> int:
        """Where the parser is, from 1."""
        return self._before + self.parser.CurrentLineNumber

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        self._num_nodes += 1
        depth = len(self._open) + len(self._markup)
        if depth >= MAX_DEPTH or self._num_nodes > MAX_NODES:
            raise self.broken(
                f"at most {MAX_NODES:,} elements, {MAX_DEPTH} in each other, are read."
            )
        if self._open and self._open[-1].tag in _HOW:
            self._markup.append(tag)
            said = "".join(f' {n}="{escape(v)}"' for n, v in attributes.items())
            self._texts[-1].append(f"<{tag}{said}>")
            return
        node = Node(tag, attributes, self.line)
        if self._open:
            self._open[-1].children.append(node)
        else:
            self.root = node
        self._open.append(node)
        self._texts.append([])

    def _end(self, tag: str) -> None:
        if self._markup:
            self._texts[-1].append(f"</{self._markup.pop()}>")
        else:
            self._open.pop().text = "".join(self._texts.pop())

    def _data(self, data: str) -> None:
        if self._texts:
            self._texts[-1].append(escape(data) if self._markup else data)

    def _refuse(self, *_: object) -> None:
        raise self.broken("a document type or an entity of its own is not read.")

    def broken(self, reason: str) -> BrokenQuestion:
        """The error to raise about what is being read."""
        return BrokenQuestion((), f"line {self.line}: {reason}")


def xml_text(raw: bytes, encoding: str = "") -> str:
    """The letters, by a mark or the declaration, which is gone from them; raises
    BrokenQuestion."""
    if len(raw) > MAX_BYTES:
        raise BrokenQuestion((), f"at most {MAX_BYTES:,} bytes of XML are read.")
    marked = encoding_of(raw)
    if not encoding and marked == "utf-8-sig" and (found := _DECLARED.search(raw)):
        encoding = found[1].decode()
        if encoding.casefold().startswith("utf"):  # it has no mark of another
            encoding = ""
    try:
        text, _ = decoded(raw, encoding)
    except BrokenQuestion as error:
        if "no encoding" in error.reason:
            raise NotXml((), f"line 1: not XML: {error.reason}") from None
        raise
    # Blank lines before the declaration are no XML, and harm nobody.
    begins = _DECLARATION.match(text)
    end = begins.end() if begins else 0
    return "\n" * text.count("\n", 0, end) + text[end:]


def parsed(text: str, first_line: int = 1) -> Node:
    """The root element; raises NotXml, or BrokenQuestion for what is not read."""
    builder = _Builder(first_line)
    try:
        builder.parser.Parse(_with_entities(text).encode(), True)
    except expat.ExpatError as error:
        line = first_line - 1 + error.lineno
        reason = expat.ErrorString(error.code)
        raise NotXml((), f"line {line}: not XML: {reason}.") from None
    except ValueError as error:
        raise NotXml((), f"line {first_line}: not XML: {error}.") from None
    assert builder.root is not None
    return builder.root


def _with_entities(text: str) -> str:
    """``&nbsp;`` and the other names of HTML, which XML does not know, as letters."""

    def letters(found: "re.Match[str]") -> str:
        name = found[1] or ""
        return found[0] if name in _OF_XML else html5.get(f"{name};", found[0])

    return _ENTITY.sub(letters, text)


def read_xml(raw: bytes) -> Node:
    """The root element of a file; raises BrokenQuestion with the line of what is
    wrong."""
    return parsed(xml_text(raw))


def parts(text: str) -> Iterator[tuple[int, str]]:
    """Each question of a text that is not XML as a whole: its line and its source. The
    last one may have no end."""
    start, line, counted, skip = -1, 1, 0, 0
    for token in _TOKEN.finditer(text):
        if token.start() < skip:
            continue
        said = token[0]
        if said in ("<![CDATA[", "<!--"):
            end = "]]>" if said[2] == "[" else "-->"
            skip = text.find(end, token.end())
            if skip < 0:
                break
        elif said.startswith("</"):
            if start >= 0:
                yield line, text[start : token.end()]
            start = -1
        else:
            if start >= 0:  # the one before has no end
                yield line, text[start : token.start()]
            start = token.start()
            line += text.count("\n", counted, start)
            counted = start
    if start >= 0:
        yield line, text[start:]
