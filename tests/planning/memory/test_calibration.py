"""The estimate against what real vLLM engines logged at their start."""

import statistics

import pytest
import yaml

from benchmarks.sizing import (
    BIG_CARD_GIB,
    BUNDLED,
    NEWER,
    OTHERS,
    bundled,
    figures,
    is_unseen,
    left_out_newer,
    run,
)
from planning.interval import GIB
from planning.memory.model import Model
from planning.memory.model_catalog import load_models
from planning.memory.refit import (
    activation_error_gib,
    fitted_base_gib,
    fitted_shift_gib,
    without,
)
from planning.memory.startup_log import compare, estimate_of
from planning.memory.weights import num_params
from tests.planning.shared_data import shared

OTHER_LOGS = yaml.safe_load(OTHERS.read_text())["observations"]
each_other_log = pytest.mark.parametrize("row", OTHER_LOGS, ids=lambda row: row["id"])
LOGS = yaml.safe_load(BUNDLED.read_text())["observations"]
each_log = pytest.mark.parametrize("row", LOGS, ids=lambda row: row["model"])
published = [model for model in load_models() if model.published_params]
each_published = pytest.mark.parametrize("model", published, ids=lambda m: m.id)
each_model = pytest.mark.parametrize("model", load_models(), ids=lambda m: m.id)
INFORMED = {
    "FUSED_NON_TORCH_GIB",
    "LOGITS_COPIES",
    "MXFP4_PADDED",
    "PLAIN_NON_TORCH_GIB",
    "STAGES_NON_TORCH_GIB",
    "rope_factor",
    "workspaces",
}
"""What a row of vllm_logs_others.yaml may have been read for."""
ON_H100 = {
    "vllm_version": "0.19.0",
    "gpu": "H100",
    "total_gpu_memory_gib": 79.19,
    "gpu_memory_utilization": 0.95,
    "max_model_len": 8192,
}


@each_log
def test_weights_are_within_a_thousandth_of_the_log(row):
    found = estimate_of(row)
    assert abs(compare(row, found).weights_error_pct) < 0.1
    assert found.weights.contains(row["weights_gib"] * GIB)


@each_log
def test_bytes_a_token_and_blocks_follow_exactly_from_the_logged_pool(row):
    found = estimate_of(row)
    assert found.layout.bytes_per_token == row["kv_bytes_per_token_per_gpu"]
    assert compare(row, found).are_blocks_explained


@each_log
def test_each_log_lies_in_the_interval_that_the_others_give(row):
    others = [other for other in LOGS if other is not row]
    judged = compare(row, without(estimate_of(row), others))
    assert judged.is_pool_covered
    assert abs(judged.pool_error_pct) < 5


@each_log
def test_the_parts_of_the_overhead_lie_in_their_intervals(row):
    overhead = estimate_of(row).overhead
    assert overhead.activation.contains(row["torch_peak_activation_gib"] * GIB)
    assert overhead.non_torch.contains(row["non_torch_gib"] * GIB)
    assert overhead.cuda_graphs.contains(row["cuda_graph_gib_actual"] * GIB)


def test_the_interval_is_narrow_enough_to_be_of_use():
    widths = [compare(row, estimate_of(row)).pool_width_pct for row in LOGS]
    assert statistics.median(widths) <= 15


def test_the_constant_is_the_one_that_the_logs_give():
    assert fitted_base_gib(LOGS) == pytest.approx(0.115, abs=0.005)
    assert max(abs(activation_error_gib(row)) for row in LOGS) < 0.06


@pytest.mark.parametrize(
    ("name", "version", "published_gib"),
    [
        ("Qwen/Qwen3-14B", "0.17.0", 2.23),
        ("Qwen/Qwen3-14B", "0.16.0", 5.64),
        ("Qwen/Qwen3-30B-A3B", "0.19.0", 2.68),
        ("ibm-granite/granite-3.1-2b-instruct", "0.19.0", 0.75),
        ("google/gemma-3-1b-it", "0.19.0", 3.6),
        ("google/gemma-3-27b-it", "0.19.0", 3.99),
    ],
)
def test_published_activation_peaks_that_nothing_was_fitted_to(
    name, version, published_gib
):
    row = {**ON_H100, "model": name, "vllm_version": version}
    activation = estimate_of(row).overhead.activation
    assert activation.contains(published_gib * GIB)
    assert activation.value / GIB == pytest.approx(published_gib, abs=0.15)


def test_the_padded_experts_of_gpt_oss_are_those_of_its_log():
    found = estimate_of({**ON_H100, "model": "openai/gpt-oss-120b"})
    assert found.weights.value / GIB == pytest.approx(64.38, rel=0.001)


@each_published
def test_the_fields_give_the_number_of_parameters_that_is_published(model: Model):
    assert num_params(model) == pytest.approx(model.published_params, rel=1e-4)


