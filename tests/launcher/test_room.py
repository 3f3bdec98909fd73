"""A full or read-only disk is a sentence; logs stay short while they are written."""

import resource
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import pytest

from launcher import children, room
from launcher.children import Child
from launcher.guarding import Guard
from launcher.restarts import PAUSES_S, Restarts
from launcher.stages import LaunchError


def test_a_disk_that_is_all_but_full_is_a_sentence(tmp_path: Path) -> None:
    room.require_room(tmp_path)
    with pytest.raises(
        LaunchError, match=r"MiB left; Servelab needs at least 9{9} MiB"
    ):
        room.require_room(tmp_path, least_mib=999_999_999)


@pytest.mark.parametrize("folder", ["/proc", "/sys/kernel"])
def test_a_folder_that_cannot_be_written_is_a_sentence(folder: str) -> None:
    with pytest.raises(LaunchError, match=r"cannot be written \("):
        room.require_room(Path(folder))


def test_open_files_are_raised_to_the_hard_limit() -> None:
    code = (
        "import resource; from launcher import room;"
        "hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1];"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard));"
        "print(room.raise_open_files())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    most = room.MOST_FILES
    wanted = most if hard == resource.RLIM_INFINITY else min(hard, most)
    assert int(done.stdout) == wanted, done.stderr


def test_a_log_is_set_aside_while_its_process_writes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(children, "LOG_LIMIT_BYTES", 20_000)
    code = "import sys, time\nfor n in range(4000):\n print('line', n, flush=True)\n"
    code += " time.sleep(0.0005)\n"
    guard, log = Guard(tmp_path / "groups"), tmp_path / "web.log"
    child = Child("web", [sys.executable, "-c", code], {}, log, guard)
    sizes = []
    while child.exit_code() is None:
        child.keep_log_short()
        sizes.append(log.stat().st_size)
        time.sleep(0.01)
    guard.close()
    assert any(after < before for before, after in pairwise(sizes)), "cut meanwhile"
    assert child.last_words() == "line 3999"
    older = (tmp_path / "web.log.1").read_text().splitlines()
    assert len(older) > 500 and older[-1].startswith("line ")


@pytest.fixture
def full_disk(tmp_path: Path) -> Path:
    """What the launcher writes beside the logs meets a device without room."""
    names = ("web.log.1", "processes.part")
    for name in names:
        (tmp_path / name).symlink_to("/dev/full")
    return tmp_path


def test_a_full_disk_ends_nothing_that_runs(
    full_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(children, "LOG_LIMIT_BYTES", 20_000)
    guard, log = Guard(full_disk / "groups"), full_disk / "web.log"
    (full_disk / "groups").rmdir()  # nor can a group be written down
    code = "print('x' * 30_000, flush=True); raise SystemExit(1)"
    child = Child("web", [sys.executable, "-c", code], {}, log, guard)
    restarts = Restarts(full_disk)
    while child.exit_code() is None:
        time.sleep(0.01)
    child.keep_log_short()
    assert log.stat().st_size == 0, "its log is no longer what fills the disk"
    assert restarts.note_end("web", child.exit_code(), log) == PAUSES_S[0]
    restarts.note_start("web")
    assert restarts.due() == []
    guard.close()
