"""Figures read off a recorded run of the course's own engine."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from courseware.computed.shown import Value

RUN = Path(__file__).parents[1] / "content" / "data" / "paged_or_contiguous.json"


@cache
def _run() -> dict[str, Any]:
    data: dict[str, Any] = json.loads(RUN.read_text(encoding="utf-8"))
    return data


def paged_and_contiguous() -> dict[str, Value]:
    """The recorded run of figure paged-or-contiguous and its two replays in regions."""
    run = _run()
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
