"""XML of strangers as a small tree: no document type, no entities of its own.

expat reads it without loading anything from elsewhere; a document type, and with it
every entity that could grow or name a file, is refused. Depth and size are bounded.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from xml.parsers import expat

from quizzes.errors import BrokenQuestion

MAX_BYTES = 32_000_000
MAX_DEPTH = 60
MAX_NODES = 300_000


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
        """The text down a path; "" if there is none."""
        node = self.child(*tags)
        return node.text.strip() if node else ""


class _Builder:
    def __init__(self) -> None:
        self.parser = expat.ParserCreate()
        self.root: Node | None = None
        self._open: list[Node] = []
        self._texts: list[list[str]] = []
        self._num_nodes = 0
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._data
        self.parser.StartDoctypeDeclHandler = self._refuse
        self.parser.EntityDeclHandler = self._refuse

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        self._num_nodes += 1
        if len(self._open) >= MAX_DEPTH or self._num_nodes > MAX_NODES:
            raise self.broken(
                f"at most {MAX_NODES:,} elements, {MAX_DEPTH} in each other, are read."
            )
        node = Node(tag, attributes, self.parser.CurrentLineNumber)
        if self._open:
            self._open[-1].children.append(node)
        else:
            self.root = node
        self._open.append(node)
        self._texts.append([])

    def _end(self, tag: str) -> None:
        self._open.pop().text = "".join(self._texts.pop())

    def _data(self, data: str) -> None:
        if self._texts:
            self._texts[-1].append(data)

    def _refuse(self, *_: object) -> None:
        raise self.broken("a document type or an entity of its own is not read.")

    def broken(self, reason: str) -> BrokenQuestion:
        """The error to raise about what is being read."""
        return BrokenQuestion((), f"line {self.parser.CurrentLineNumber}: {reason}")


def read_xml(raw: bytes) -> Node:
    """The root element; raises BrokenQuestion with the line of what is wrong."""
    if len(raw) > MAX_BYTES:
        raise BrokenQuestion((), f"at most {MAX_BYTES:,} bytes of XML are read.")
    builder = _Builder()
    try:
        builder.parser.Parse(raw, True)
    except expat.ExpatError as error:
        reason = expat.ErrorString(error.code)
        raise BrokenQuestion((), f"line {error.lineno}: not XML: {reason}.") from None
    except (LookupError, ValueError) as error:  # an encoding that nobody knows
        raise BrokenQuestion((), f"line 1: not XML: {error}.") from None
    assert builder.root is not None
    return builder.root