@each_model
def test_every_model_can_be_computed(model: Model):
    found = estimate_of({**ON_H100, "model": model.hf_id, "max_model_len": 1024})
    assert found.weights.value > 0 and found.layout.block_bytes > 0


def test_the_catalog_agrees_with_the_models_collected_for_the_course():
    rows = yaml.safe_load(shared("models.yaml").read_text())["models"]
    ours = {model.id: model for model in load_models()}
    for row in rows:
        model = ours[row["id"]]
        text_params = num_params(model) - model.vision_params
        assert text_params == pytest.approx(row["params_text_model_computed"], rel=1e-6)
        settings = {**ON_H100, "model": row["hf_id"], "max_model_len": 1024}
        tokens = estimate_of(settings).layout.bytes_per_token
        assert tokens == row["kv_bytes_per_token_bf16"], row["id"]


def test_the_logs_shipped_are_those_collected_for_the_course():
    rows = yaml.safe_load(shared("vllm_memory_calibration.yaml").read_text())
    for ours, theirs in zip(LOGS, rows["observations"], strict=True):
        for name in ours.keys() - {"kv_bytes_per_token_per_gpu"}:
            assert ours[name] == theirs[name]


@each_other_log
def test_weights_of_the_other_logs_are_within_one_per_cent(row):
    found = estimate_of(row)
    error = compare(row, found).weights_error_pct
    assert error is None or abs(error) < 1
    if error is not None:
        assert found.weights.contains(row["weights_gib"] * GIB)


@each_other_log
def test_blocks_of_the_other_logs_follow_exactly_from_the_logged_pool(row):
    assert compare(row, estimate_of(row)).are_blocks_explained in (True, None)


@each_other_log
def test_every_other_log_says_where_it_is_from_and_what_it_informed(row):
    assert row["source"]
    assert set(row.get("informed", [])) <= INFORMED


MISSED = {"mistral-small-3.2-v0.11"}
"""Logs whose pool lies outside the interval; docs/hardware.md says why."""


@each_other_log
def test_the_pool_of_the_other_logs_lies_in_its_interval(row):
    judged = compare(row, estimate_of(row))
    assert judged.is_pool_covered in (None, row["id"] not in MISSED)


@pytest.mark.parametrize("of", ["all", "unseen"])
def test_the_criteria_hold_over_all_logs_and_over_those_no_rule_came_from(of):
    rows = [one for one in bundled() if of == "all" or is_unseen(one.row)]
    found = {one["name"]: one["value"] for one in figures(rows)}
    assert len(rows) >= 20
    assert found["weights_error_pct"] <= 1
    assert found["kv_bytes_exact"] == 100
    assert found["pool_mae_pct"] <= 5
    assert found["interval_coverage"] >= 90
    assert found["interval_width_pct_median"] <= 15


NEWER_LOGS = yaml.safe_load(NEWER.read_text())["observations"]


@pytest.mark.parametrize("judged", left_out_newer(), ids=lambda one: one.row["id"])
def test_each_newer_log_lies_in_the_interval_that_the_others_give(judged):
    assert judged.found.is_pool_covered
    assert judged.found.are_blocks_explained in (True, None)
    assert judged.row["source"]
    assert set(judged.row.get("informed", [])) <= {"NEWER_NON_TORCH_GIB", "MARLIN_GIB"}


@pytest.mark.parametrize(("is_big", "most_pct"), [(True, 5), (False, 10)])
def test_the_newer_logs_left_out_are_met_on_large_and_small_cards(is_big, most_pct):
    rows = [
        one
        for one in left_out_newer()
        if (one.row["total_gpu_memory_gib"] >= BIG_CARD_GIB) is is_big
    ]
    found = {one["name"]: one["value"] for one in figures(rows)}
    assert len(rows) >= 6
    assert found["pool_mae_pct"] <= most_pct
    assert found["interval_coverage"] >= 90


def test_all_logs_left_out_have_a_median_width_of_use():
    newer = left_out_newer()
    every = {one["name"]: one["value"] for one in figures([*bundled(), *newer])}
    alone = {one["name"]: one["value"] for one in figures(newer)}
    assert every["interval_width_pct_median"] <= 15
    assert alone["interval_width_pct_median"] <= 15


@pytest.mark.parametrize("name", ["NEWER_NON_TORCH_GIB", "MARLIN_GIB"])
def test_the_newer_constants_are_those_that_the_logs_give(name):
    assert abs(fitted_shift_gib(name, NEWER_LOGS)) < 0.05


def test_a_log_that_is_refused_counts_as_missed(tmp_path):
    path = tmp_path / "logs.yaml"
    rows = [LOGS[0], {**LOGS[0], "model": "nobody/nothing"}]
    path.write_text(yaml.safe_dump({"observations": rows}))
    found = {one["name"]: one["value"] for one in run({"logs": str(path)})}
    assert found["interval_coverage"] == 50
