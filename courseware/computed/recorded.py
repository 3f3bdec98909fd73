"""Figures read off a recorded run of the course's own engine."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from courseware.computed.shown import Value

DATA = Path(__file__).parents[1] / "content" / "data"


@cache
def _data(name: str) -> dict[str, Any]:
    data: dict[str, Any] = json.loads((DATA / name).read_text(encoding="utf-8"))
    return data


def paged_and_contiguous() -> dict[str, Value]:
    """The recorded run of figure paged-or-contiguous and its two replays in regions."""
    run = _data("paged_or_contiguous.json")
    steps = run["num_steps"]
    return {
        "requests": run["num_requests"],
        "blocks": run["num_blocks"],
        "block_size": run["block_size"],
        "longest": run["longest"],
        "paged_steps": steps["paged"],
        "max_steps": steps["max"],
        "oracle_steps": steps["oracle"],
    }


def steps_shared() -> dict[str, Value]:
    """Steps of the recordings in figure step-sharing: one request and eight."""
    data = _data("step_sharing.json")
    points = {row["requests"]: row for row in data["series"][0]["points"]}
    one, eight = points[1], points[8]
    return {
        "one_ms": one["median_ms"],
        "eight_ms": eight["median_ms"],
        "one_tokens_per_s": one["tokens_per_s"],
        "eight_tokens_per_s": eight["tokens_per_s"],
        "times": eight["tokens_per_s"] / one["tokens_per_s"],
        "budget": data["most_tokens"],
        "machine": data["provenance"]["machine"],
        "date": data["provenance"]["date"],
    }
