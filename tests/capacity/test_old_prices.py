"""A price older than 180 days is grey and says so, on every page that shows one."""

import re
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.template.loader import render_to_string

from capacity.fleet.apis import months_at_apis
from capacity.fleet.offers import quoted
from planning.catalog.prices import price
from planning.fleet.plan import Plan
from planning.fleet.plan_fields import parse_plan
from planning.fleet.results import simulate
from planning.memory.ranking import Offer

DAY = date(2026, 11, 9)
FRESH, OLD = DAY + timedelta(days=180), DAY + timedelta(days=181)


def quote(today: date) -> str:
    """As the bill and the challenge show it."""
    found = quoted(parse_plan({"mode": "provisioned"}), today)[0]
    return render_to_string("capacity/fleet/_quote.html", {"quote": found})


def offer(today: date) -> str:
    """As the hardware page shows it."""
    known = price("runpod-secure-h100-sxm")
    found = Offer(known, 1, known.staleness(today))
    return render_to_string("capacity/hardware/_offer.html", {"offer": found})


@pytest.mark.parametrize("show", [quote, offer])
def test_a_price_is_grey_from_its_181st_day(show: Any) -> None:
    assert "plan-old" not in show(FRESH) and "plan-stale" not in show(FRESH)
    text = show(OLD)
    assert 'class="plan-old"' in text
    assert "This price is 181 days old: check it before you rely on it." in text


def test_an_apis_price_is_grey_from_its_181st_day() -> None:
    result = simulate(Plan(mode="provisioned"), 20_000)
    for day, is_old in ((FRESH - timedelta(days=4), False), (OLD, True)):
        months = months_at_apis(result, day)
        row = next(one for one in months if one.offer.id == "deepinfra-llama-3.3-70b")
        page = {"apis": [(row, "")], "outcomes": []}
        text = render_to_string("capacity/fleet/_apis.html", page)
        assert ('<tr class="plan-old">' in text) is is_old
        assert ("plan-stale" in text) is is_old


def test_every_template_that_shows_a_catalogue_price_can_grey_it() -> None:
    """A price is shown by its source: who names one, names its age too."""
    root = Path(settings.BASE_DIR) / "templates"
    naming = [
        path
        for path in root.rglob("*.html")
        if re.search(r"(?:price|offer)\.(?:as_of|source)\b", path.read_text())
    ]
    assert len(naming) >= 3
    for path in naming:
        text = path.read_text()
        assert path.name == "_price.html" or "staleness" in text, path
    including = [
        path
        for path in root.rglob("*.html")
        if 'include "capacity/_price.html"' in path.read_text()
    ]
    assert including and all("staleness" in path.read_text() for path in including)
