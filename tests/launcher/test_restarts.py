"""What ended when, how long it pauses, and what the page is told."""

from pathlib import Path

from lab.receipts.parts import notice, processes
from launcher.restarts import CALM_S, PAUSES_S, Restarts


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_no_pause_is_longer_than_ten_seconds(tmp_path: Path) -> None:
    restarts = Restarts(tmp_path, Clock())
    pauses = [restarts.note_end("web", -9, Path("web.log")) for _ in range(8)]
    assert pauses[: len(PAUSES_S)] == list(PAUSES_S)
    assert max(pauses) == 10


def test_a_process_that_keeps_ending_has_a_reason_on_the_page(tmp_path: Path) -> None:
    restarts = Restarts(tmp_path, Clock())
    for _ in range(2):
        restarts.note_end("default", 1, Path("default.log"))
    assert notice({}, tmp_path) == ""
    restarts.note_end("default", -9, Path("default.log"))
    assert notice({}, tmp_path) == (
        "The default process ended 3 times within 120 s, the last time by signal 9, "
        "and is started again each time. Its log is default.log."
    )
    assert processes(tmp_path)["default"]["state"] == "starts again"
    restarts.note_start("default")
    assert processes(tmp_path)["default"]["state"] == "running"


def test_what_has_been_calm_is_well_again(tmp_path: Path) -> None:
    clock = Clock()
    restarts = Restarts(tmp_path, clock)
    for _ in range(3):
        restarts.note_end("web", 1, Path("web.log"))
    restarts.note_start("web")
    clock.now = CALM_S + 1
    assert restarts.due() == []
    assert notice({}, tmp_path) == ""


def test_it_is_due_after_its_pause(tmp_path: Path) -> None:
    clock = Clock()
    restarts = Restarts(tmp_path, clock)
    restarts.note_end("redis", -9, Path("redis.log"))
    assert restarts.due() == []
    clock.now = PAUSES_S[0]
    assert restarts.due() == ["redis"]
    restarts.note_start("redis")
    assert restarts.due() == []
    restarts.close()
    assert processes(tmp_path) == {}
