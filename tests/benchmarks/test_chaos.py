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
        Question("a", is_taken=True, state="answered", began=100.0, ended_s=4.0),
        Question(*("b", True, "failed", ["wait"]), began=100.0, ended_s=45.0),
        Question("c", is_taken=True, began=130.0),
        Question("d", began=170.0),
    ]
    stored = {"a": ["answered", "answered"], "b": ["failed"]}
    blows = [
        Blow("web", False, 3.0, 98.0, 101.0),
        Blow("web", False, 9.0, 110.0, 119.0),
        Blow("web", True, 1.0, 140.0, 153.0),
    ]
    rows = {row["name"]: row for row in results(blows, [asker], stored, 180.0)}
    got = {name: row["value"] for name, row in rows.items()}
    assert got == {
        "questions": 4,
        "lost": 1,
        "doubled": 1,
        "without_an_end": 2,
        "late": 1,
        "answered": 1,
        "failed_with_a_reason": 1,
        "refused_and_asked_again": 1,
        "open_while_well_s": 37.0,
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
