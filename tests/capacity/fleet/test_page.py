"""The fleet simulator through the front door, without JavaScript and with htmx."""

import csv
import io
import re
import time
import xml.etree.ElementTree as ET

import pytest
from django.core.cache import cache
from django.test import Client

from capacity import allowance
from courseware.counting import count_within
from planning.fleet.plan_fields import read_plan
from planning.fleet.timeline import timeline_of
from tests.capacity.conftest import BROWSER, Learner

PAGE = "/lab/fleet/"
MONTH = "/lab/fleet/month/"
QUIET = {"rate_per_s": "0.02"}


def test_the_page_answers_at_once_with_bill_words_and_drawings(learner) -> None:
    page = learner.page(PAGE, **QUIET)
    for words in (
        "a month",
        "You pay",
        "Workers and queue",
        "The drawing as a table",
        "± is the 95 % interval",
        "kind-estimated",
        "refine it to the whole month",
        "Burstiness",
    ):
        assert words in page
    assert " style=" not in page and "<script>" not in page and "hx-on" not in page


def test_a_change_gets_the_fragment_and_the_link_that_shows_it(learner) -> None:
    response = learner.client.get(
        PAGE, {**QUIET, "mode": "hybrid", "seed": "1"}, headers={"HX-Request": "true"}
    )
    assert response["HX-Replace-Url"] == f"{PAGE}?mode=hybrid&rate_per_s=0.02"
    assert "You pay" in response.text and "<form" not in response.text


def test_the_whole_month_has_the_break_even_curve(learner) -> None:
    text = learner.fragment(MONTH, **QUIET)
    assert "whole months" in text and "Break-even over traffic" in text
    assert "refine it" not in text
    assert "Break-even" in learner.page(MONTH, **QUIET)


def take_all_turns() -> None:
    for number in range(allowance.NUM_SLOTS["month"]):
        cache.set(f"fleet:slot:month:{number}", 1, timeout=60)


def test_the_same_month_is_not_simulated_twice(learner) -> None:
    """It needs no turn the second time, when nobody could have one."""
    first = learner.fragment(MONTH, **QUIET)
    take_all_turns()
    assert learner.fragment(MONTH, **QUIET) == first


def test_who_finds_no_turn_waits_and_keeps_the_preview(learner) -> None:
    take_all_turns()
    text = learner.fragment(MONTH, **QUIET)
    assert "waiting for a turn" in text and "delay:4s" in text


def test_two_fleets_stand_side_by_side(learner) -> None:
    query = {**QUIET, "compare": "1", "b.mode": "provisioned", "b.instances": "1"}
    page = learner.page(PAGE, **query)
    assert "A is $" in page and "cheaper" in page
    assert page.count("What the money buys") == 2
    assert 'name="b.idle_timeout_s"' in page
    assert "b.mode=provisioned" in page


def test_a_second_fleet_may_differ_in_autoscaler_and_spot(learner) -> None:
    theirs = {"b.mode": "provisioned", "b.spot": "on", "b.scale_in": "highest"}
    page = learner.page(PAGE, **QUIET, compare="1", mode="provisioned", **theirs)
    for name, value in theirs.items():
        assert f"{name}={value}" in page or name == "b.mode"
    assert '<option value="highest" selected>' in page


def test_a_price_in_another_currency_says_its_rate(learner) -> None:
    own = {"mode": "provisioned", "own_price": "3", "own_currency": "EUR"}
    assert "your own: 3 EUR an hour at $1" in learner.page(PAGE, **QUIET, **own)
    spot = {"spot": "on", "spot_discount_pct": "60"}
    page = learner.page(PAGE, **QUIET, **own, **spot)
    assert "An instance, before the spot discount of 60 %, $3.00 an hour" in page


def test_a_folded_group_opens_where_it_is_used_or_wrong(learner) -> None:
    def is_open(title: str, **fields: str) -> bool:
        page = learner.client.get(PAGE, {**QUIET, **fields}).text
        before = page[: page.index(f"<summary>{title}</summary>")]
        return before[before.rindex("<details") :].rstrip().endswith("open>")

    assert not is_open("Provisioned: spot", mode="provisioned")
    assert is_open("Provisioned: spot", mode="provisioned", spot="on")
    assert is_open("Goals and limits", give_up_s="-1")
    assert not is_open("Goals and limits")
    assert is_open("Prices: your own", own_price="3")


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ({"rate_per_s": "-3"}, "is &#x27;-3&#x27;; allowed are 1e-05 to 2,000"),
        ({"rate_per_s": "nan"}, "is &#x27;nan&#x27;; allowed are"),
        ({"rate_per_s": "1e30"}, "allowed are 1e-05 to 2,000 requests/s"),
        ({"instances": "2.5"}, "allowed are whole numbers from 1 to 10,000"),
        ({"mode": "<b>"}, "is &#x27;&lt;b&gt;&#x27;; allowed are serverless"),
        ({"pattern": "file", "file": "f" * 64}, "is not among your files"),
        ({"pattern": "file"}, "needs an uploaded file"),
        ({"compare": "1", "b.max_workers": "0"}, "allowed are whole numbers from 1"),
    ],
)
def test_a_bad_value_is_one_sentence_beside_its_field(query, sentence, learner) -> None:
    text = learner.page(PAGE, status=400, **query)
    assert sentence in text and 'role="alert"' in text
    assert "You pay" not in text
    assert 'role="alert"' in learner.fragment(PAGE, status=400, **query)


def test_what_was_typed_wrong_stays_in_its_field(learner) -> None:
    page = learner.page(PAGE, status=400, rate_per_s="lots", seed="5")
    assert 'value="lots"' in page and 'aria-invalid="true"' in page


