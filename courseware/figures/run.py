"""A recorded run, in pages as it was and in one region for each request."""

import json

from courseware.figures.files import Context, figure_json


def paged_or_contiguous() -> Context:
    """One moment of a recorded run, paged and in regions; the whole run as a table."""
    data = json.loads(figure_json("paged-or-contiguous") or "{}")
    size = data["block_size"]
    moments = []
    for at, step in enumerate(data["steps"]):
        paged, regions = data["paged"][at], data["contiguous"]["max"][at]
        tokens = sum(row[1] for row in paged["tables"])
        taken = {block for row in paged["tables"] for block in row[2]}
        held = sum(row[1] for row in regions["regions"])
        room = sum(row[4] for row in regions["regions"]) * size
        moments.append(
            {
                "step": step,
                "paged": {**_counts(paged), "running": len(paged["tables"])},
                "contiguous": {**_counts(regions), "running": len(regions["regions"])},
                "paged_share": _percent(tokens, len(taken) * size),
                "contiguous_share": _percent(held, room),
            }
        )
    shown = len(moments) * 3 // 8
    return {
        "shown": moments[shown],
        "at": shown,
        "last": len(moments) - 1,
        "moments": moments[:: len(moments) // 8],
        "paged_cells": _paged_cells(data, shown),
        "contiguous_cells": _region_cells(data, shown),
        "num_blocks": data["num_blocks"],
        "columns": RUN_COLUMNS,
        "rows": -(-data["num_blocks"] // RUN_COLUMNS),
        "width": 10 * RUN_COLUMNS,
        "height": 10 * -(-data["num_blocks"] // RUN_COLUMNS),
        "num_requests": data["num_requests"],
        "num_steps": data["num_steps"],
    }


RUN_COLUMNS = 26


def _counts(moment: Context) -> Context:
    return {key: moment[key] for key in ("waiting", "finished")}


def _percent(part: int, whole: int) -> int | None:
    """Shared blocks hold their tokens once for several: never above 100."""
    return min(100, round(100 * part / whole)) if whole else None


def _paged_cells(data: Context, at: int) -> list[Context]:
    kinds = ["free"] * data["num_blocks"]
    for _, _, block_ids in data["paged"][at]["tables"]:
        for block in block_ids:
            kinds[block] = "tokens"
    return _run_cells(kinds)


def _region_cells(data: Context, at: int) -> list[Context]:
    kinds = ["free"] * data["num_blocks"]
    size = data["block_size"]
    for _, tokens, final, start, units in data["contiguous"]["max"][at]["regions"]:
        held, needed = -(-tokens // size), -(-final // size)
        kinds[start : start + held] = ["tokens"] * held
        kinds[start + held : start + needed] = ["reserved"] * (needed - held)
        kinds[start + needed : start + units] = ["internal"] * (units - needed)
    return _run_cells(kinds)


def _run_cells(kinds: list[str]) -> list[Context]:
    """One SVG path for each kind of cell."""
    paths = {kind: "" for kind in ("tokens", "reserved", "internal", "free")}
    for index, kind in enumerate(kinds):
        x, y = 10 * (index % RUN_COLUMNS), 10 * (index // RUN_COLUMNS)
        paths[kind] += f"M{x},{y}h9v9h-9z"
    return [{"kind": kind, "path": path} for kind, path in paths.items()]
