"""Before anything is installed: each obstacle is one clear sentence."""

import json
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from launcher import commands, install, nvidia
from launcher.machine import this_machine
from launcher.stages import LaunchError
from launcher.valkey import free_port
from tests.launcher.machines import MachineWithoutCard, MadeUpMachine

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> MadeUpMachine:
    """Linux without a card, where every command works."""
    monkeypatch.delenv("ENGINE_DEVICE", raising=False)
    return MadeUpMachine()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A tree whose lock asks for one package that no index has."""
    folder = tmp_path / "tree" / "requirements"
    folder.mkdir(parents=True)
    for name in ("lock-cpu.txt", "lock-web.txt", "lock-cuda.txt"):
        (folder / name).write_text("servelab-no-such-package==1.0\n")
    return folder.parent


def test_a_python_that_is_too_old_is_told_which_one_is_needed():
    code = (
        "import sys; sys.version_info = (3, 9, 2); sys.argv = ['launcher', 'run'];"
        "import runpy; runpy.run_module('launcher', run_name='__main__')"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True
    )
    assert answer.returncode == 2
    assert answer.stderr == (
        "Python 3.9 is too old: Servelab needs Python 3.11 or newer "
        "(make run PYTHON=python3.12 names another one).\n"
    )


def test_a_tree_that_cannot_be_written_is_one_sentence(
    root, tmp_path, machine, monkeypatch, capsys
):
    (tmp_path / "install.lock").mkdir()  # root writes everywhere: this is in the way
    monkeypatch.setattr(commands, "ROOT", root)
    monkeypatch.setattr(commands, "this_machine", lambda: machine)
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    assert commands.main(["setup"]) == 2
    assert "Something cannot be written or read" in capsys.readouterr().err


def test_a_full_disk_is_told_how_much_is_needed(root, tmp_path, machine):
    machine.free = 2 * 10**9
    with pytest.raises(LaunchError, match=r"2\.0 GB are free in .*, and 6 GB are need"):
        install.ensure(root, tmp_path, machine)
    assert not (root / ".venv").exists()


def test_without_an_index_it_says_where_to_name_one(root, tmp_path, monkeypatch):
    address = f"http://127.0.0.1:{free_port()}/simple/"
    for name in ("PIP_INDEX_URL", "UV_DEFAULT_INDEX"):
        monkeypatch.setenv(name, address)
    monkeypatch.setenv("PIP_RETRIES", "0")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    monkeypatch.delenv("ENGINE_DEVICE", raising=False)
    here = this_machine()
    machine = MachineWithoutCard(here.system, here.processor, here.has_avx2)
    with pytest.raises(LaunchError, match="PIP_INDEX_URL") as caught:
        install.ensure(root, tmp_path, machine)
    assert "\n" not in str(caught.value)
    assert (tmp_path / "logs" / "install.log").read_text()


def test_an_environment_that_is_current_is_left_alone(root, tmp_path, machine):
    install.ensure(root, tmp_path, machine)
    assert machine.commands
    machine.commands.clear()
    python = install.ensure(root, tmp_path, machine)
    assert python == root / ".venv" / "bin" / "python"
    assert machine.commands == []


def test_a_changed_lock_is_installed(root, tmp_path, machine):
    install.ensure(root, tmp_path, machine)
    (root / "requirements" / machine.locks[0]).write_text("other==2\n")
    install.ensure(root, tmp_path, machine)
    assert len(machine.locks) == 2


@pytest.mark.parametrize(
    ("system", "machine", "says"),
    [
        ("Darwin", "arm64", "vLLM runs on Linux only, and this system is Darwin."),
        ("Linux", "riscv64", "does not support the processor type riscv64."),
    ],
)
def test_where_vllm_cannot_run_the_rest_is_installed(
    root, tmp_path, monkeypatch, system, machine, says
):
    monkeypatch.delenv("ENGINE_DEVICE", raising=False)
    elsewhere = MadeUpMachine(system, machine)
    install.ensure(root, tmp_path, elsewhere)
    assert elsewhere.locks == ["lock-web.txt"]
    assert says in str(elsewhere.refusal())


def test_a_driver_that_came_brings_the_cuda_packages_into_a_new_environment(
    root, tmp_path, machine, capsys
):
    install.ensure(root, tmp_path, machine)
    card = nvidia.Card("NVIDIA H100", 79 * nvidia.GIB, (9, 0))
    machine.answering = nvidia.Driver("580.65", (card,))
    install.ensure(root, tmp_path, machine)
    assert machine.locks == ["lock-cpu.txt", "lock-cuda.txt"]
    assert machine.num_environments_made == 2
    assert "An NVIDIA driver answers (NVIDIA H100, 79 GiB)" in capsys.readouterr().out


def test_another_set_starts_from_an_empty_environment(
    root, tmp_path, machine, monkeypatch
):
    install.ensure(root, tmp_path, machine)
    (root / "requirements" / "lock-cpu.txt").write_text("other==2\n")
    install.ensure(root, tmp_path, machine)
    # A changed lock goes into the same environment.
    assert machine.num_environments_made == 1
    monkeypatch.setenv("ENGINE_DEVICE", "cuda")
    install.ensure(root, tmp_path, machine)
    assert machine.num_environments_made == 2


def test_torch_for_the_cpu_is_asked_for_only_where_the_engine_runs_on_it(
    root, tmp_path, machine, monkeypatch
):
    for name in ("PIP_FIND_LINKS", "UV_FIND_LINKS", "UV_TORCH_BACKEND"):
        monkeypatch.delenv(name, raising=False)
    install.ensure(root, tmp_path, machine)
    assert machine.environments[-1]["UV_TORCH_BACKEND"] == "cpu"
    monkeypatch.setenv("ENGINE_DEVICE", "cuda")
    install.ensure(root, tmp_path, machine)
    assert "UV_TORCH_BACKEND" not in machine.environments[-1]


def stamp_of(root: Path) -> dict[str, str]:
    found: dict[str, str] = json.loads(
        (root / ".venv" / install.STAMP_NAME).read_text()
    )
    return found


def restamp(root: Path, **changes: str) -> None:
    path = root / ".venv" / install.STAMP_NAME
    path.write_text(json.dumps(stamp_of(root) | changes))


def foreign(path: Path) -> Path:
    """An environment of somebody else, with a file of theirs."""
    (path / "bin").mkdir(parents=True)
    (path / "bin" / "python").touch()
    (path / "theirs").write_text("kept")
    return path


def test_another_patch_release_of_python_changes_nothing(root, tmp_path, machine):
    install.ensure(root, tmp_path, machine)
    restamp(root, python=f"{platform.python_version()}99")
    machine.commands.clear()
    install.ensure(root, tmp_path, machine)
    assert machine.commands == []


def test_what_is_removed_is_said(root, tmp_path, machine, capsys):
    install.ensure(root, tmp_path, machine)
    (root / ".venv" / "old").touch()
    restamp(root, set="web")
    install.ensure(root, tmp_path, machine)
    assert not (root / ".venv" / "old").exists()
    said = capsys.readouterr().out
    assert f"Removing {root / '.venv'}, since it holds the packages for web" in said


def test_nothing_is_removed_or_installed_through_a_link(root, tmp_path, machine):
    other = foreign(tmp_path / "other")
    (root / ".venv").symlink_to(other)
    with pytest.raises(LaunchError, match=f"is a link to {other}, which is left"):
        install.ensure(root, tmp_path, machine)
    (other / install.STAMP_NAME).write_text('{"set": "web", "lock": "", "python": ""}')
    with pytest.raises(LaunchError, match="those for cpu are due"):
        install.ensure(root, tmp_path, machine)
    assert (other / "theirs").read_text() == "kept"
    assert machine.commands == []
    assert (root / ".venv").is_symlink()


@pytest.mark.parametrize("is_adopted", [False, True])
def test_an_environment_of_somebody_else_is_never_removed(
    root, tmp_path, machine, monkeypatch, is_adopted
):
    venv = foreign(root / ".venv")
    if is_adopted:
        install.ensure(root, tmp_path, machine)
        assert stamp_of(root)["adopted"] == "yes"
        monkeypatch.setenv("ENGINE_DEVICE", "cuda")
    else:
        (venv / "bin" / "python").unlink()
    with pytest.raises(LaunchError, match="was not made by this launcher"):
        install.ensure(root, tmp_path, machine)
    assert (venv / "theirs").read_text() == "kept"
    assert machine.num_environments_made == 0


def test_an_installation_that_was_stopped_goes_on(root, tmp_path, machine):
    install.ensure(root, tmp_path, machine)
    restamp(root, lock="of a start that was stopped")
    install.ensure(root, tmp_path, machine)
    assert machine.num_environments_made == 1
    (root / ".venv" / "bin" / "python").unlink()
    install.ensure(root, tmp_path, machine)
    assert machine.num_environments_made == 2


def test_an_environment_from_a_bundle_is_left_alone(root, tmp_path, machine):
    python = root / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.touch()
    (root / ".venv" / install.STAMP_NAME).write_text('{"set": "bundle"}')
    assert install.ensure(root, tmp_path, machine) == python
    assert machine.commands == []


def test_locks_name_no_address_and_no_path():
    for lock in (ROOT / "requirements").glob("lock-*.txt"):
        for line in lock.read_text().splitlines():
            assert "==" in line and not set("/@:\\") & set(line), f"{lock.name}: {line}"


def test_the_cuda_lock_takes_no_torch_for_the_cpu_and_brings_the_tests_along():
    lines = (ROOT / "requirements" / "lock-cuda.txt").read_text().splitlines()
    names = {line.split("==")[0] for line in lines}
    [torch] = [line for line in lines if line.startswith("torch=")]
    assert torch.startswith("torch===")  # "==" would accept 2.13.0+cpu
    assert "+" not in torch and "nvidia-cublas" in names
    web = (ROOT / "requirements" / "lock-web.txt").read_text().splitlines()
    assert {line.split("==")[0] for line in web} <= names


def test_the_cpu_lock_has_neither_cuda_builds_nor_a_second_model_runtime():
    lines = (ROOT / "requirements" / "lock-cpu.txt").read_text().splitlines()
    names = {line.split("==")[0] for line in lines}
    assert "torch==2.13.0+cpu" in lines
    assert not names & {"torchvision", "torchaudio", "torchcodec", "triton"}
    assert not names & {"llm", "llama-cpp-python"}
