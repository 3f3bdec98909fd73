"""Twelve kills and freezes from a seed, over a whole stack whose engine replays."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.asking_again import Asker, Question
from benchmarks.chaos import Blow, results
from lab.engine.config import PROJECT_DIR
from tests.launcher.running import environment


def test_each_question_is_counted_once():
    asker = Asker("http://x", 0)
    asker.asked = [
        Question("a", is_taken=True, state="answered"),
        Question("b", is_taken=True, state="failed", refusals=["wait"]),
        Question("c", is_taken=True),
        Question("d"),
    ]
    stored = {"a": ["answered", "answered"], "b": ["failed"]}
    blows = [Blow("web", False, 3.0), Blow("web", False, 9.0), Blow("web", True, 1.0)]
    rows = {row["name"]: row for row in results(blows, [asker], stored)}
    got = {name: row["value"] for name, row in rows.items()}
    assert got == {
        "questions": 4,
        "lost": 1,
        "doubled": 1,
        "without_an_end": 2,
        "answered": 1,
        "failed_with_a_reason": 1,
        "refused_and_asked_again": 1,
        "recovery_s web": 6.0,
    }
    assert rows["recovery_s web"]["conditions"] == "2 kills, at most 9.0 s"


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_nothing_is_lost_doubled_or_left_open_under_twelve_blows(tmp_path: Path):
    command = [sys.executable, "manage.py", "bench", "chaos", "--json"]
    for option in ("kills=12", "askers=4", "engine=replay"):
        command += ["--option", option]
    done = subprocess.run(
        command,
        cwd=PROJECT_DIR,
        env=environment(tmp_path, ENGINE="on"),
        capture_output=True,
        text=True,
        timeout=880,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(done.stdout.splitlines()[-1])
    got = {row["name"]: row["value"] for row in report["results"]}
    assert got["questions"] > 4
    assert (got["lost"], got["doubled"], got["without_an_end"]) == (0, 0, 0), (
        done.stdout
    )
