"""Processor time by what a process is for."""

import subprocess
import sys
import time

from benchmarks.cpu_time import CpuTime, shares

BUSY = "import time\nwhile time.process_time() < 0.5: pass\ntime.sleep(60)"


def test_shares_are_of_a_core_over_all_rounds():
    rounds = [CpuTime(10.0, {"web": 1.0}), CpuTime(30.0, {"web": 1.0, "host": 4.0})]
    assert shares(rounds, ("web", "host", "broker")) == {
        "web": 5.0,
        "host": 10.0,
        "broker": 0.0,
    }


def test_a_process_is_known_by_its_words_and_what_else_is_ours_is_the_engine():
    before = CpuTime.now()
    words = [sys.executable, "-c", BUSY]
    web = subprocess.Popen([*words, "uvicorn"])
    engine = subprocess.Popen(words)
    try:
        until, spent = time.monotonic() + 60, before
        while time.monotonic() < until and spent.seconds.get("web", 0.0) < 0.3:
            time.sleep(0.2)
            spent = CpuTime.now() - before
        assert 0.3 <= spent.seconds["web"] < 3.0
        assert spent.seconds["engine"] > 0 and "host" in spent.seconds
    finally:
        for process in (web, engine):
            process.kill()
            process.wait()
