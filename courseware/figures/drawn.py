"""The numbers behind the chapter's static figures that few lines make.

Widths are per cent of the figure's width, so that bars stretch while their labels keep
their size.
"""

from collections.abc import Mapping

from courseware.card_list import card_list, read_query
from courseware.figures.files import Context, claimed
from courseware.figures.files import figure_data as _data


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
    axis_s, found = 60, claimed("cold_start")
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
    found = claimed("break_even")
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
    found = claimed("vram")
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
