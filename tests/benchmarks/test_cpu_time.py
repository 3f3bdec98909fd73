"""Processor time by what a process is for."""

import subprocess
import sys

import pytest

from benchmarks.cpu_time import CpuTime, shares

BUSY = "import time\nend = time.time() + 0.6\nwhile time.time() < end: pass"


def test_shares_are_of_a_core_over_all_rounds():
    rounds = [CpuTime(10.0, {"web": 1.0}), CpuTime(30.0, {"web": 1.0, "host": 4.0})]
    assert shares(rounds, ("web", "host", "broker")) == {
        "web": 5.0,
        "host": 10.0,
        "broker": 0.0,
    }


def test_a_process_is_known_by_its_words_and_what_else_is_ours_is_the_engine():
    before = CpuTime.now()
    words = [sys.executable, "-c", f"{BUSY}\ntime.sleep(30)"]
    web = subprocess.Popen([*words, "uvicorn"])
    engine = subprocess.Popen(words)
    try:
        subprocess.run([sys.executable, "-c", BUSY.replace("0.6", "2")], check=True)
        spent = (CpuTime.now() - before).seconds
    finally:
        for process in (web, engine):
            process.kill()
            process.wait()
    assert spent["web"] == pytest.approx(0.6, abs=0.5) and spent["web"] > 0.1
    assert spent["engine"] > 0.1 and "host" in spent
