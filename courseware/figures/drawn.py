"""The numbers behind the chapter's static figures that few lines make.

Widths are per cent of the figure's width, so that bars stretch while their labels keep
their size.
"""

from courseware.figures.files import Context
from courseware.figures.files import figure_data as _data

GIB = 2**30


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


def cards() -> Context:
    """The checklist: cards, and the models to hold against them."""
    rows = []
    for row in _data("cards")["cards"]:
        known = row.get("visible_gib")
        rows.append({**row, "gib": known or round(row["memory_gb"] * 1e9 / GIB, 1)})
    models = _data("cards")["models"]
    return {"cards": rows, "models": models, "utilisation": _UTILISATION}


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
    """Bars of the median, whiskers from the shortest to the longest of 42 starts."""
    axis_s = 60
    phases = []
    for row in _data("cold_start")["phases"]:
        places = {f"{key}_x": round(100 * row[key] / axis_s, 2) for key in _SPREAD}
        phases.append({**row, **places})
    ticks = [{"at": s, "x": round(100 * s / axis_s, 2)} for s in range(0, axis_s, 15)]
    return {"phases": phases, "ticks": ticks, "total": _data("cold_start")["total"]}


_SPREAD = ("low", "median", "high")


def break_even() -> Context:
    """Cost of an hour against the busy share of it; u* = provisioned / serverless."""
    card = _data("prices")["h100"]
    serverless = card["serverless_usd_per_s"] * 3600
    left, right, bottom, top, ceiling = 34.0, 348.0, 196.0, 14.0, 5.0

    def across(share: float) -> float:
        return round(left + (right - left) * share, 1)

    def up(usd: float) -> float:
        return round(bottom - (bottom - top) * usd / ceiling, 1)

    rows = [
        {
            **row,
            "share": row["usd_per_h"] / serverless,
            "share_percent": round(100 * row["usd_per_h"] / serverless),
            "busy_min": round(60 * row["usd_per_h"] / serverless),
            "x": across(row["usd_per_h"] / serverless),
            "y": up(row["usd_per_h"]),
        }
        for row in card["provisioned"]
    ]
    return {
        "serverless_usd_per_s": card["serverless_usd_per_s"],
        "serverless_usd_per_h": serverless,
        "provisioned": rows,
        "hours": [
            {
                "busy_min": minutes,
                "serverless": round(serverless * minutes / 60, 2),
                "cheapest": min(
                    [("serverless", serverless * minutes / 60)]
                    + [(row["name"], row["usd_per_h"]) for row in card["provisioned"]],
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


# Llama 3.1 70B: parameters, of which the two embedding matrices stay in 16 bit
_PARAMETERS, _EMBEDDINGS = 70_553_706_496, 2 * 128_256 * 8192
_BITS_4 = 4 + (16 + 4) / 128
"""4-bit weights in groups of 128, each with a 16-bit scale and a 4-bit zero point."""
_KV_BYTES_PER_TOKEN = 2 * 80 * 8 * 128 * 2
_OVERHEAD_GIB = 1.89 + 0.30
"""Peak activation of Llama models and non-torch memory, vLLM 0.19 logs on an H100."""
_VISIBLE_GIB, _UTILISATION, _CONTEXT, _USERS = 79.19, 0.92, 4096, 24


def vram() -> Context:
    """What a 70B model in 4 bit takes on one 80 GB card, and for how many readers."""
    body = (_PARAMETERS - _EMBEDDINGS) * _BITS_4 / 8
    weights = (body + _EMBEDDINGS * 2) / GIB
    kv_per_user = _KV_BYTES_PER_TOKEN * _CONTEXT / GIB
    budget = _VISIBLE_GIB * _UTILISATION
    parts = [
        ("weights", "Weights, 4 bit", weights),
        ("overhead", "Activations and the rest", _OVERHEAD_GIB),
        ("kv", f"KV cache, {_USERS} users × {_CONTEXT:,} tokens", kv_per_user * _USERS),
    ]
    bars, start = [], 0.0
    for kind, name, gib in parts:
        width = 100 * gib / _VISIBLE_GIB
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
        "visible_gib": _VISIBLE_GIB,
        "budget_gib": round(budget, 1),
        "budget_x": round(100 * _UTILISATION, 2),
        "total_gib": round(sum(gib for _, _, gib in parts), 1),
        "kv_bytes_per_token": _KV_BYTES_PER_TOKEN,
        "kv_per_user_gib": kv_per_user,
        "max_users": int((budget - weights - _OVERHEAD_GIB) / kv_per_user),
    }
