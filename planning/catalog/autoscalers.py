"""Presets of autoscalers that people run on instances of their own.

``catalog/autoscalers.yaml`` is the data: fields of a plan, each with the setting that
it follows, the address of its documentation and the day that was read.
"""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from planning.catalog.as_of import AsOf, read_as_of
from planning.catalog.rows import CATALOG, Row, entry_of, read_catalog, read_entries


@dataclass(frozen=True)
class Setting:
    """One field of a plan, and what says so."""

    field: str
    value: float | str
    follows: str
    """In the autoscaler's own words."""
    address: str
    as_of: AsOf | None


@dataclass(frozen=True)
class Autoscaler:
    """Its defaults, and what these leave open."""

    id: str
    name: str
    like: str
    """The autoscaler whose settings it has where it has none of its own; or empty."""
    settings: tuple[Setting, ...]
    unknown: tuple[str, ...]


@lru_cache(maxsize=4)
def load_autoscalers(
    path: Path = CATALOG / "autoscalers.yaml",
) -> tuple[Autoscaler, ...]:
    """All presets in the file's order; raises BrokenCatalog."""
    root = read_catalog(path)
    return read_entries(
        root, "autoscalers", lambda row: [_autoscaler(row)], "autoscaler"
    )


def autoscaler(autoscaler_id: str) -> Autoscaler:
    """The preset of that id with what it takes over; raises BadSetting."""
    found = entry_of(load_autoscalers(), autoscaler_id, "platform", "autoscaler")
    if not found.like:
        return found
    other = autoscaler(found.like)
    own = {one.field for one in found.settings}
    taken = tuple(one for one in other.settings if one.field not in own)
    unknown = found.unknown or other.unknown
    return Autoscaler(found.id, found.name, "", found.settings + taken, unknown)


def _autoscaler(row: Row) -> Autoscaler:
    return Autoscaler(
        id=row.text("id"),
        name=row.text("name"),
        like=row.text("like", ""),
        settings=tuple(_setting(one) for one in row.rows("settings")),
        unknown=row.texts("unknown"),
    )


def _setting(row: Row) -> Setting:
    value = row.value("value")
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise row.broken("value", f"is a number or a word, not {value!r}.")
    found = Setting(
        field=row.text("field"),
        value=value,
        follows=row.text("follows"),
        address=row.text("address"),
        as_of=read_as_of(row),
    )
    row.finish()
    return found
