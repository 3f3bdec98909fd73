"""Cold-start phases: marked in any process, read while they happen."""

import subprocess
import sys
from pathlib import Path

import pytest

from lab.engine import phases
from lab.engine.config import PROJECT_DIR, EngineConfig
from lab.engine.launch import keep_last_start, last_start_path, last_start_s


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "phases.jsonl"


def test_on_a_full_disk_an_engine_starts_all_the_same(tmp_path: Path) -> None:
    config = EngineConfig.from_env({"DATA_DIR": str(tmp_path)})
    keep_last_start(config, 6.5)
    assert last_start_s(config) == 6.5
    last_start_path(config).unlink()
    last_start_path(config).symlink_to("/dev/full")
    keep_last_start(config, 7.5)
    last_start_path(config).unlink()
    assert last_start_s(config) is None


def test_before_the_first_mark_there_are_no_phases(path: Path) -> None:
    assert phases.read(path, 1000.0) == []


def test_a_phase_lasts_until_the_next_one_begins(path: Path) -> None:
    phases.mark(path, phases.IMPORT, at=1000.0)
    phases.mark(path, phases.SPAWN, at=1006.25)
    assert phases.read(path, started_at=999.5) == [
        phases.Phase(phases.IMPORT, 0.5, 6.25),
        phases.Phase(phases.SPAWN, 6.75, None),
    ]
    ended = phases.read(path, started_at=999.5, ended_at=1008.0)
    assert ended[-1] == phases.Phase(phases.SPAWN, 6.75, 1.75)


def test_marks_of_several_processes_are_put_in_order(path: Path) -> None:
    phases.mark(path, phases.WEIGHTS, at=1002.0)
    phases.mark(path, phases.DEVICE, at=1001.0)
    names = [phase.name for phase in phases.read(path, 1000.0)]
    assert names == [phases.DEVICE, phases.WEIGHTS]


def test_a_line_that_is_still_being_written_is_left_for_the_next_look(
    path: Path,
) -> None:
    phases.mark(path, phases.IMPORT)
    with path.open("a") as file:
        file.write('{"name": "spawn the en')
    assert [phase.name for phase in phases.read(path, 0.0)] == [phases.IMPORT]


def test_another_process_marks_a_phase_too(path: Path) -> None:
    phases.mark(path, phases.SPAWN)
    code = (
        "import sys; from pathlib import Path; from lab.engine import phases;"
        "phases.mark(Path(sys.argv[1]), phases.DEVICE)"
    )
    subprocess.run([sys.executable, "-c", code, path], cwd=PROJECT_DIR, check=True)
    found = phases.read(path, 0.0)
    assert [phase.name for phase in found] == [phases.SPAWN, phases.DEVICE]
    assert found[0].seconds is not None and found[1].seconds is None


def test_every_phase_that_is_marked_somewhere_has_its_place_in_the_order() -> None:
    names = [value for key, value in vars(phases).items() if key.isupper()]
    assert sorted(phases.ORDER) == sorted(n for n in names if isinstance(n, str))
