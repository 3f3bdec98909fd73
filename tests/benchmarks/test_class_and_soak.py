"""A class at once and hours of use: what is counted, and a short run of each."""

import json
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from benchmarks import classroom, soak
from benchmarks.asking_again import Asker, Question
from benchmarks.management.commands.bench import benches
from benchmarks.parts import Usage
from lab.engine.config import PROJECT_DIR
from tests.launcher.running import environment


def by_name(rows: list[dict[str, Any]]) -> dict[str, Any]:
    return {row["name"]: row["value"] for row in rows}


def test_both_are_benches_by_their_names():
    assert {"class", "soak", "chaos", "viewers"} <= benches().keys()


def test_of_a_class_each_end_each_refusal_and_each_part_is_told():
    ended = Question(state="answered", taken_s=0.2, words_s=1.0, ended_s=3.0)
    refused = Question(state="failed", refusals=["wait"], taken_s=0.4, ended_s=9.0)
    before = Usage(0.0, {"web": 1.0}, {"web": 200.0}, {"web": 9})
    after = Usage(10.0, {"web": 6.0, "others": 1.0}, {"web": 250.0, "others": 80.0}, {})
    watched = {"frames_per_s": 7.5, "lag_ms_p99": 40, "lost": 0}
    lesson = classroom.Lesson(
        [ended, refused, Question()],
        ["ended", "No engine."],
        watched,
        (before, after),
    )
    rows = classroom.results(lesson)
    got = by_name(rows)
    assert (got["questions"], got["without_an_end"], got["answered"]) == (3, 1, 1)
    assert (got["failed_with_a_reason"], got["refused"], got["demos_ended"]) == (
        1, 1, 1,
    )  # fmt: skip
    assert (got["taken_s_p95"], got["words_s_p95"], got["ended_s_p95"]) == (0.4, 1, 9)
    assert got["cpu web"] == 50 and got["memory web"] == 250
    assert got["cpu others"] == 10 and got["lag_ms_p99"] == 40
    words = {row["name"]: row.get("conditions") for row in rows}
    assert words["refused"] == "1 × wait" and words["demos_ended"] == "1 × No engine."


def test_growth_is_the_slope_after_the_first_third():
    filling = [(0.0, 0.0), (600.0, 90.0)]
    steady = [(1200.0 + 600 * n, 100.0 + 5 * n) for n in range(5)]
    assert soak.slope_per_hour([*filling, *steady]) == pytest.approx(30.0)
    assert soak.slope_per_hour(filling) is None and soak.slope_per_hour([]) is None


def test_of_a_soak_growth_rows_and_what_has_no_end_are_told():
    asker = Asker("http://x", 0)
    asker.asked = [Question(state="answered"), Question(state="failed"), Question()]
    samples = [
        soak.Sample(
            Usage(60.0 * n, {"web": 1.0}, {"web": 100.0 + n}, {"web": 20}),
            {"mentor_turn": 10 * n, "courseware_learner": 2},
            data_mb=5.0,
            num_shm=3,
            at=60.0 * n,
        )
        for n in range(7)
    ]
    failed = Counter({"/lab/: timed out": 2})
    demos = Counter({"ended": 2, "No engine.": 1})
    told = soak.results(samples, [asker], failed, demos, 0)
    rows = {row["name"]: row for row in told}
    got = {name: row["value"] for name, row in rows.items()}
    assert (got["minutes"], got["questions"], got["without_an_end"]) == (6, 3, 1)
    assert (
        got["demos_ended"] == 2
        and got["pages_failed"] == 2
        and got["rows_per_min"] == pytest.approx(10.0)
    )
    assert "mentor_turn 10.0" in rows["rows_per_min"]["conditions"]
    assert got["memory_mb web_per_h"] == pytest.approx(60.0)
    assert got["files web_per_h"] == got["data_mb_per_h"] == 0
    assert "memory_mb redis_per_h" not in got, "there was none"


def test_parts_of_this_very_process_are_read():
    import psutil

    usage = Usage.now(psutil.Process().pid)
    assert usage.memory_mb["others"] > 10 and usage.num_files["others"] > 2
    assert usage.at <= time.monotonic()


def measured(tmp_path: Path, bench: str, *options: str) -> dict[str, Any]:
    given = [part for one in options for part in ("--option", one)]
    done = subprocess.run(
        [sys.executable, "manage.py", "bench", bench, "--json", *given],
        cwd=PROJECT_DIR,
        env=environment(tmp_path, ENGINE="on"),
        capture_output=True,
        text=True,
        timeout=580,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return by_name(json.loads(done.stdout.splitlines()[-1])["results"])


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_every_question_of_a_small_class_ends(tmp_path: Path):
    sizes = ("learners=12", "asking=8", "rounds=1", "viewers=20", "demos=2")
    got = measured(tmp_path, "class", *sizes, "engine=replay")
    assert (got["questions"], got["without_an_end"]) == (8, 0)
    assert got["failed_with_a_reason"] == 0 and got["demos_ended"] == 2
    assert got["frames_per_s"] > 0 and got["viewers_lost"] == 0


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_minute_of_use_leaves_nothing_open(tmp_path: Path):
    sizes = ("minutes=1", "askers=2", "pause_s=1", "sample_s=5")
    got = measured(tmp_path, "soak", *sizes, "engine=replay")
    assert got["questions"] > 2
    assert got["without_an_end"] == got["pages_failed"] == 0
    assert got["demos_ended"] >= 1
    assert "memory_mb web_per_h" in got
