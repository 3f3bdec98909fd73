"""Backup and restore of PostgreSQL while others write: as of one moment, or refused."""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from tests import postgres
from tests.courseware.test_backups import INSERT, Installation

pytestmark = pytest.mark.slow


class Traffic:
    """A writer whose transactions write two rows each: l7 and r7."""

    def __init__(self, url: str) -> None:
        self._url = url
        self.written = 0
        """Transactions that are committed."""

    @contextmanager
    def __call__(self) -> Iterator["Traffic"]:
        is_over = threading.Event()
        thread = threading.Thread(target=self._write, args=(is_over,))
        thread.start()
        try:
            yield self
        finally:
            is_over.set()
            thread.join()

    def _write(self, is_over: threading.Event) -> None:
        with psycopg.connect(self._url) as database:
            while not is_over.is_set():
                try:
                    for side in "lr":
                        database.execute(INSERT.format(f"{side}{self.written}"))
                    database.commit()
                    self.written += 1
                except psycopg.Error:  # its table was replaced under it
                    database.rollback()
                time.sleep(0.002)

    def reach(self, number: int) -> None:
        while self.written < number:
            time.sleep(0.01)


def rows(url: str) -> set[str]:
    with psycopg.connect(url) as database:
        found = database.execute("SELECT learner_id FROM courseware_learner")
        return {learner_id for (learner_id,) in found}


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with postgres.cluster() as url:
        yield url


@pytest.fixture(scope="module")
def migrated(url: str, tmp_path_factory: pytest.TempPathFactory) -> Installation:
    path = os.pathsep.join([str(postgres.programs()), os.environ["PATH"]])
    data_dir = tmp_path_factory.mktemp("data")
    return Installation(data_dir, DATABASE_URL=url, PATH=path)


@pytest.fixture
def here(migrated: Installation, url: str) -> Installation:
    with psycopg.connect(url, autocommit=True) as database:
        database.execute("DELETE FROM courseware_learner")
    return migrated


def test_a_backup_under_traffic_is_of_one_moment(
    here: Installation, url: str, tmp_path: Path
) -> None:
    with Traffic(url)() as traffic:
        traffic.reach(20)
        before = traffic.written
        here.manage("backup", "--out", str(tmp_path / "one.tar.gz"))
        traffic.reach(traffic.written + 20)
    here.manage("restore", str(tmp_path / "one.tar.gz"))
    kept = rows(url)
    sides = [{int(one[1:]) for one in kept if one[0] == side} for side in "lr"]
    assert sides[0] == sides[1], "no transaction is in it by half"
    assert set(range(before)) <= sides[0], "all that was committed before is in it"
    assert len(sides[0]) < traffic.written


def test_a_restore_while_others_are_connected_is_refused(
    here: Installation, url: str, tmp_path: Path
) -> None:
    path = str(tmp_path / "one.tar.gz")
    here.manage("backup", "--out", path)
    aside = set(here.data_dir.glob("before-restore-*"))
    with Traffic(url)() as traffic:
        traffic.reach(5)
        said = here.manage("restore", path, status=1)
        traffic.reach(traffic.written + 5)
    assert "1 other connections to the database are open" in said
    assert len(rows(url)) == 2 * traffic.written, "nothing was lost"
    assert set(here.data_dir.glob("before-restore-*")) == aside


def backup_of_one_row(here: Installation, url: str, tmp_path: Path) -> str:
    """The row is "kept"; the path of the backup."""
    path = str(tmp_path / "one.tar.gz")
    with psycopg.connect(url, autocommit=True) as database:
        database.execute(INSERT.format("kept"))
    here.manage("backup", "--out", path)
    return path


def test_where_it_is_wanted_all_the_same_it_replaces_all_or_nothing(
    here: Installation, url: str, tmp_path: Path
) -> None:
    path = backup_of_one_row(here, url, tmp_path)
    with Traffic(url)() as traffic:
        traffic.reach(20)
        here.manage("restore", path, "--while-in-use")
    kept = rows(url)
    assert "kept" in kept and "l0" not in kept
    assert {"l" + one[1:] for one in kept - {"kept"}} <= kept, "whole transactions"


def test_a_restore_that_lost_a_deadlock_is_tried_again(
    here: Installation, url: str, tmp_path: Path
) -> None:
    path = backup_of_one_row(here, url, tmp_path)
    with psycopg.connect(url, autocommit=True) as database:
        database.execute(INSERT.format("later"))
    program, real = tmp_path / "pg_restore", postgres.programs() / "pg_restore"
    program.write_text(
        f'#!/bin/sh\nif mkdir "{tmp_path}/once" 2>/dev/null; then\n'
        '  echo "pg_restore: error: could not execute query: ERROR:  deadlock detected"'
        f' >&2; exit 1\nfi\nexec "{real}" "$@"\n'
    )
    program.chmod(0o755)
    programs = [str(tmp_path), str(postgres.programs()), os.environ["PATH"]]
    searched = os.pathsep.join(programs)
    again = Installation(here.data_dir, DATABASE_URL=url, PATH=searched)
    again.manage("restore", path)
    assert (tmp_path / "once").is_dir()
    assert rows(url) == {"kept"}


def test_a_restore_does_not_wait_for_ever_and_changes_nothing_then(
    here: Installation, url: str, tmp_path: Path
) -> None:
    path = str(tmp_path / "one.tar.gz")
    here.manage("backup", "--out", path)
    with psycopg.connect(url) as idle:
        idle.execute(INSERT.format("held"))  # and no commit
        said = here.manage("restore", path, "--while-in-use", status=1)
        idle.commit()
    assert "nothing was changed" in said and "Traceback" not in said
    assert rows(url) == {"held"}