def test_the_seconds_of_a_minute_are_a_limit_and_a_sentence(learner, settings) -> None:
    learner.page(PAGE, **QUIET)
    spent = count_within("fleet-ms", learner.learner_id, 60, by=0)
    assert 0 < spent < 5_000
    most_ms = settings.LIMITS.simulated_s * 1000
    count_within("fleet-ms", learner.learner_id, 60, by=most_ms)
    refused = learner.page(PAGE, status=429, **QUIET)
    assert "You have used 30 seconds of simulation within a minute" in refused
    for path in (PAGE, f"{PAGE}figures.csv"):
        answer = learner.client.get(path, QUIET)
        assert (answer.status_code, answer.headers["Retry-After"]) == (429, "60")
    Learner().page(PAGE, **QUIET)


def test_many_sessions_of_one_address_share_a_limit(learner, settings) -> None:
    most_ms = settings.LIMITS.simulated_s * 1000 * allowance.CLASS
    count_within("fleet-ms", "127.0.0.1", 60, by=most_ms)
    refused = Learner().page(PAGE, status=429, **QUIET)
    assert "Your network address has used 600 seconds" in refused


def test_a_preview_waits_for_its_turn_and_no_longer(learner, monkeypatch) -> None:
    monkeypatch.setattr(allowance, "WAIT_S", 0.1)
    for number in range(allowance.NUM_SLOTS["preview"]):
        cache.set(f"fleet:slot:preview:{number}", 1, timeout=60)
    refused = learner.page(PAGE, status=429, **QUIET)
    assert "4 others are simulating" in refused
    cache.delete("fleet:slot:preview:2")
    learner.page(PAGE, **QUIET)


def test_a_crowd_of_millions_a_second_costs_a_preview_no_more() -> None:
    query = {
        **{"pattern": "flash", "flash_factor": "10000", "flash_minutes": "1"},
        **{"flashes_a_month": "1", "rate_per_s": "200", "instances": "128"},
    }
    plan, faults = read_plan(query)
    assert plan is not None and not faults
    timeline_of(plan)
    began = time.thread_time()
    timeline_of(plan)
    assert time.thread_time() - began < 2.0


def test_the_figures_come_as_csv(learner) -> None:
    response = learner.client.get(f"{PAGE}figures.csv", {**QUIET, "compare": "1"})
    rows = list(csv.DictReader(io.StringIO(response.text)))
    assert {row["plan"] for row in rows} == {"A", "B"}
    mine = [row for row in rows if row["plan"] == "A"]
    values = {row["figure"]: float(row["mean"]) for row in mine if row["mean"]}
    parts = [value for name, value in values.items() if name.startswith("cost_")]
    assert sum(parts[1:]) == pytest.approx(parts[0])
    wrong = learner.client.get(f"{PAGE}figures.csv", {"seed": "x"})
    assert wrong.status_code == 400 and wrong.text.startswith("seed: is 'x'")


@pytest.mark.parametrize("name", ["split", "timeline", "curve"])
def test_every_drawing_is_a_file_of_its_own(name: str, learner) -> None:
    response = learner.client.get(f"{PAGE}{name}.svg", QUIET)
    assert (
        response.status_code == 200 and "attachment" in response["Content-Disposition"]
    )
    root = ET.fromstring(response.text)
    assert root.tag == "{http://www.w3.org/2000/svg}svg" and len(root) > 3
    assert "class=" not in response.text


def test_an_unknown_drawing_is_not_found(learner) -> None:
    assert learner.client.get(f"{PAGE}secrets.svg").status_code == 404


def test_prices_have_source_and_date_and_a_typed_one_says_so(learner) -> None:
    page = learner.page(PAGE, **QUIET)
    assert "RunPod" in page and "confidence" in page and "kind-" in page
    typed = learner.page(PAGE, **QUIET, serverless_usd_per_s="0.002")
    assert "typed in, no source" in typed


def test_presets_bring_what_a_platform_documents(learner) -> None:
    page = learner.page(PAGE)
    link = re.search(r'href="(/lab/fleet/\?[^"]*platform=modal[^"]*)"', page)
    assert link is not None
    shown = learner.client.get(link[1].replace("&amp;", "&")).text
    assert (
        'name="idle_timeout_s" inputmode="decimal" maxlength="20" value="60"' in shown
    )
    assert "Not verified of this platform" in shown


def test_a_reader_without_a_learner_is_served_too(db) -> None:
    robot = Client(HTTP_USER_AGENT="Googlebot/2.1")
    assert robot.get(PAGE, QUIET).status_code == 200
    assert Client(**BROWSER).get(PAGE, QUIET).status_code == 200


def test_a_disputed_price_is_shown_with_the_other_one(learner) -> None:
    page = learner.client.get(PAGE, {"mode": "provisioned"}).text
    offers = page[page.index("Offers, with their dates") :]
    start = offers.index("RunPod h100-sxm")
    row = offers[start : offers.index("</tr>", start)]
    assert "$3.99" in row and "or $3.49" in row and "disputed" in row
    assert "high" not in row and "region unknown" in row


def test_the_bill_names_both_prices_and_an_old_one_is_grey(learner) -> None:
    fields = {"mode": "provisioned", "provisioned_usd_per_h": "3.99"}
    page = learner.client.get(
        PAGE, fields | {"provisioned_price": "runpod-secure-h100-sxm"}
    ).text
    bill = page[page.index("Prices and traffic") :]
    assert "disputed" in bill and "Another table says $3.49 an hour" in bill
    assert re.search(r'<tr class="plan-old">.{0,900}days old', page, re.S)


def test_the_rates_of_the_curve_are_plain_numbers(learner):
    page = learner.fragment(MONTH, **{**QUIET, "rate_per_s": "20"})
    assert "e+" not in page
    assert re.search(r">\d{3}</text>", page)
