"""What a start leaves out, since an earlier one has done it."""

import json
from pathlib import Path

import pytest

from launcher import preparation
from tests.launcher.running import ROOT

VARIABLES = ("DATABASE_URL", "DATABASE_HOST")


@pytest.fixture
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """As a start with the built-in database left it."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    stamp = preparation._stamp(ROOT)
    (tmp_path / "preparation.json").write_text(json.dumps(stamp))
    (tmp_path / "servelab.sqlite3").touch()
    (tmp_path / "static").mkdir()
    (tmp_path / "static" / "collected.txt").write_text(stamp["static"])
    return tmp_path


def test_the_built_in_database_is_prepared_once(data_dir: Path) -> None:
    assert preparation.is_current(ROOT, data_dir)
    (data_dir / "servelab.sqlite3").unlink()
    assert not preparation.is_current(ROOT, data_dir)


@pytest.mark.parametrize("name", VARIABLES)
def test_another_database_is_always_looked_at(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """However it is named: the built-in one beside it may be an earlier start's."""
    monkeypatch.setenv(name, "postgres")
    assert not preparation.is_current(ROOT, data_dir)
