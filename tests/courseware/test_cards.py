"""The list of cards: the calculator's own numbers, with and without scripts."""

import re

import pytest
from django.test import Client

from courseware.computed.cards import estimate_on
from courseware.loader import Report
from courseware.models import Section
from planning.catalog.gpus import gpu

URL = "/figures/cards/"
pytestmark = pytest.mark.django_db


def _rows(html: str) -> dict[str, str]:
    """Who fits, by card."""
    found = {}
    for row in re.findall(r"<tr>(.*?)</tr>", html, re.S)[1:]:
        cells = re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.S)
        found[cells[0]] = cells[1]
    return found


def _ask(reader: Client, htmx: bool = True, **query: object) -> str:
    headers = {"HX-Request": "true"} if htmx else {}
    answer = reader.get(URL, query, headers=headers)
    assert answer.status_code == 200
    return answer.content.decode()


@pytest.mark.parametrize(
    ("figure_model", "model", "weights"),
    [
        ("llama-8b-16", "llama-3.1-8b", ""),
        ("llama-70b-4", "llama-3.1-70b", "awq"),
        ("gpt-oss-120b", "gpt-oss-120b", ""),
    ],
)
def test_each_card_says_what_the_calculator_says(
    reader: Client, figure_model: str, model: str, weights: str
) -> None:
    rows = _rows(_ask(reader, model=figure_model, users=20, context=2048))
    assert len(rows) == 8
    for card in ("h100-sxm", "a100-80-sxm", "l40s", "l4", "mi300x"):
        found = estimate_on(gpu(card), model, weights, 2048, 20)
        verdict = rows[gpu(card).name]
        if found.users.high < 1:
            assert verdict.startswith("too small <a href=")
        else:
            assert f"{found.users.high:,.0f}" in verdict
            assert verdict.startswith("fits") == found.fits_surely


def test_htmx_gets_the_answer_and_everybody_else_a_page(reader: Client) -> None:
    part, page = _ask(reader, users=24), _ask(reader, htmx=False, users=24)
    assert "<h1>" not in part and "for 24 users with 4,096 tokens each" in part
    assert "<h1>Cards that hold a model</h1>" in page and _rows(part) == _rows(page)


def test_only_those_that_hold_it_are_left(reader: Client) -> None:
    html = _ask(reader, model="llama-70b-16", users=8, only="on")
    assert set(_rows(html)) == {"B200", "MI300X"}
    assert "2 of 8 cards hold Llama 3.1 70B, 16 bit for 8 users" in html
    none = _ask(reader, model="llama-70b-16", users=9999, only="on")
    assert "None of these cards holds it alone." in none


def test_a_context_that_the_model_has_no_positions_for_is_said(reader: Client) -> None:
    html = _ask(reader, model="llama-13b-16", context=8192)
    assert set(_rows(html).values()) == {"over the model&#x27;s 4,096 tokens"}


@pytest.mark.parametrize(
    "query",
    [
        {"model": "nothing", "users": "-5", "context": "many"},
        {"users": "99999999999999999999", "context": "0"},
        {"users": "²", "context": "1e9", "only": "<script>"},
    ],
)
def test_what_cannot_be_read_is_taken_as_the_nearest(
    reader: Client, query: dict[str, str]
) -> None:
    html = _ask(reader, **query)
    assert "<script>" not in html and len(_rows(html)) >= 1


def test_the_chapter_shows_the_list_before_any_script_runs(course: Report) -> None:
    section = Section.objects.get(anchor="hardware")
    assert 'action="/figures/cards/"' in section.html
    figure = section.html[section.html.index('id="card-list"') :]
    figure = figure[: figure.index("</form>")]
    estimate = estimate_on(gpu("l40s"), "llama-3.1-8b", "", 4096)
    low, high = estimate.users.low, estimate.users.high
    assert _rows(figure)["L40S"] == f"fits, up to {low:.0f}–{high:.0f}"
