"""Reading the fields of a question's body, each with the path that leads to it."""

import re
from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any

from quizzes.errors import BrokenExpression, BrokenQuestion
from quizzes.expressions import number_of

MAX_CHARS = 8_000
_MISSING = object()
_CONTROL = re.compile("[\0-\x08\x0b-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
"""All that XML cannot hold, of line ends only the line feed."""


class Body:
    """A mapping and the path to it; every reader raises BrokenQuestion."""

    def __init__(self, value: Any, path: tuple[str | int, ...] = ()) -> None:
        if not isinstance(value, Mapping):
            raise BrokenQuestion(path, "fields with names stand here.")
        self._value = value
        self._path = path

    def broken(self, field: str, reason: str) -> BrokenQuestion:
        """The error to raise about a field."""
        return BrokenQuestion((*self._path, field), reason)

    def has(self, field: str) -> bool:
        """Whether the field is there."""
        return field in self._value

    def allow(self, fields: set[str]) -> None:
        """Refuse every other field."""
        for name in self._value:
            if name not in fields:
                raise self.broken(
                    str(name),
                    f"unknown field; allowed are {', '.join(sorted(fields))}.",
                )

    def _get(self, field: str, default: Any = _MISSING) -> Any:
        value = self._value.get(field, default)
        if value is _MISSING:
            raise BrokenQuestion(self._path, f"the field {field!r} is missing.")
        return value

    def text(
        self, field: str, default: Any = _MISSING, *, most: int = MAX_CHARS
    ) -> str:
        """A text of at most so many characters; numbers are taken as they are
        written."""
        value = self._get(field, default)
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise self.broken(field, "a text stands here.")
        text = str(value).strip()
        if not text and default is _MISSING:
            raise self.broken(field, "the text is empty.")
        if len(text) > most:
            raise self.broken(field, f"a text has at most {most:,} characters.")
        if _CONTROL.search(text):
            raise self.broken(field, "a text has no control characters.")
        return text

    def flag(self, field: str, *, required: bool = False) -> bool:
        """True or false; false where it may be left out."""
        value = self._get(field, _MISSING if required else False)
        if not isinstance(value, bool):
            raise self.broken(field, f"true or false, not {value!r}.")
        return value

    def number(self, field: str, default: Any = _MISSING) -> Fraction:
        """A number, exactly as written."""
        try:
            return number_of(self._get(field, default))
        except BrokenExpression as error:
            raise self.broken(field, error.reason) from None

    def _list(self, field: str, required: bool) -> list[Any]:
        value = self._get(field, _MISSING if required else [])
        if not isinstance(value, list):
            raise self.broken(field, "a list stands here.")
        return value

    def texts(self, field: str) -> list[str]:
        """A list of texts; empty where it is left out."""
        rows = self._list(field, required=False)
        row = Body(dict(enumerate(rows)), (*self._path, field))
        return [row.text(index) for index in range(len(rows))]  # type: ignore[arg-type]

    def bodies(self, field: str, *, required: bool = True) -> list["Body"]:
        """A list of mappings."""
        rows = self._list(field, required)
        return [Body(row, (*self._path, field, at)) for at, row in enumerate(rows)]

    def body(self, field: str) -> "Body":
        """A mapping within."""
        return Body(self._get(field), (*self._path, field))

    def mappings(self, field: str) -> Iterator[tuple[str, "Body"]]:
        """The mappings of a mapping, by name; none where it is left out."""
        row = Body(self._get(field, {}), (*self._path, field))
        for name in row._value:
            yield str(name), row.body(name)

    def rows(self, field: str) -> list[dict[str, Fraction | str]]:
        """A parameter's list: plain values, or mappings of values."""
        found = []
        for at, value in enumerate(self._list(field, required=True)):
            row = value if isinstance(value, Mapping) else {"": value}
            body = Body(row, (*self._path, field, at))
            found.append({str(name): body._plain(name) for name in row})
        return found

    def _plain(self, field: str) -> Fraction | str:
        value = self._get(field)
        if isinstance(value, str):
            return value
        return self.number(field)
