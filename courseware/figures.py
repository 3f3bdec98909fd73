"""The numbers behind the chapter's static figures; each draws one template.

A figure is a function without arguments that returns the context of
``courseware/figures/<name>.html``. Widths are per cent of the figure's width, so that
bars stretch while their labels keep their size.
"""

import json
import re
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from courseware.card_list import card_list, read_query
from courseware.claims import Claim
from courseware.values import NoValue, all_claims, fill_all

CONTENT = Path(__file__).parent / "content"
DATA = CONTENT / "data"
_NAMED = re.compile(r"(?:\{value |\bclaim: )([a-z0-9-]+)")
Context = dict[str, Any]


@cache
def _data(name: str) -> Any:
    """A figure's file, with the figures of claims that it names filled in."""
    return fill_all(yaml.safe_load(_source(name)), _claims)


def _source(name: str) -> str:
    return (DATA / f"{name}.yaml").read_text(encoding="utf-8")


def _claims() -> dict[str, Claim]:
    return all_claims(CONTENT)


def _claimed(name: str) -> Mapping[str, Any]:
    """The figures of the claim that a figure's file names."""
    claim_id = _data(name)["claim"]
    if claim_id not in _claims():
        raise NoValue(f"there is no claim {claim_id!r}, or two chapters have it")
    return _claims()[claim_id].figures


def claims_of(name: str) -> list[str]:
    """The claims whose figures a figure draws: its chapter lists them with its own."""
    path = name.replace("-", "_")
    if not (DATA / f"{path}.yaml").exists():
        return []
    return _NAMED.findall(_source(path))


@cache
def figure_json(name: str) -> str | None:
    """The data that a figure steps through, as it lies in its file; None: no such."""
    path = DATA / f"{name.replace('-', '_')}.json"
    return path.read_text(encoding="utf-8") if name in WITH_JSON else None


@cache
def draw_figure(name: str) -> SafeString:
    """The HTML of a figure: the same in every chapter that shows it."""
    return render_to_string(f"courseware/figures/{name}.html", FIGURES[name]())


def forget_data() -> None:
    """Read the files anew: one of them has changed."""
    draw_figure.cache_clear()
    _data.cache_clear()
    figure_json.cache_clear()


WITH_JSON = ("paged-or-contiguous",)


def kv_waste() -> Context:
    """Stacked bars: what the memory set aside for the KV cache held."""
    systems = []
    for row in _data("kv_waste")["systems"]:
        parts, start = [], 0.0
        for kind in ("tokens", "reserved", "internal", "external"):
            parts.append({"kind": kind, "x": round(start, 1), "width": row[kind]})
            start += row[kind]
        systems.append({**row, "parts": [part for part in parts if part["width"]]})
    return {"systems": systems}


# (request, blocks that hold tokens, blocks it will still fill); 16 tokens a block
_REQUESTS = [("A", 9, 3), ("B", 5, 2), ("C", 14, 4), ("D", 11, 0), ("E", 4, 0)]
_REQUESTS += [("F", 17, 0), ("G", 8, 0), ("H", 13, 0)]
_POOL, _REGION, _COLUMNS = 96, 32, 16


