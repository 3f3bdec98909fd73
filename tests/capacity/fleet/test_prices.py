"""Prices on the fleet's pages: APIs, boxes, always-on workers, one's own, old ones."""

import json
import re
from html import unescape
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from capacity.fleet.derived import asked, derive
from capacity.fleet.offers import with_offer
from capacity.fleet.provenance import rates_doubts
from planning.catalog.api_prices import load_api_offers
from planning.fleet.plan_fields import parse_plan
from planning.service.rates import Lengths
from tests.capacity.test_simulate_command import simulate

PAGE = "/lab/fleet/"
MONTH = "/lab/fleet/month/"
QUIET = {"rate_per_s": "0.02"}


def linked(page: str, text: str) -> dict[str, str]:
    """The query of the link with that text."""
    found = re.search(rf'href="/lab/fleet/\?([^"]*)">{re.escape(text)}', page)
    assert found is not None, text
    query = parse_qs(urlsplit("?" + unescape(found[1])).query, keep_blank_values=True)
    return {name: values[0] for name, values in query.items()}


def test_the_same_month_stands_beside_at_every_api(learner) -> None:
    page = learner.page(PAGE, **QUIET)
    section = page[page.index("The same month at a hosted API") :]
    assert "Llama 3.1 8B Instruct Turbo</span>: $0.02 per million" in section
    for offer in load_api_offers():
        assert offer.model in section and offer.source.replace('"', "&quot;") in section
    assert "Another table says $0.02 and $0.03" in section
    assert re.search(r'<tr class="plan-old"><th[^>]*><a[^>]*>Llama 3.3 70B<', section)
    assert "202 days old" in section or "days old" in section


def test_an_api_is_chosen_by_its_link_and_keeps_its_source(learner) -> None:
    query = linked(learner.page(PAGE, **QUIET), "deepseek-flash")
    assert query["api_usd_per_m_cached"] == "0.003"
    page = learner.page(PAGE, **query)
    assert "at DeepSeek, deepseek-flash" in page
    typed = learner.page(PAGE, **query | {"api_usd_per_m_output": "1"})
    assert "at the prices that you typed in, no source" in typed


def test_an_offer_without_a_cached_price_takes_one_away(learner) -> None:
    query = linked(learner.page(PAGE, **QUIET), "deepseek-flash")
    other = linked(learner.page(PAGE, **query), "llama-3.1-8b-instant")
    assert "api_usd_per_m_cached" not in other


def test_a_box_of_gpus_is_as_many_workers_or_one(learner) -> None:
    page = learner.page(PAGE, mode="provisioned", autoscaler="on", instances="2")
    eight = linked(page, "AWS h100-sxm × 8")
    assert (eight["replicas"], eight["provisioned_usd_per_h"]) == ("8", "55.04")
    assert "autoscaler" not in eight
    shown = learner.page(PAGE, **eight)
    assert "An instance $55.04 an hour for 8 GPUs" in shown
    assert "set the rates that it reaches" not in shown
    rest = page[page.index("AWS h100-sxm × 8") :]
    whole = linked(rest, "one on all 8")
    assert "replicas" not in whole
    assert "those of one GPU, and a worker has 8" in learner.page(PAGE, **whole)


def test_rates_of_another_card_than_the_offers_are_told() -> None:
    plan = parse_plan(
        {
            "mode": "provisioned",
            "provisioned_price": "runpod-secure-a100-80-sxm",
            "provisioned_usd_per_h": 1.79,
        }
    )
    assert rates_doubts(plan) == [
        "The rates are those of h100-sxm, the instance has a100-80-sxm."
    ]
    assert rates_doubts(parse_plan({"mode": "provisioned"})) == []


@pytest.mark.parametrize(
    ("replicas", "doubt"),
    [
        (1, "a worker has 8: set the rates that it reaches on them, or 4 workers"),
        (4, ""),
        (8, "8 workers of 2 GPUs share the 8 GPUs of an instance."),
    ],
)
def test_a_box_holds_as_many_workers_as_its_gpus_allow(replicas, doubt) -> None:
    fields = {"model": "llama-3.1-70b", "gpu": "h100-sxm", "tp": "2"}
    query = asked(fields)
    rates = derive(query, Lengths(1000, 200)).fields()
    box = with_offer(rates, "aws-p5-48xlarge") | {"mode": "provisioned"}
    doubts = rates_doubts(parse_plan(box | {"replicas": replicas}))
    assert len(doubts) == bool(doubt) and doubt in "".join(doubts)


