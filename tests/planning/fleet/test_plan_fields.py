"""Plans are read by one parser, whose refusals say what is allowed."""

import re
from typing import Any

import pytest

from planning.errors import BadSetting
from planning.fleet.plan import Plan
from planning.fleet.plan_fields import (
    limit_of,
    parse_plan,
    plan_fields,
    plan_from_yaml,
    plan_mapping,
    read_plan,
)


def test_nothing_at_all_is_the_default_plan() -> None:
    assert parse_plan({}) == Plan()
    assert plan_mapping(Plan()) == {}


def test_a_plan_goes_into_a_link_and_comes_back() -> None:
    fields = {"mode": "hybrid", "rate_per_s": "2.5", "ping_every_min": "5", "seed": "9"}
    plan = parse_plan(fields)
    assert plan.serverless.ping_every_min == 5 and plan.seed == 9
    texts = {name: str(value) for name, value in plan_mapping(plan).items()}
    assert parse_plan(texts) == plan


def test_an_empty_field_is_no_limit_where_that_is_allowed() -> None:
    assert parse_plan({"give_up_s": " "}).goals.give_up_s is None
    with pytest.raises(
        BadSetting, match="rate_per_s: is ''; allowed are 1e-05 to 2,000"
    ):
        parse_plan({"rate_per_s": ""})


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("rate_per_s", "-1", "is '-1'; allowed are 1e-05 to 2,000 requests/s."),
        ("rate_per_s", "nan", "is 'nan'; allowed are 1e-05 to 2,000 requests/s."),
        ("rate_per_s", 1e30, "is 1e+30; allowed are 1e-05 to 2,000 requests/s."),
        ("rate_per_s", 10**400, "is too large; allowed are 1e-05 to 2,000 requests/s."),
        ("rate_per_s", "9" * 5000, "is '999999"),
        ("rate_per_s", True, "is True; allowed are"),
        ("rate_per_s", [1], "is [1]; allowed are"),
        ("instances", "2.5", "is '2.5'; allowed are whole numbers from 1 to 10,000."),
        ("rate_per_s", "1_0", "is '1_0'; allowed are 1e-05 to 2,000 requests/s."),
        ("rate_per_s", "\u0661", "is '\u0661'; allowed are 1e-05 to 2,000"),
        ("instances", "\uff12", "allowed are whole numbers from 1 to 10,000."),
        ("rate_per_s", "inf", "is 'inf'; allowed are 1e-05 to 2,000 requests/s."),
        ("mode", "cloud", "is 'cloud'; allowed are serverless, provisioned, hybrid."),
        ("file", "a\nb", "allowed are 64 letters on one line."),
        ("no_such", 1, "there is no such field in a plan."),
    ],
)
def test_a_refusal_names_field_value_and_limit(
    name: str, value: Any, sentence: str
) -> None:
    with pytest.raises(BadSetting, match=re.escape(sentence)) as refused:
        parse_plan({name: value})
    assert refused.value.field == name
    assert len(str(refused.value)) < 200


def test_all_wrong_fields_are_told_at_once() -> None:
    plan, wrong = read_plan({"rate_per_s": "x", "seed": "y", "mode": "hybrid"})
    assert plan is None and set(wrong) == {"rate_per_s", "seed"}


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        (
            {"pattern": "bursts", "burst_factor": 8, "burst_share_pct": 50},
            "burst_factor",
        ),
        ({"autoscaler": "on", "min_instances": 5, "instances": 2}, "min_instances"),
        ({"min_workers": 4, "max_workers": 3}, "min_workers"),
        ({"pattern": "file"}, "file"),
        ({"step_tokens": 16, "concurrency": 32}, "step_tokens"),
        ({"mode": "hybrid", "instances": 6000, "max_workers": 6000}, "instances"),
    ],
)
def test_fields_that_contradict_each_other_are_refused(
    fields: dict[str, Any], name: str
) -> None:
    plan, wrong = read_plan(fields)
    assert plan is None and list(wrong) == [name]


def test_yaml_is_one_mapping_of_fields() -> None:
    assert plan_from_yaml("mode: hybrid\nautoscaler: on\n").mode == "hybrid"
    for text in ("[1, 2]", "a: [", "just words", "x: &a [*a]\n" * 9000):
        with pytest.raises(BadSetting):
            plan_from_yaml(text)


def test_every_field_has_words_and_a_default_that_is_allowed() -> None:
    for name, (_, field) in plan_fields().items():
        assert limit_of(name).label
        assert read_plan({name: field.default})[1] in ({}, {})


@pytest.mark.parametrize("text", ["1_0", "010", "0x10", "1:30", "1_0.5"])
def test_a_number_that_yaml_reads_as_another_is_refused(text: str) -> None:
    with pytest.raises(BadSetting, match=f"rate_per_s: is {text}; allowed are plain"):
        plan_from_yaml(f"mode: hybrid\nrate_per_s: {text}\n")


@pytest.mark.parametrize("text", ["10", "0.5", "1e-3", "+2", "1.", ".5", "'3'", " 4 "])
def test_plain_numbers_are_read(text: str) -> None:
    assert 0 < plan_from_yaml(f"rate_per_s: {text}\n").traffic.rate_per_s <= 10
    assert 0 < parse_plan({"rate_per_s": text.strip("'")}).traffic.rate_per_s <= 10
