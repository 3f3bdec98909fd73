"""Prices per token of hosted APIs: each with vendor, date, source and confidence."""

from datetime import date

import pytest

from planning.catalog.api_prices import TokenPrice, api_offer, load_api_offers
from planning.errors import BadSetting, BrokenCatalog

TODAY = date(2026, 11, 26)
ROW = """vendors:
- provider: A
  models:
  - {id: one, model: m, input: 1, output: 2%s, source: s, address: null, confidence: %s}
"""


def load(tmp_path, more: str = "", confidence: str = "medium"):
    path = tmp_path / "api_prices.yaml"
    path.write_text(ROW % (more, confidence))
    return load_api_offers(path)[0]


@pytest.mark.parametrize("offer", load_api_offers(), ids=lambda offer: offer.id)
def test_every_offer_has_vendor_model_source_and_confidence(offer):
    assert offer.provider and offer.model and offer.source and offer.address
    assert min(offer.price.usd_per_m_input, offer.price.usd_per_m_output) > 0
    assert offer.confidence != "high" or offer.as_of is not None
    assert offer.as_of is not None or offer.confidence in ("low", "disputed")


def test_a_months_tokens_cost_by_their_kind():
    price = TokenPrice(0.15, 0.6, 0.003)
    assert price.usd_of(10e6, 4e6, 2e6) == pytest.approx(6 * 0.15 + 4 * 0.003 + 1.2)
    assert TokenPrice(1.0, 2.0).usd_of(10e6, 4e6, 0) == pytest.approx(10.0)


def test_two_tables_that_disagree_make_it_disputed(tmp_path):
    offer = api_offer("deepinfra-llama-3.1-8b")
    assert offer.confidence == "disputed" and len(offer.disputes) == 1
    other = ", others: [{input: 1, output: %s, source: t, address: null}]"
    assert load(tmp_path, other % 2, "high").confidence == "high"
    load_api_offers.cache_clear()
    assert load(tmp_path, other % 3, "high").confidence == "disputed"


def test_one_table_alone_is_not_high(tmp_path):
    load_api_offers.cache_clear()
    with pytest.raises(BrokenCatalog, match="high needs the vendor's own text"):
        load(tmp_path, "", "high")


def test_an_old_and_an_undated_price_say_so():
    old = api_offer("together-llama-3.3-70b").staleness(TODAY)
    assert "202 days old" in old
    assert "undated" in api_offer("groq-llama-3.1-8b").staleness(TODAY)
    assert api_offer("deepseek-flash").staleness(TODAY) == ""


def test_an_offer_that_is_not_there_is_refused_with_those_there_are():
    with pytest.raises(BadSetting, match=r"no API offer 'gold'.*deepseek-flash"):
        api_offer("gold")


def test_a_price_below_zero_is_refused_with_its_line(tmp_path):
    load_api_offers.cache_clear()
    with pytest.raises(BrokenCatalog, match=r"yaml:4: cached: is a number from 0"):
        load(tmp_path, ", cached: -1")
