"""A whole bundle of made-up wheels: packed, hurt, mended, installed with no index."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import bundle.__main__ as command
from bundle import packing
from bundle.profiles import Profile
from tests.bundle.wheel_maker import make_wheel

ROOT = Path(__file__).resolve().parent.parent.parent
THIS_PYTHON = ".".join(map(str, sys.version_info[:2]))
HOST = "made-up"


@pytest.fixture(scope="module")
def pip_wheel(tmp_path_factory) -> Path:
    """This environment's own pip as a wheel: pip has no other needs."""
    from importlib import metadata

    pip = metadata.distribution("pip")
    place = Path(str(pip.locate_file("pip")))
    files = {
        f"pip/{path.relative_to(place)}": path.read_bytes()
        for path in place.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    folder = tmp_path_factory.mktemp("pip")
    return make_wheel(folder, "pip", pip.version, files=files)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project of two files in git, with a lock of two packages."""
    root = tmp_path / "project"
    (root / "requirements").mkdir(parents=True)
    (root / "requirements" / "lock-made-up.txt").write_text(
        "made-up-app==1.0\nmade-up-lib==1.0\n"
    )
    (root / "requirements" / "excludes-made-up.txt").write_text("video  # no video\n")
    (root / "run.py").write_text("import made_up_app")
    subprocess.run(["git", "init", "-q"], cwd=root, check=True)
    subprocess.run(["git", "add", "."], cwd=root, check=True)
    (root / "untracked").write_text("stays here")
    return root


@pytest.fixture
def make(tmp_path, project, pip_wheel, monkeypatch):
    """Makes a bundle into ``tmp_path / "out"``; more arguments may follow."""
    store = tmp_path / "data" / "bundle" / "wheels"
    make_wheel(
        store,
        "made-up-app",
        requires=("made-up-lib>=1", "video"),
        files={"made_up_app/large.bin": os.urandom(2_500_000)},
    )
    make_wheel(store, "made-up-lib")
    shutil.copy(pip_wheel, store)
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "data"))
    installer = f"pip=={pip_wheel.name.split('-')[1]}"

    def with_profile(*arguments: str, **fields) -> Path:
        profile = Profile(
            **{
                "name": HOST,
                "summary": "a made-up host",
                "lock": "lock-made-up.txt",
                "excludes": "excludes-made-up.txt",
                "python": THIS_PYTHON,
                "imports": ("made_up_app",),
                **fields,
            }
        )
        source = command.Source(project, {HOST: profile}, installer)
        out = tmp_path / "out"
        given = ["--for", HOST, "--part-mb", "1", "--out", str(out), *arguments]
        assert command.main(given, source) == 0
        return out

    return with_profile


def install(
    out: Path, target: Path, *arguments: str
) -> subprocess.CompletedProcess[str]:
    """sh install.sh with this Python, and no way to any index."""
    environment = {
        **os.environ,
        "PYTHON": sys.executable,
        "PIP_INDEX_URL": "http://127.0.0.1:9/",
        "PIP_CONSTRAINT": "/no/such/file",
    }
    return subprocess.run(
        ["sh", str(out / "install.sh"), "--into", str(target), *arguments],
        env=environment,
        capture_output=True,
        text=True,
    )


@pytest.mark.slow
def test_a_bundle_installs_with_nothing_but_itself(make, tmp_path):
    out = make()
    assert [path.name for path in sorted(out.glob("part-*"))] == [
        "part-000", "part-001", "part-002",
    ]  # fmt: skip
    assert max(path.stat().st_size for path in out.glob("part-*")) == packing.MB
    shutil.rmtree(tmp_path / "data")
    target = tmp_path / "target"
    answer = install(out, target)
    assert answer.returncode == 0, answer.stderr
    assert "make run" in answer.stdout
    assert (target / "run.py").read_text() == "import made_up_app"
    assert not (target / "untracked").exists()
    python = target / ".venv" / "bin" / "python"
    subprocess.run([python, "run.py"], cwd=target, check=True)
    assert (
        json.loads((target / ".venv" / "servelab.json").read_text())["set"] == "bundle"
    )
    assert list((target / ".bundle").glob("wheels/*")) == []


def test_a_damaged_and_a_missing_part_are_named_and_nothing_is_installed(
    make, tmp_path
):
    out = make()
    target = tmp_path / "target"
    whole = (out / "part-001").read_bytes()
    (out / "part-001").write_bytes(whole[:500] + bytes([whole[500] ^ 1]) + whole[501:])
    (out / "part-002").rename(tmp_path / "part-002")
    answer = install(out, target)
    assert answer.returncode == 2
    assert answer.stderr.strip() == (
        "part-001 is damaged (its checksum differs); part-002 is missing: copy that "
        "again, then repeat this."
    )
    assert not target.exists()
    (out / "part-001").write_bytes(whole)
    (tmp_path / "part-002").rename(out / "part-002")
    assert install(out, target, "--verify").returncode == 0
    assert not target.exists()


def test_sha256sum_reads_the_checksums_too(make):
    out = make()
    subprocess.run(["sha256sum", "--quiet", "-c", packing.SUMS], cwd=out, check=True)


@pytest.mark.slow
def test_an_interrupted_installation_goes_on_and_a_finished_one_is_renewed(
    make, tmp_path, project
):
    target = tmp_path / "target"
    assert install(make(), target).returncode == 0
    (target / ".venv" / "servelab.json").unlink()  # interrupted before its last step
    shutil.rmtree(next(target.glob(".venv/lib/*/site-packages/made_up_lib")))
    assert install(tmp_path / "out", target).returncode == 0
    assert list(target.glob(".venv/lib/*/site-packages/made_up_lib"))
    first = {path.name: path.read_bytes() for path in (tmp_path / "out").glob("part-*")}

    (project / "run.py").unlink()
    (project / "walk.py").touch()
    subprocess.run(["git", "add", "-A"], cwd=project, check=True)
    out = make()
    assert [
        name for name in sorted(first) if (out / name).read_bytes() != first[name]
    ] == ["part-002"]  # the wheels are in the parts before it
    answer = install(out, target)
    assert answer.returncode == 0
    assert "Installed" not in answer.stdout  # the wheels are the same
    assert (target / "walk.py").exists()
    assert not (target / "run.py").exists()


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"python": "3.10"}, f"for Python 3.10, and {sys.executable} is"),
        ({"host": ("made-up-torch==2.11.*",)}, "made-up-torch is not installed for"),
        ({"host": ("packaging<1",)}, "and this bundle needs packaging<1"),
        pytest.param(
            {"imports": ("made_up_gone",)},
            "does not load: made_up_gone (ModuleNotFound",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_a_host_of_another_kind_is_told_what_is_wrong(make, tmp_path, fields, says):
    answer = install(make(**fields), tmp_path / "target")
    assert answer.returncode == 2
    assert says in answer.stderr
    assert "Traceback" not in answer.stderr


@pytest.mark.slow
def test_the_host_s_packages_are_seen_where_the_bundle_counts_on_them(make, tmp_path):
    out = make(host=("packaging>=20",), imports=("made_up_app", "packaging"))
    answer = install(out, tmp_path / "target")
    assert answer.returncode == 0, answer.stderr


def test_a_dry_run_lists_and_writes_nothing(make, tmp_path, capsys):
    make("--dry-run")
    assert not (tmp_path / "out").exists()
    shown = capsys.readouterr().out
    assert "2.5 MB  made-up-app 1.0" in shown
    assert "4 files of the project" not in shown
    assert "3 files of the project" in shown


def test_what_lies_in_the_place_of_the_bundle_is_not_removed(make, tmp_path, capsys):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").touch()
    with pytest.raises(AssertionError):
        make()
    assert "holds something else than a bundle" in capsys.readouterr().err
    assert (tmp_path / "out" / "thesis.txt").exists()


def test_outside_of_git_it_says_so(make, project, capsys):
    shutil.rmtree(project / ".git")
    with pytest.raises(AssertionError):
        make()
    assert "is no git working tree" in capsys.readouterr().err


@pytest.mark.parametrize("size", ["0", "a lot"])
def test_a_wrong_size_is_refused(size, capsys):
    with pytest.raises(SystemExit):
        command.main(["--part-mb", size])
    assert f"PART_MB is {size!r}: allowed is a whole number" in capsys.readouterr().err
