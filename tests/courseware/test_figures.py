"""The figures' numbers, each against a value found another way."""

import pytest

from courseware import figures
from courseware.computed.cards import estimate_on
from planning.catalog.gpus import gpu


def test_the_parts_of_the_waste_figure_fill_the_memory() -> None:
    for row in figures.kv_waste()["systems"]:
        parts = [row[k] for k in ("tokens", "reserved", "internal", "external")]
        assert sum(parts) == pytest.approx(100, abs=0.2), row["name"]


def test_the_two_pools_are_of_one_size_and_hold_what_their_requests_hold() -> None:
    context = figures.memory_layout()
    assert len(context["contiguous"]) == len(context["paged"]) == 96
    assert context["held_contiguous"] == 9 + 5 + 14
    assert context["held_paged"] == 9 + 5 + 14 + 11 + 4 + 17 + 8 + 13
    held = [cell["name"] for cell in context["paged"] if cell["kind"] == "tokens"]
    assert held.count("F") == 17


def test_shared_blocks_are_those_in_both_block_tables() -> None:
    pool = figures.block_table()["pool"]
    assert [block["id"] for block in pool if block["kind"] == "shared"] == [2, 7]
    assert [block["id"] for block in pool if block["kind"] == "used"] == [4, 9, 11]


def test_break_even_is_the_ratio_of_the_two_prices() -> None:
    secure, community = figures.break_even()["provisioned"]
    assert secure["share"] == pytest.approx(0.955, abs=0.001)
    assert community["share"] == pytest.approx(0.644, abs=0.001)
    assert (secure["busy_min"], community["busy_min"]) == (57, 39)


def test_a_70b_model_in_4_bit_takes_what_the_calculator_says() -> None:
    estimate = estimate_on(gpu("h100-sxm"), "llama-3.1-70b", "awq", 4096)
    context = figures.vram()
    weights, overhead, cache = context["bars"]
    assert weights["gib"] == pytest.approx(estimate.weights.value / 2**30, abs=0.05)
    assert overhead["gib"] == pytest.approx(
        estimate.overhead.budgeted.value / 2**30, abs=0.05
    )
    assert cache["gib"] == 24 * 1.25
    assert context["total_gib"] < context["budget_gib"] < context["visible_gib"]


def test_cold_start_bars_keep_to_the_axis_and_whiskers_to_their_bars() -> None:
    for phase in figures.cold_start()["phases"]:
        assert 0 <= phase["low_x"] <= phase["median_x"] <= phase["high_x"] <= 100
