"""Before anything is installed: each obstacle is one clear sentence."""

import platform
import shutil
import subprocess
import sys
from collections import namedtuple
from pathlib import Path

import pytest

from launcher import install, nvidia, packages
from launcher.stages import LaunchError
from launcher.valkey import free_port

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parent.parent.parent
Usage = namedtuple("Usage", "total used free")


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A tree whose lock asks for one package that no index has; no card answers."""
    monkeypatch.setattr(nvidia, "ask", lambda: None)
    monkeypatch.delenv("ENGINE_DEVICE", raising=False)
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


def test_a_full_disk_is_told_how_much_is_needed(root, tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(10**10, 0, 2 * 10**9))
    with pytest.raises(LaunchError, match=r"2\.0 GB are free in .*, and 6 GB are need"):
        install.ensure(root, tmp_path)
    assert not (root / ".venv").exists()


def test_without_an_index_it_says_where_to_name_one(root, tmp_path, monkeypatch):
    address = f"http://127.0.0.1:{free_port()}/simple/"
    for name in ("PIP_INDEX_URL", "UV_DEFAULT_INDEX"):
        monkeypatch.setenv(name, address)
    monkeypatch.setenv("PIP_RETRIES", "0")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    with pytest.raises(LaunchError, match="PIP_INDEX_URL") as caught:
        install.ensure(root, tmp_path)
    assert "\n" not in str(caught.value)
    assert (tmp_path / "logs" / "install.log").read_text()


def test_an_environment_that_is_current_is_left_alone(root, tmp_path, monkeypatch):
    monkeypatch.setattr(install, "_install", lambda *arguments: None)
    (root / ".venv" / "bin").mkdir(parents=True)
    (root / ".venv" / "bin" / "python").touch()
    install.ensure(root, tmp_path)

    def fail(*arguments: object) -> None:
        pytest.fail("It installed again.")

    monkeypatch.setattr(install, "_install", fail)
    assert install.ensure(root, tmp_path) == root / ".venv" / "bin" / "python"


def test_a_changed_lock_is_installed(root, tmp_path, monkeypatch):
    installed = []
    monkeypatch.setattr(install, "_install", lambda *given: installed.append(given[1]))
    (root / ".venv").mkdir()
    install.ensure(root, tmp_path)
    (root / "requirements" / installed[0].lock).write_text("other==2\n")
    install.ensure(root, tmp_path)
    assert len(installed) == 2


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
    monkeypatch.setattr(platform, "system", lambda: system)
    monkeypatch.setattr(platform, "machine", lambda: machine)
    installed = []
    monkeypatch.setattr(install, "_install", lambda *given: installed.append(given[1]))
    (root / ".venv").mkdir()
    install.ensure(root, tmp_path)
    assert [chosen.lock for chosen in installed] == ["lock-web.txt"]
    assert says in str(packages.refusal())


def test_a_driver_that_came_brings_the_cuda_packages_into_a_new_environment(
    root, tmp_path, monkeypatch, capsys
):
    installed = []
    monkeypatch.setattr(install, "_install", lambda *given: installed.append(given[1]))
    python = root / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.touch()
    install.ensure(root, tmp_path)
    card = nvidia.Card("NVIDIA H100", 79 * nvidia.GIB, (9, 0))
    monkeypatch.setattr(nvidia, "ask", lambda: nvidia.Driver("580.65", (card,)))
    install.ensure(root, tmp_path)
    assert [chosen.name for chosen in installed] == ["cpu", "cuda"]
    assert "An NVIDIA driver answers (NVIDIA H100, 79 GiB)" in capsys.readouterr().out


def test_another_set_starts_from_an_empty_environment(root, tmp_path, monkeypatch):
    made = []

    def make(venv: Path, log: Path) -> None:
        made.append(venv)
        (venv / "bin").mkdir(parents=True, exist_ok=True)
        (venv / "bin" / "python").touch()

    monkeypatch.setattr(install, "_make_venv", make)
    monkeypatch.setattr(install, "_runs_this_version", Path.exists)
    monkeypatch.setattr(install, "_configured", lambda *given: "")
    monkeypatch.setattr(install, "_run", lambda *given: None)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(0, 0, 10**11))
    install.ensure(root, tmp_path)
    (root / "requirements" / "lock-cpu.txt").write_text("other==2\n")
    install.ensure(root, tmp_path)
    assert len(made) == 1  # a changed lock goes into the same environment
    monkeypatch.setenv("ENGINE_DEVICE", "cuda")
    install.ensure(root, tmp_path)
    assert len(made) == 2


def test_torch_for_the_cpu_is_asked_for_only_where_the_engine_runs_on_it(monkeypatch):
    for name in ("PIP_FIND_LINKS", "UV_FIND_LINKS"):
        monkeypatch.delenv(name, raising=False)
    python = Path(sys.executable)
    monkeypatch.setattr(install, "_configured", lambda *given: "")
    cpu = install._installer_environment(python, packages.CPU)
    cuda = install._installer_environment(python, packages.CUDA)
    assert cpu["UV_TORCH_BACKEND"] == "cpu"
    assert "UV_TORCH_BACKEND" not in cuda


def test_an_environment_from_a_bundle_is_left_alone(root, tmp_path, monkeypatch):
    python = root / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.touch()
    (root / ".venv" / install.STAMP_NAME).write_text('{"set": "bundle"}')
    monkeypatch.setattr(install, "_install", lambda *given: pytest.fail("installed"))
    assert install.ensure(root, tmp_path) == python


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
