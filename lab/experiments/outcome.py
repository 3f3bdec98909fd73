"""What a run came to: plain values that are kept as JSON and drawn later.

Every number is one that the engine reported (measured), follows from such ones by a
formula that its label names (derived), or is None: unknown.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Kind = Literal["measured", "derived", "estimated"]
Look = Literal["line", "dots", "bars", "bands", "path"]
"""bands: stacked areas, each series on top of the one before. path: points joined in
the order in which they stand, each with its name."""


@dataclass(frozen=True)
class Figure:
    """One number of the result."""

    label: str
    value: float | None
    unit: str = ""
    kind: Kind = "measured"


@dataclass(frozen=True)
class Series:
    """One line, row of bars or band; ``role`` is a colour of the design language:
    used, cached, shared, free, yours, link, ink, warning, muted."""

    name: str
    points: list[tuple[float, float]]
    role: str = "used"
    names: list[str] = field(default_factory=list)
    """Of a path: what each point is called; the same name is the same row of its
    table."""


@dataclass(frozen=True)
class Span:
    """A stretch of x that is marked: when the long prompt was read."""

    label: str
    low: float
    high: float


@dataclass(frozen=True)
class Mark:
    """A place that is pointed at: the knee."""

    label: str
    x: float
    y: float


@dataclass(frozen=True)
class Plot:
    """One drawing; its table is made of the same points."""

    title: str
    across: str
    """What x is, with its unit."""
    up: str
    series: list[Series]
    look: Look = "line"
    spans: list[Span] = field(default_factory=list)
    level: float | None = None
    """A thin dashed line across: the SLO, a published value;"""
    level_label: str = ""
    names: list[str] = field(default_factory=list)
    """Of bars: the words under each x = 0, 1, 2, …"""
    until: float | None = None
    """Where x ends at least, so that two drawings are to one scale."""
    marks: list[Mark] = field(default_factory=list)


@dataclass(frozen=True)
class Table:
    """Rows of cells, as they are shown: the first is the row's head."""

    caption: str
    columns: list[str]
    rows: list[list[Any]]
    """Cells are str, int, float, or None: unknown."""


@dataclass(frozen=True)
class Link:
    """Where to go on with the result: a page of the course, with the figures in its
    address."""

    label: str
    url: str


@dataclass(frozen=True)
class Outcome:
    """The answer, in the question's unit or as one of its options, and what led to
    it. ``answer`` is None where it could not be measured; ``says`` tells why."""

    answer: float | str | None
    says: str
    """What was found, in a sentence or two."""
    figures: list[Figure] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    plots: list[Plot] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)
    answer_kind: Kind = "measured"
    """Whether the answer was measured, or follows from what was."""

    def to_json(self) -> dict[str, Any]:
        """As it is kept."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Outcome":
        """What to_json() made."""
        plots = [
            Plot(
                **{
                    **plot,
                    "series": [Series(**one) for one in plot["series"]],
                    "spans": [Span(**one) for one in plot["spans"]],
                    "marks": [Mark(**one) for one in plot.get("marks", [])],
                }
            )
            for plot in data.get("plots", [])
        ]
        return cls(
            answer=data.get("answer"),
            says=data.get("says", ""),
            figures=[Figure(**one) for one in data.get("figures", [])],
            tables=[Table(**one) for one in data.get("tables", [])],
            plots=plots,
            links=[Link(**one) for one in data.get("links", [])],
            answer_kind=data.get("answer_kind", "measured"),
        )
