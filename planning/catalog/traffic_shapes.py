"""Shapes of recorded traffic: requests a minute and lengths, from public traces.

``catalog/shapes.yaml`` holds facts about a trace, not the trace: how many requests came
in each minute, and quantiles of their lengths. An uploaded file replaces them exactly.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from planning.catalog.rows import CATALOG, Row, read_catalog, read_entries
from planning.errors import BadSetting

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Shape:
    """One recorded hour."""

    id: str
    title: str
    source: str
    counts: Array
    """Requests of each minute."""
    input_tokens: Array
    """Quantiles, evenly from the least to the most."""
    output_tokens: Array

    @property
    def rate_per_s(self) -> float:
        """Mean rate as recorded."""
        return float(self.counts.mean() / 60)


@lru_cache(maxsize=1)
def load_shapes() -> tuple[Shape, ...]:
    """All shapes; raises BrokenCatalog."""
    root = read_catalog(CATALOG / "shapes.yaml")
    return read_entries(root, "shapes", lambda row: [_shape(row)], "shape")


def _shape(row: Row) -> Shape:
    return Shape(
        id=row.text("id"),
        title=row.text("title"),
        source=row.text("source"),
        counts=np.array(row.value("requests_a_minute"), float),
        input_tokens=np.array(row.value("input_token_quantiles"), float),
        output_tokens=np.array(row.value("output_token_quantiles"), float),
    )


def shape(shape_id: str) -> Shape:
    """The shape of that id; raises BadSetting with those there are."""
    for one in load_shapes():
        if one.id == shape_id:
            return one
    known = ", ".join(one.id for one in load_shapes())
    raise BadSetting("shape", f"is {shape_id[:40]!r}; allowed are {known}.")
