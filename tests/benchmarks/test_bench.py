"""``manage.py bench``: lists benches, and prints results as the project agreed."""

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from benchmarks import frames
from benchmarks.interval import bootstrap_interval, mean_interval, percentile
from benchmarks.management.commands import bench as bench_command
from tests.lab.nvml import Nvml


@dataclass
class MadeUp:
    """Stands for a bench: gives or raises what it was made with."""

    results: list[dict[str, Any]] = field(default_factory=list)
    error: Exception | None = None
    ran: list[dict[str, str]] = field(default_factory=list)

    def run(self, options: dict[str, str]) -> list[dict[str, Any]]:
        self.ran.append(options)
        if self.error:
            raise self.error
        return self.results


def bench(
    *arguments: str, benches: Mapping[str, MadeUp] | None = None, nvml: Any = None
) -> list[str]:
    out = io.StringIO()
    call_command(bench_command.Command(benches, nvml), *arguments, stdout=out)
    return out.getvalue().splitlines()


def test_without_a_name_the_benches_are_listed_with_what_they_measure() -> None:
    lines = bench()

    assert any(line.startswith("frames ") and "delta" in line for line in lines)
    assert not any(line.startswith("interval") for line in lines)


def test_the_last_line_is_one_json_object_of_all_results() -> None:
    result = {"name": "delta_ms", "value": 0.5, "unit": "ms", "interval": [0.4, 0.6]}
    made_up = MadeUp([result])

    *words, last = bench(
        *("frames", "--json", "--option", "repeats=2"), benches={"frames": made_up}
    )

    report = json.loads(last)
    assert list(report) == ["bench", "date", "machine", "versions", "results"]
    assert "python" in report["versions"]
    assert report["bench"] == "frames" and report["results"] == [result]
    assert "cores" in report["machine"] and report["date"].endswith("+00:00")
    assert made_up.ran == [{"repeats": "2"}]
    assert words[1:] == ["  delta_ms               0.5 ms  (95 %: 0.4 to 0.6)"]


def test_rows_for_the_table_are_printed_with_what_they_were_measured_on(
    monkeypatch,
) -> None:
    results = [
        {"name": "a_ms", "value": 0.51234, "unit": "ms", "interval": [0.4, 1600]},
        {"name": "b", "value": 70734, "unit": "bytes", "conditions": "8 prompts"},
    ]
    monkeypatch.setenv("ENGINE_DEVICE", "cuda")

    made_up = {"frames": MadeUp(results)}
    rows = bench("frames", "--markdown", benches=made_up, nvml=Nvml())[3:]

    assert rows[:2] == [
        "| frames | `a_ms` | | 0.512 | 0.4 to 1,600 |",
        "|  | `b` | | 70,734 |  |",
    ]
    card = "NVIDIA H100 80GB HBM3, driver 580.95.05"
    assert rows[3].startswith(f"frames: 8 prompts; {card}, ")


def test_a_bench_that_cannot_measure_says_why(monkeypatch) -> None:
    refusing = MadeUp(error=RuntimeError("The pool is too small."))
    with pytest.raises(CommandError, match="The pool is too small"):
        bench("frames", benches={"frames": refusing})
    monkeypatch.setenv("ENGINE_MAX_MODEL_LEN", "many")
    with pytest.raises(CommandError, match="ENGINE_MAX_MODEL_LEN is 'many'"):
        bench("blocks")


def test_all_benches_run_one_after_the_other() -> None:
    made_up = {name: MadeUp() for name in bench_command.benches()}
    lines = bench("all", "--json", benches=made_up)
    assert [one.ran for one in made_up.values()] == [[{}]] * len(made_up)
    assert len(made_up) >= 5
    reports = [json.loads(line) for line in lines if line.startswith("{")]
    assert [report["bench"] for report in reports] == list(made_up)


def test_a_bench_that_is_not_there_and_a_bad_option_are_sentences() -> None:
    with pytest.raises(CommandError, match=r"no bench 'os': there are .*frames"):
        bench("os")
    with pytest.raises(CommandError, match="'x' is not of the form KEY=VALUE"):
        bench("frames", "--option", "x")


def test_the_frames_bench_reaches_its_sizes() -> None:
    results = frames.run({"steps": "20", "keyframes": "2"})

    values = {result["name"]: result["value"] for result in results}

    assert set(values) == {"delta_ms", "delta_bytes", "keyframe_ms", "keyframe_bytes"}
    assert values["delta_bytes"] <= 2048
    assert values["keyframe_bytes"] <= 100_000


def test_the_keyframe_of_the_frames_bench_has_the_mix_that_was_agreed() -> None:
    ids, states = frames.mixed_snapshot().blocks
    ref_cnt = states & 0xFFFF

    assert len(set(ids.tolist())) == len(ids)
    assert (ref_cnt == 0).sum() == 15_000
    assert (ref_cnt == 1).sum() == 24_000
    assert (ref_cnt == 4).sum() == 6_000


def test_intervals_hold_the_value_and_shrink_with_more_values() -> None:
    few, many = [1.0, 2.0, 3.0] * 4, [1.0, 2.0, 3.0] * 100

    mean, low, high = mean_interval(few)
    assert mean == 2.0 and low < 2.0 < high
    assert mean_interval(many)[1] > low
    assert mean_interval([5.0]) == (5.0, 5.0, 5.0)
    median, low, high = bootstrap_interval(few, lambda v: percentile(v, 50))
    assert low <= median == 2.0 <= high
    assert percentile([4, 1, 3, 2], 95) == 4
    assert percentile([4, 1, 3, 2], 0) == 1
