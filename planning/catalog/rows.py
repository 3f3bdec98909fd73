"""Rows of a catalog file: YAML whose faults are told with file, line and reason.

A catalog is one YAML mapping; a row is a mapping in one of its lists. Every getter
takes the field away, so that ``Row.finish`` can name what nobody reads.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar

import yaml

from planning.catalog.safe_yaml import compose_unique
from planning.errors import BadSetting, BrokenCatalog

CATALOG = Path(__file__).parent
MAX_BYTES = 1_000_000


class HasId(Protocol):
    """What a catalog holds: each entry is known by a name of its own."""

    @property
    def id(self) -> str:
        """As links and files name it."""


Entry = TypeVar("Entry", bound=HasId)


class Row:
    """One mapping of a catalog, with the line of each field."""

    def __init__(self, path: Path, node: yaml.MappingNode) -> None:
        self.path = path
        self.line = node.start_mark.line + 1
        self._nodes: dict[str, yaml.Node] = {}
        for key, value in node.value:
            self._nodes[key.value] = value
        self._unread = set(self._nodes)

    def broken(self, name: str, reason: str) -> BrokenCatalog:
        """The error to raise about a field."""
        node = self._nodes.get(name)
        line = node.start_mark.line + 1 if node else self.line
        return BrokenCatalog(self.path, line, f"{name}: {reason}")

    def has(self, name: str) -> bool:
        """Whether the field stands in the row, be it null."""
        return name in self._nodes

    def value(self, name: str) -> Any:
        """What the field says; None where it is absent."""
        self._unread.discard(name)
        node = self._nodes.get(name)
        if node is None:
            return None
        try:
            return yaml.constructor.SafeConstructor().construct_document(node)
        except (yaml.YAMLError, ValueError, TypeError) as error:
            raise self.broken(name, f"cannot be read ({error}).") from error

    def text(self, name: str, default: str | None = None) -> str:
        """A text; ``default`` stands for an absent one, or it is required."""
        value = self.value(name)
        if value is None and default is not None:
            return default
        if not isinstance(value, str) or not value.strip():
            raise self.broken(name, f"is a text, not {value!r}.")
        return value.strip()

    def choice(self, name: str, allowed: Sequence[str]) -> str:
        """One of the words allowed."""
        word = self.text(name)
        if word not in allowed:
            raise self.broken(name, f"is {word!r}: allowed are {', '.join(allowed)}.")
        return word

    def flag(self, name: str) -> bool:
        """True or false; an absent one is false."""
        value = self.value(name)
        if value is not None and not isinstance(value, bool):
            raise self.broken(name, f"is true or false, not {value!r}.")
        return bool(value)

    def number(self, name: str, low: float, high: float) -> float:
        """A required number within the limits, both allowed."""
        found = self.optional_number(name, low, high)
        if found is None:
            raise self.broken(name, f"a number from {low:g} to {high:g} is required.")
        return found

    def optional_number(self, name: str, low: float, high: float) -> float | None:
        """A number within the limits; None where it is absent or null."""
        value = self.value(name)
        if value is None:
            return None
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not math.isfinite(value) or not low <= value <= high:
            reason = f"is a number from {low:g} to {high:g}, not {value!r}."
            raise self.broken(name, reason)
        return float(value)

    def whole(self, name: str, low: int, high: int) -> int:
        """A required whole number within the limits."""
        found = self.optional_whole(name, low, high)
        if found is None:
            raise self.broken(name, f"a number from {low} to {high} is required.")
        return found

    def optional_whole(self, name: str, low: int, high: int) -> int | None:
        """A whole number within the limits; None where it is absent or null."""
        value = self.optional_number(name, low, high)
        if value is not None and value != int(value):
            raise self.broken(name, f"is a whole number, not {value!r}.")
        return None if value is None else int(value)

    def texts(self, name: str) -> tuple[str, ...]:
        """A list of texts; an absent one is empty."""
        value = self.value(name)
        found = [] if value is None else value
        if not isinstance(found, list) or not all(isinstance(v, str) for v in found):
            raise self.broken(name, f"is a list of texts, not {value!r}.")
        return tuple(found)

    def row(self, name: str) -> "Row | None":
        """The mapping under a field; None where it is absent."""
        self._unread.discard(name)
        node = self._nodes.get(name)
        if node is None:
            return None
        if not isinstance(node, yaml.MappingNode):
            raise self.broken(name, "is a mapping of fields.")
        return Row(self.path, node)

    def rows(self, name: str) -> Iterator["Row"]:
        """The list of mappings under a field."""
        self._unread.discard(name)
        node = self._nodes.get(name)
        if not isinstance(node, yaml.SequenceNode):
            raise self.broken(name, "is a list of rows.")
        for child in node.value:
            if not isinstance(child, yaml.MappingNode):
                line = child.start_mark.line + 1
                raise BrokenCatalog(self.path, line, "a row is a mapping of fields.")
            yield Row(self.path, child)

    def finish(self) -> None:
        """Refuses fields that nobody has read: a misspelt one is not ignored."""
        if self._unread:
            name = min(self._unread)
            raise self.broken(name, "is not a field of this row.")


def read_catalog(path: Path) -> Row:
    """The whole file as one row; raises BrokenCatalog."""
    try:
        raw = path.read_bytes()
        if len(raw) > MAX_BYTES:
            raise BrokenCatalog(path, 1, f"at most {MAX_BYTES:,} bytes are read.")
        root = compose_unique(raw.decode())
    except OSError as error:
        raise BrokenCatalog(path, 1, f"cannot be opened: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise BrokenCatalog(path, 1, f"this is not UTF-8: {error.reason}.") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or "it cannot be read"
        line = mark.line + 1 if mark else 1
        raise BrokenCatalog(path, line, f"this is not YAML: {problem}.") from error
    if not isinstance(root, yaml.MappingNode):
        raise BrokenCatalog(path, 1, "a catalog is a mapping of fields.")
    return Row(path, root)


def read_entries(
    root: Row, name: str, read: Callable[[Row], Iterable[Entry]], noun: str
) -> tuple[Entry, ...]:
    """All that ``read`` makes of the rows of a list, in the file's order.

    Raises BrokenCatalog, also for an id given twice and for fields that nobody reads.
    """
    entries: dict[str, Entry] = {}
    for row in root.rows(name):
        for entry in read(row):
            if entry.id in entries:
                raise row.broken("id", f"a second {noun} {entry.id!r}.")
            entries[entry.id] = entry
        row.finish()
    root.finish()
    return tuple(entries.values())


def entry_of(entries: Sequence[Entry], entry_id: str, field: str, noun: str) -> Entry:
    """The one of that id; raises BadSetting with the ids there are."""
    for entry in entries:
        if entry.id == entry_id:
            return entry
    known = ", ".join(entry.id for entry in entries)
    reason = f"there is no {noun} {entry_id[:60]!r}: known are {known}."
    raise BadSetting(field, reason)
