"""A backup holds what was written last, also under load, and comes back whole."""

import os
import sqlite3
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from launcher.address import Address, only_one
from tests import postgres

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[2]
INSERT = (
    "INSERT INTO courseware_learner (learner_id, created_at, last_seen_at) "
    "VALUES ('{0}', '2026-01-01 00:00:00', '2026-01-01 00:00:00')"
)


class Installation:
    """A DATA_DIR with a migrated database."""

    def __init__(self, data_dir: Path, **variables: str) -> None:
        self.data_dir = data_dir
        self.environment = {**os.environ, "DATA_DIR": str(data_dir), **variables}
        self.environment.pop("SECRET_KEY", None)
        self.manage("migrate", "--no-input")

    def manage(self, *arguments: str, status: int = 0) -> str:
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout + done.stderr

    @property
    def database(self) -> Path:
        return self.data_dir / "servelab.sqlite3"


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Installation]:
    (tmp_path / "data").mkdir()
    yield Installation(tmp_path / "data")


def ids_of(path: Path) -> set[str]:
    with sqlite3.connect(path) as database:
        rows = database.execute("SELECT learner_id FROM courseware_learner").fetchall()
    return {learner_id for (learner_id,) in rows}


def test_what_was_written_before_is_in_it_while_others_write_on(
    here: Installation, tmp_path: Path
) -> None:
    written: list[str] = []
    is_over = threading.Event()

    def write() -> None:
        with sqlite3.connect(here.database, timeout=20) as database:
            database.execute("PRAGMA journal_mode=WAL")
            while not is_over.is_set():
                database.execute(INSERT.format(f"l{len(written)}"))
                database.commit()
                written.append(f"l{len(written)}")
                time.sleep(0.002)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        while len(written) < 25:
            time.sleep(0.01)
        before = set(written)
        path = tmp_path / "one.tar.gz"
        here.manage("backup", "--out", str(path))
        now = len(written)
    finally:
        is_over.set()
        writer.join()
    assert path.stat().st_mode & 0o777 == 0o600
    (here.data_dir / "preparation.json").write_text("{}")
    key = (here.data_dir / "secret_key").read_text()
    (here.data_dir / "secret_key").write_text("x" * 40)
    said = here.manage("restore", str(path))
    assert "secret key is restored" in said
    kept = ids_of(here.database)
    assert before <= kept and len(kept) <= now + 1
    assert (here.data_dir / "secret_key").read_text() == key
    assert not (here.data_dir / "preparation.json").exists()
    [aside] = here.data_dir.glob("before-restore-*")
    assert ids_of(aside / "servelab.sqlite3") == set(written)


def test_recordings_come_along_while_learners_keep_and_delete_some(
    here: Installation, tmp_path: Path
) -> None:
    of_host, of_learners = here.data_dir / "recordings", tmp_path / "elsewhere"
    here = Installation(here.data_dir, RECORDINGS_DIR=str(of_learners))
    files = [of_host / "eight.svlr", of_learners / "a.svlr", of_learners / "a.frames"]
    for file in files:
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(file.name.encode())
    is_over = threading.Event()

    def keep_and_delete() -> None:
        others = [of_learners / f"{number}.svlr" for number in range(400)]
        while not is_over.is_set():
            for other in others:
                other.write_bytes(b"x" * 4_000)
            for other in others:
                other.unlink()

    learners = threading.Thread(target=keep_and_delete)
    learners.start()
    try:
        here.manage("backup", "--out", str(tmp_path / "one.tar.gz"))
    finally:
        is_over.set()
        learners.join()
    for file in files:
        file.unlink()
    said = here.manage("restore", str(tmp_path / "one.tar.gz"))
    assert [file.read_bytes().decode() for file in files] == [f.name for f in files]
    assert f"{of_learners}: recordings are restored" in said


def test_what_is_no_backup_changes_nothing(here: Installation, tmp_path: Path) -> None:
    bad = tmp_path / "bad.tar.gz"
    bad.write_bytes(b"no archive")
    assert "is no backup of Servelab" in here.manage("restore", str(bad), status=1)
    with tarfile.open(bad, "w:gz") as tar:
        tar.add(ROOT / "LICENSE", arcname="../evil")
    assert "is no backup of Servelab" in here.manage("restore", str(bad), status=1)
    assert not (tmp_path / "evil").exists()
    assert "is no backup" in here.manage("restore", str(tmp_path / "none"), status=1)
    manifest = tmp_path / "manifest.json"
    manifest.write_text('{"format": 1, "engine": "sqlite"}')
    with tarfile.open(bad, "w:gz") as tar:
        tar.add(manifest, arcname="manifest.json")
    assert "holds no database" in here.manage("restore", str(bad), status=1)
    assert here.database.stat().st_size > 100_000


FUTURE = (
    "INSERT INTO django_migrations (app, name, applied) "
    "VALUES ('{}', '{}', '2026-01-01')"
)


def test_a_backup_of_a_newer_version_is_refused(
    here: Installation, tmp_path: Path
) -> None:
    path = str(tmp_path / "one.tar.gz")
    with sqlite3.connect(here.database) as database:
        database.execute(FUTURE.format("an_app_of_old", "0002_gone"))
    here.manage("backup", "--out", path)
    here.manage("restore", path)
    with sqlite3.connect(here.database) as database:
        database.execute(FUTURE.format("lab", "9999_more"))
    here.manage("backup", "--out", path)
    said = here.manage("restore", path, status=1)
    assert "is of a newer version, with lab.9999_more" in said


def test_a_running_installation_is_not_overwritten(
    here: Installation, tmp_path: Path
) -> None:
    path = tmp_path / "one.tar.gz"
    without = ("--without-secret-key", "--without-recordings")
    here.manage("backup", "--out", str(path), *without)
    here.manage("backup", "--out", str(here.data_dir), *without)
    assert len(list(here.data_dir.glob("servelab-*.tar.gz"))) == 1, "in a directory"
    with tarfile.open(path) as tar:
        assert tar.getnames() == ["database.sqlite3", "manifest.json"]
    with only_one(here.data_dir, Address("127.0.0.1", 1)):
        said = here.manage("restore", str(path), status=1)
    assert "end it first" in said


def test_a_folder_that_cannot_be_written_is_a_sentence(here: Installation) -> None:
    said = here.manage("backup", "--out", "/proc/none/x.tar.gz", status=1)
    assert "The backup was not written" in said and "Traceback" not in said


def test_postgresql_comes_back_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    with postgres.cluster() as url:
        path = os.pathsep.join([str(postgres.programs()), os.environ["PATH"]])
        here = Installation(tmp_path / "data", DATABASE_URL=url, PATH=path)
        with psycopg.connect(url, autocommit=True) as database:
            database.execute(INSERT.format("kept"))
            here.manage("backup", "--out", str(tmp_path / "one.tar.gz"))
            database.execute(INSERT.format("later"))
        here.manage("restore", str(tmp_path / "one.tar.gz"))
        with psycopg.connect(url) as database:
            rows = database.execute("SELECT learner_id FROM courseware_learner")
            assert rows.fetchall() == [("kept",)]
        tls = Installation(tmp_path / "data", DATABASE_URL=url, PATH=path)
        tls.environment["DATABASE_URL"] = f"{url}?sslmode=require"
        said = tls.manage("backup", status=1)
        assert "pg_dump failed" in said and "SSL" in said, "TLS is asked of it too"
        elsewhere = Installation(tmp_path / "data")
        said = elsewhere.manage("restore", str(tmp_path / "one.tar.gz"), status=1)
        assert "holds a database of postgresql" in said
