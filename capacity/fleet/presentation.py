"""What the templates show of outcomes: figures, sentences, drawings, prices."""

from datetime import date
from typing import Any

from capacity.fleet.apis import chosen
from capacity.fleet.charts.curve import curve
from capacity.fleet.charts.month import month_queue
from capacity.fleet.charts.split import split
from capacity.fleet.charts.timeline import timeline
from capacity.fleet.offers import quoted, unverified
from capacity.fleet.outcome import Outcome
from capacity.fleet.provenance import rates_doubts
from planning.fleet.explanation import advise, explain
from planning.fleet.means import Mean
from planning.fleet.summary import Row, rows

LETTERS = ("A", "B")


def outcomes(found: list[Outcome], today: date) -> list[dict[str, Any]]:
    """One entry a plan."""
    most = max(one.result.cost_usd.mean for one in found)
    return [
        {
            "letter": letter if len(found) > 1 else "",
            "result": one.result,
            "told": explain(one.result),
            "tips": advise(one.result),
            "split": split(one.result, most),
            "timeline": timeline(one.timeline),
            "curve": curve(one.curve),
            "month": month_queue(one.queue),
            "api": chosen(one.result.plan, today),
            "prices": quoted(one.result.plan, today),
            "unverified": unverified(one.result.plan),
            "rates_doubts": rates_doubts(one.result.plan),
        }
        for letter, one in zip(LETTERS, found, strict=False)
    ]


def figures(found: list[Outcome]) -> list[dict[str, Any]]:
    """The table: a row a figure, a cell a plan. A figure that only one plan has, such
    as interruptions, is 0 of the other."""
    columns = [{row[0]: row for row in rows(one.result)} for one in found]
    nothing = Mean(0.0, 0.0, 0.0)
    return [
        {
            "name": name,
            "label": label.strip(),
            "is_part": label.startswith(" "),
            "unit": unit,
            "cells": [
                column[name][2] if name in column else nothing for column in columns
            ],
        }
        for name, label, _, unit in _in_order(columns)
    ]


def _in_order(columns: list[dict[str, Row]]) -> list[Row]:
    """The rows of all columns, each where the longest has it."""
    longest = max(columns, key=len)
    found = list(longest.values())
    for column in columns:
        names = list(column)
        for place, name in enumerate(names):
            if all(name != row[0] for row in found):
                before = [row[0] for row in found].index(names[place - 1])
                found.insert(before + 1, column[name])
    return found


def difference(found: list[Outcome]) -> str:
    """Of two plans which is cheaper, and by how much."""
    if len(found) != 2:
        return ""
    first, second = (one.result for one in found)
    gap = second.cost_usd.mean - first.cost_usd.mean
    noise = first.cost_usd.half + second.cost_usd.half
    if abs(gap) <= noise:
        return "A and B cost the same, as far as this simulation can tell."
    cheaper = "A" if gap > 0 else "B"
    dearer = max(first.cost_usd.mean, second.cost_usd.mean)
    pct = 100 * abs(gap) / dearer
    sentence = f"{cheaper} is ${abs(gap):,.0f} a month cheaper, {pct:.0f} %"
    met = [one.meets_slo for one in (first, second)]
    if met[0] != met[1]:
        return f"{sentence}; only {'A' if met[0] else 'B'} meets the goals."
    return f"{sentence}; {'both meet' if met[0] else 'neither meets'} the goals."
