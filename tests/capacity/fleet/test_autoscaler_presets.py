"""Presets of autoscalers: every value is a field's, with its source, and is shown."""

import re

import pytest

from capacity.fleet.autoscaler_presets import with_autoscaler
from planning.catalog.autoscalers import autoscaler, load_autoscalers
from planning.fleet.plan_fields import parse_plan, plan_values

IDS = [one.id for one in load_autoscalers()]


@pytest.mark.parametrize("autoscaler_id", IDS)
def test_a_preset_makes_a_plan_with_a_source_for_each_value(autoscaler_id: str) -> None:
    found = autoscaler(autoscaler_id)
    plan = parse_plan(with_autoscaler({"rate_per_s": 2}, autoscaler_id))
    values = plan_values(plan)
    assert plan.provisioned.autoscaler == "on" and plan.mode == "provisioned"
    for one in found.settings:
        assert values[one.field] == one.value, one.field
        assert one.address.startswith("https://") and one.as_of is not None
    assert found.unknown


def test_one_preset_after_another_leaves_nothing_of_the_first() -> None:
    first = with_autoscaler({}, "keda")
    assert parse_plan(with_autoscaler(first, "ray-serve")) == parse_plan(
        with_autoscaler({}, "ray-serve")
    )


def test_kserve_takes_over_what_knative_says() -> None:
    knative, kserve = (with_autoscaler({}, name) for name in ("knative", "kserve"))
    assert kserve["min_instances"] == 1 and knative["min_instances"] == 0
    assert kserve["panic_window_s"] == knative["panic_window_s"] == 6


@pytest.mark.django_db
def test_the_page_shows_what_a_preset_set_and_what_was_changed(client) -> None:
    page = client.get("/lab/fleet/").content.decode()
    link = re.search(r'href="(/lab/fleet/\?[^"]*platform=knative[^"]*)"', page)
    assert link
    address = link[1].replace("&amp;", "&")
    shown = client.get(address).content.decode()
    assert "scale-to-zero-grace-period" in shown and "changed since" not in shown
    changed = address.replace("window_s=60", "window_s=120")
    assert "changed since" in client.get(changed).content.decode()
