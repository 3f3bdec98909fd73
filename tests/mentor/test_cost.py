"""What an answer would have cost: the catalog's cards and prices, never a typed one."""

from datetime import date

import pytest

from mentor.cost import costs, rented_cards
from mentor.presentation import measured_json
from planning.catalog.gpus import gpu
from planning.memory.model_catalog import find_model
from planning.service.answer_seconds import (
    AnswerTokens,
    answer_seconds,
    roofline_of,
)

TODAY = date(2026, 11, 26)
REPORT = {
    "model": "smollm2-135m-instruct",
    "num_prompt_tokens": 400,
    "num_cached_tokens": 64,
    "num_output_tokens": 60,
    "mean_running": 2.0,
}


def test_dollars_are_the_cards_seconds_times_its_price() -> None:
    found = costs(REPORT, TODAY)
    assert found is not None
    one = next(one for one in rented_cards(TODAY) if one.card.id == "h100-sxm")
    line = roofline_of(find_model("smollm2-135m-instruct"), gpu("h100-sxm"))
    seconds = answer_seconds(line, one.card, AnswerTokens(400, 64, 60, 2.0))
    usd = seconds.value * one.offer.usd_per_hour / 3600
    low, likely, high = found["h100-sxm"]
    assert likely == pytest.approx(usd, rel=0.01)
    assert low < likely < high


@pytest.mark.parametrize(
    "changes",
    [{"model": "nobody/knows-it"}, {"model": ""}, {"num_output_tokens": 0}],
)
def test_what_is_not_known_has_no_cost(changes: dict[str, object]) -> None:
    assert costs(REPORT | changes, TODAY) is None


def test_a_report_of_an_older_version_still_has_one() -> None:
    old = {name: REPORT[name] for name in REPORT if name != "mean_running"}
    assert costs(old, TODAY)


def test_every_card_can_be_rented_alone_and_the_first_has_a_fresh_price() -> None:
    cards = rented_cards(TODAY)
    assert len(cards) > 3
    for one in cards:
        assert one.offer.price.num_gpus == 1
        assert one.offer.price.kind == "provisioned"
    assert cards[0].json()["doubts"] == ""
    fresh = [one for one in cards if not one.json()["doubts"]]
    assert cards[0].offer.usd_per_hour == min(one.offer.usd_per_hour for one in fresh)


def test_an_old_price_says_so() -> None:
    later = date(2028, 1, 1)
    assert all("check it" in one.json()["doubts"] for one in rented_cards(later))


def test_a_disputed_price_names_what_the_other_table_says() -> None:
    disputed = [one for one in rented_cards(TODAY) if one.offer.price.disputes]
    for one in disputed:
        assert "Another table says $" in one.json()["doubts"]


def test_the_browser_gets_a_cost_for_each_card_it_may_choose() -> None:
    shown = measured_json({**REPORT, "block_seconds": 2.5})
    assert shown["block_seconds"] == 2.5
    assert set(shown["costs"]) == {one.card.id for one in rented_cards(TODAY)}
    assert measured_json({**REPORT, "model": ""})["costs"] is None