def memory_layout() -> Context:
    """The same pool of 96 blocks, in one region per request and in pages."""
    contiguous: list[tuple[str, str]] = []
    for name, held, reserved in _REQUESTS[: _POOL // _REGION]:
        contiguous += [("tokens", name)] * held + [("reserved", name)] * reserved
        contiguous += [("internal", name)] * (_REGION - held - reserved)
    paged: list[tuple[str, str]] = []
    for turn in range(_POOL):
        paged += [("tokens", name) for name, held, _ in _REQUESTS if turn < held]
    paged += [("free", "")] * (_POOL - len(paged))
    return {
        "contiguous": _cells(contiguous),
        "paged": _cells(paged),
        "columns": _COLUMNS,
        "rows": _POOL // _COLUMNS,
        "held_contiguous": sum(kind == "tokens" for kind, _ in contiguous),
        "held_paged": sum(kind == "tokens" for kind, _ in paged),
        "num_blocks": _POOL,
    }


def _cells(blocks: list[tuple[str, str]]) -> list[Context]:
    return [
        {
            "kind": kind,
            "name": name,
            "x": 10 * (index % _COLUMNS),
            "y": 10 * (index // _COLUMNS),
        }
        for index, (kind, name) in enumerate(blocks)
    ]


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


def cards(given: Mapping[str, str] | None = None) -> Context:
    """The checklist as it is asked for, or as it begins."""
    data = _data("cards")
    return card_list(read_query(given or {}, data), data)


def block_table() -> Context:
    """Two requests, one shared beginning: logical blocks to physical ones."""
    pool_top, cell, gap, num_physical = 96, 26, 3, 12
    tables = {"A": [7, 2, 9, 4], "B": [7, 2, 11]}
    words = {
        "A": ["Explain paging", "for one who", "has not served", "a model yet"],
        "B": ["Explain paging", "for one who", "runs databases"],
    }
    centre = [14 + (cell + gap) * i + cell / 2 for i in range(num_physical)]
    rows = []
    for name, top, edge in (("A", 22, 48), ("B", 172, 172)):
        boxes = []
        for logical, physical in enumerate(tables[name]):
            x = 14 + 87 * logical
            near = pool_top if name == "A" else pool_top + cell
            middle = (edge + near) / 2
            boxes.append(
                {
                    "logical": logical,
                    "physical": physical,
                    "words": words[name][logical],
                    "x": x,
                    "y": top,
                    "path": f"M{x + 41},{edge} C{x + 41},{middle} "
                    f"{centre[physical]},{middle} {centre[physical]},{near}",
                }
            )
        rows.append({"name": name, "boxes": boxes, "top": top})
    owners = {i: [n for n in tables if i in tables[n]] for i in range(num_physical)}
    kinds = ["free", "used", "shared"]
    pool = [
        {"id": i, "x": centre[i] - cell / 2, "kind": kinds[len(owners[i])]}
        for i in range(num_physical)
    ]
    return {"requests": rows, "pool": pool, "pool_top": pool_top, "cell": cell}


def cold_start() -> Context:
    """Bars of the median, whiskers from the shortest to the longest start."""
    axis_s, found = 60, _claimed("cold_start")
    phases = []
    for row in _data("cold_start")["phases"]:
        spread = {key: found[f"{row['key']}_{key}"] for key in _SPREAD}
        places = {f"{key}_x": round(100 * spread[key] / axis_s, 2) for key in _SPREAD}
        phases.append({**row, **spread, **places})
    ticks = [{"at": s, "x": round(100 * s / axis_s, 2)} for s in range(0, axis_s, 15)]
    total = {key: found[f"total_{key}"] for key in _SPREAD}
    return {"phases": phases, "ticks": ticks, "total": total}


_SPREAD = ("low", "median", "high")


def break_even() -> Context:
    """Cost of an hour against the busy share of it; u* = provisioned / serverless."""
    found = _claimed("break_even")
    offers = [
        {
            "name": found[f"{one}_pod"],
            "usd_per_h": found[f"{one}_pod_usd_per_h"],
            "percent": found[f"{one}_percent"],
            "minutes": found[f"{one}_minutes"],
        }
        for one in _data("break_even")["provisioned"]
    ]
    serverless = found["serverless_usd_per_h"]
    left, right, bottom, top, ceiling = 34.0, 348.0, 196.0, 14.0, 5.0

    def across(share: float) -> float:
        return round(left + (right - left) * share, 1)

    def up(usd: float) -> float:
        return round(bottom - (bottom - top) * usd / ceiling, 1)

    rows = [
        {
            **row,
            "share": row["percent"] / 100,
            "share_percent": round(row["percent"]),
            "busy_min": round(row["minutes"]),
            "x": across(row["percent"] / 100),
            "y": up(row["usd_per_h"]),
        }
        for row in offers
    ]
    return {
        "serverless_usd_per_s": found["serverless_usd_per_s"],
        "serverless_usd_per_h": serverless,
        "provisioned": rows,
        "doubt": found["first_doubt"],
        "hours": [
            {
                "busy_min": minutes,
                "serverless": round(serverless * minutes / 60, 2),
                "cheapest": min(
                    [("serverless", serverless * minutes / 60)]
                    + [(row["name"], row["usd_per_h"]) for row in offers],
                    key=lambda pair: pair[1],
                )[0],
            }
            for minutes in (10, 20, 30, 40, 50, 60)
        ],
        "line": {"x1": left, "y1": bottom, "x2": right, "y2": up(serverless)},
        "axis": {"left": left, "right": right, "bottom": bottom, "top": top},
        "usd_ticks": [{"usd": usd, "y": up(usd)} for usd in range(0, 6)],
        "share_ticks": [
            {"percent": p, "x": across(p / 100)} for p in range(0, 101, 25)
        ],
    }


def vram() -> Context:
    """What a model takes on one card, and for how many readers."""
    found = _claimed("vram")
    visible_gib = found["visible_gib"]
    users = f"{found['asked']:,} users × {found['context']:,} tokens"
    parts = [
        ("weights", "Weights, 4 bit", found["weights_gib"]),
        ("overhead", "Activations, CUDA and its graphs", found["overhead_gib"]),
        ("kv", f"KV cache, {users}", found["kv_asked_gib"]),
    ]
    bars, start = [], 0.0
    for kind, name, gib in parts:
        width = 100 * gib / visible_gib
        bars.append(
            {
                "kind": kind,
                "name": name,
                "gib": round(gib, 1),
                "x": round(start, 2),
                "width": round(width, 2),
            }
        )
        start += width
    return {
        "bars": bars,
        "share": found["share"],
        "visible_gib": visible_gib,
        "budget_gib": round(found["budget_gib"], 1),
        "budget_x": round(found["percent"], 2),
        "total_gib": round(found["needed_gib"], 1),
    }


FIGURES: dict[str, Callable[[], Context]] = {
    "kv-waste": kv_waste,
    "memory-layout": memory_layout,
    "paged-or-contiguous": paged_or_contiguous,
    "cards": cards,
    "block-table": block_table,
    "cold-start": cold_start,
    "break-even": break_even,
    "vram": vram,
}


def home_motif() -> list[Context]:
    """Four rows of blocks in the states the course is about; the same every time."""
    kinds = []
    for index in range(160):
        row, column = divmod(index, 40)
        chance = (index * 7919 + 101) % 97
        if row in (1, 2) and 22 <= column + 3 * row <= 30:
            kinds.append("yours")
        elif column < 8:
            kinds.append("shared" if chance < 30 else "used")
        else:
            kinds.append("used" if chance < 44 else "cached" if chance < 66 else "free")
    return [
        {"kind": kind, "x": 16 * (index % 40), "y": 16 * (index // 40) + index // 40}
        for index, kind in enumerate(kinds)
    ]