def test_an_always_on_price_is_taken_with_its_date(learner) -> None:
    page = learner.page(PAGE, **QUIET)
    offers = page[page.index("<h3>Serverless</h3>") :]
    rows = offers[offers.index("RunPod h100-sxm") :]
    query = linked(rows, "With one always on")
    assert (query["active_usd_per_s"], query["min_workers"]) == ("0.00093", "1")
    shown = learner.page(PAGE, **query)
    assert "A worker that is always on $3.35 an hour" in shown
    bill = shown[shown.index("A worker that is always on") :]
    assert "2026-07" in bill[:400]


def test_ones_own_price_is_named_in_its_own_unit_and_kept_in_the_link(learner) -> None:
    own = {
        "mode": "provisioned",
        "own_price": "1500",
        "own_currency": "EUR",
        "own_usd_rate": "1.1",
        "own_price_per": "month",
        "own_price_gpus": "2",
        "own_price_name": "Acme Hosting",
    }
    page = learner.page(PAGE, **own)
    assert (
        "An instance $4.58 an hour: your own: Acme Hosting, 1,500 EUR a month" in page
    )
    assert "× 2 GPUs at $1.1" in page
    assert re.search(
        r'<details class="plan-more fleet-group" open>\s*<summary>Prices: your own',
        page,
    )
    response = learner.client.get(PAGE, own, headers={"HX-Request": "true"})
    kept = parse_qs(urlsplit(response["HX-Replace-Url"]).query)
    assert kept["own_price_name"] == ["Acme Hosting"] and kept["own_currency"] == [
        "EUR"
    ]
    assert (
        'name="own_price_name" maxlength="60" dir="auto" value="Acme Hosting"' in page
    )


def test_ones_own_price_is_text_and_no_markup(learner) -> None:
    page = learner.page(PAGE, mode="provisioned", own_price="1", own_price_name="<b>x")
    assert "&lt;b&gt;x" in page and "<b>x" not in page


def test_the_queue_over_the_month_is_drawn_told_and_tabled(learner) -> None:
    text = learner.fragment(MONTH, **QUIET)
    assert "The queue over the month" in text and "four hours a step" in text
    assert re.search(
        r'aria-label="Requests waiting over the month: [\d.]+ in the', text
    )
    table = text[text.index("Waiting, mean") :]
    assert table[: table.index("</table>")].count("<tr><th") == 30
    assert "The queue over the month" not in learner.fragment(PAGE, **QUIET)
    svg = learner.client.get(f"{PAGE}month.svg", QUIET)
    assert svg.status_code == 200 and "class=" not in svg.text


def test_a_reader_asks_for_the_share_that_waits_longer(learner) -> None:
    page = learner.page(PAGE, **QUIET, late_after_s="2.5")
    assert "Requests that waited longer than 2.5 s" in page and "Wait, mean" in page


def test_json_and_table_of_the_command_have_the_same(tmp_path: Path) -> None:
    path = tmp_path / "plan.yaml"
    path.write_text("mode: serverless\nrate_per_s: 0.02\nlate_after_s: 3\n")
    found = json.loads(simulate(str(path), "--json"))
    for name in ("later_pct", "api_usd", "usd_per_m_input", "usd_per_m_output"):
        assert found["estimates"][name]["mean"] >= 0
    queue = found["queue"]
    assert len(queue["mean"]) == len(queue["longest"]) == 180
    assert queue["step_s"] == 14_400 and queue["share_simulated"] == 1
    text = simulate(str(path), "--queue")
    assert "waited longer than 3 s" in text and text.count("\n  day ") == 30


@pytest.mark.parametrize("path", ["/lab/challenge/bursty-chat/"])
def test_the_challenge_names_its_prices_with_source_and_doubts(learner, path) -> None:
    page = learner.page(path)
    given = page[page.index("What is given") : page.index('id="challenge-answer"')]
    assert "plan-disputed" in given and "Another table says $3.49 an hour" in given
    assert "2026-08-20" in given
