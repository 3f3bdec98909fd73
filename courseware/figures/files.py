"""The data of figures, as it lies in ``content/data/``."""

from functools import cache
from pathlib import Path
from typing import Any

import yaml

DATA = Path(__file__).parents[1] / "content" / "data"
Context = dict[str, Any]
WITH_JSON = ("paged-or-contiguous", "step-sharing")
"""Figures whose data a command made from real runs."""


@cache
def figure_data(name: str) -> Any:
    """What a YAML file of that name holds."""
    return yaml.safe_load((DATA / f"{name}.yaml").read_text(encoding="utf-8"))


@cache
def figure_json(name: str) -> str | None:
    """The data that a figure steps through, as it lies in its file; None: no such."""
    path = DATA / f"{name.replace('-', '_')}.json"
    return path.read_text(encoding="utf-8") if name in WITH_JSON else None


def forget_files() -> None:
    """Read the files anew: one of them has changed."""
    figure_data.cache_clear()
    figure_json.cache_clear()
