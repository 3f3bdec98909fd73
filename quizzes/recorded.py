"""Real runs of measured questions, kept for times when no engine is up."""

from functools import cache
from pathlib import Path
from typing import Any

import yaml

from quizzes.bank import BANK, RECORDED


@cache
def recorded_runs(path: Path = BANK / RECORDED) -> dict[str, Any]:
    """``{"provenance": {...}, "reports": {question: {"exact", "runs"}}}``."""
    if not path.exists():
        return {"provenance": {}, "reports": {}}
    found: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return found


def recorded(
    question_name: str,
) -> tuple[list[dict[str, float]], dict[str, Any]] | None:
    """The runs' numbers and where they come from; None if nothing was recorded."""
    found = recorded_runs()
    report = found["reports"].get(question_name)
    if report is None:
        return None
    provenance = {**found["provenance"], "is_exact": report["exact"]}
    return report["runs"], provenance | {"is_recorded": True}
