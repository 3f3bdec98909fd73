"""Prices and platforms: each with its date, and what is not known is named."""

from datetime import date

import pytest

from planning.catalog.as_of import as_of_from
from planning.catalog.gpus import load_gpus
from planning.catalog.platforms import load_platforms, platform
from planning.catalog.prices import load_prices, price
from planning.errors import BadSetting, BrokenCatalog

TODAY = date(2026, 11, 24)
GROUP = """groups:
- provider: A
  offer: on demand
  kind: provisioned
  prices:
  - {id: one, gpu: t4, %s, source: s, address: null, confidence: medium}
"""


def test_an_offer_of_several_gpus_is_priced_as_a_whole_and_by_the_gpu():
    offer = price("aws-p5-48xlarge")
    assert (offer.num_gpus, offer.usd_per_hour) == (8, 55.04)
    assert offer.usd_per_gpu_hour == pytest.approx(6.88)
    assert (offer.kind, offer.figure) == ("provisioned", "published")


def test_an_hour_of_a_price_by_the_second_is_derived():
    offer = price("runpod-flex-h100-sxm")
    assert offer.usd_per_hour == pytest.approx(0.00116 * 3600)
    assert (offer.kind, offer.figure) == ("serverless", "derived")
    assert "rounded up to whole seconds" in offer.note


@pytest.mark.parametrize(
    ("as_of", "is_stale"),
    [
        ("2026-05-28", False),
        ("2026-05-27", True),
        ("2026-06", False),
        ("2026-05", True),
        (2026, True),
        (date(2026, 11, 9), False),
    ],
)
def test_a_price_is_stale_when_it_may_be_older_than_180_days(as_of, is_stale):
    dated = price("aws-p5-48xlarge").__class__(
        **{**vars(price("aws-p5-48xlarge")), "as_of": as_of_from(as_of)}
    )
    assert dated.is_stale(TODAY) is is_stale


def test_an_undated_price_is_stale_and_says_so():
    offer = price("modal-h200-sxm")
    assert offer.as_of is None and offer.confidence == "low"
    assert "undated" in offer.staleness(TODAY)


def test_a_year_says_how_old_it_may_be():
    said = price("aws-g6-xlarge").staleness(TODAY)
    assert "dated 2026 only" in said and "327 days" in said


def test_every_offer_has_a_source_and_a_confidence():
    offers = load_prices()
    assert len(offers) == 61
    assert all(o.source and o.usd_per_hour > 0 for o in offers)
    assert {o.kind for o in offers} == {"provisioned", "serverless"}


@pytest.mark.parametrize(
    ("amount", "said"),
    [
        ("usd_per_hour: -1", "usd_per_hour: is a number from 0 to 10000, not -1"),
        ("usd_per_hour: .nan", "not nan"),
        ("usd_per_hour: 1, usd_per_second: 1", "give either"),
        ("usd_per_hour: 1, as_of: soon", "such as 2026-09, not 'soon'"),
        ("usd_per_hour: 1, colour: red", "colour: is not a field"),
        ("usd_per_hour: 1, usd_per_hour: 2", "stands here twice"),
    ],
)
def test_a_broken_row_is_told_with_its_line(tmp_path, amount, said):
    path = tmp_path / "prices.yaml"
    path.write_text(GROUP % amount)
    with pytest.raises(BrokenCatalog) as told:
        load_prices(path)
    assert str(told.value).startswith("prices.yaml:6: ") and said in str(told.value)


def test_two_tables_that_disagree_make_a_price_disputed():
    offer = price("runpod-secure-h100-sxm")
    assert (offer.usd_per_hour, offer.confidence) == (3.99, "disputed")
    assert 3.49 in [quote.usd_per_hour for quote in offer.disputes]
    agreed = price("runpod-secure-a100-80-sxm")
    assert agreed.others and not agreed.disputes and agreed.confidence == "high"


def others(*quotes):
    rows = (f"{{usd_per_hour: {usd}, source: t, address: null}}" for usd in quotes)
    return f"usd_per_hour: 1, others: [{', '.join(rows)}]"


@pytest.mark.parametrize(
    ("amount", "confidence"),
    [
        (others(1.0), "high"),
        (others(1.004), "high"),
        (others(1.0, 1.01), "disputed"),
        ("usd_per_hour: 1, is_vendors_own: true", "high"),
    ],
)
def test_high_is_what_the_vendor_says_or_two_tables(tmp_path, amount, confidence):
    path = tmp_path / "prices.yaml"
    path.write_text((GROUP % amount).replace("medium", "high"))
    assert load_prices(path)[0].confidence == confidence


def test_one_table_alone_is_not_high(tmp_path):
    path = tmp_path / "prices.yaml"
    path.write_text((GROUP % "usd_per_hour: 1").replace("medium", "high"))
    with pytest.raises(BrokenCatalog, match="high needs the vendor's own text"):
        load_prices(path)


@pytest.mark.parametrize("offer", load_prices(), ids=lambda offer: offer.id)
def test_every_price_has_a_vendor_a_source_and_a_known_card(offer):
    assert offer.provider and offer.source
    assert offer.gpu_id in {card.id for card in load_gpus()}
    assert offer.confidence != "high" or offer.as_of is not None


def test_a_price_without_the_field_of_its_address_is_refused(tmp_path):
    path = tmp_path / "prices.yaml"
    path.write_text((GROUP % "usd_per_hour: 1").replace("address: null, ", ""))
    with pytest.raises(BrokenCatalog, match="address: is the source's address, or"):
        load_prices(path)


def test_a_price_that_is_not_there_is_refused_with_those_there_are():
    with pytest.raises(BadSetting, match=r"there is no price 'gold'.*aws-p5-48xlarge"):
        price("gold")


def test_the_presets_say_what_no_source_states():
    runpod, modal = platform("runpod-serverless"), platform("modal")
    assert (runpod.idle_timeout_s, runpod.max_workers, runpod.unknown) == (5, 3, ())
    assert runpod.scaler and (runpod.scaler.kind, runpod.scaler.value) == (
        "queue_delay",
        4,
    )
    assert modal.max_workers is None and "max_workers" not in modal.unknown
    assert any("boot time" in text for text in modal.unverified)
    replicate = platform("replicate-deployment")
    assert {"idle_timeout_s", "max_workers"} <= set(replicate.unknown)
    assert len(load_platforms()) == 8


def test_what_an_always_on_worker_cost_stands_with_its_last_date():
    offer = price("runpod-flex-h100-sxm")
    assert (
        offer.active_usd_per_second == 0.00093 and str(offer.active_as_of) == "2026-07"
    )
    priced = [one for one in load_prices() if one.active_usd_per_second]
    assert len(priced) == 9 and all(one.active_as_of for one in priced)
    for one in priced:
        assert 0.65 < one.active_usd_per_second / (one.usd_per_second or 0) < 0.85
