"""Backups: one file with the database, the secret key and recordings.

    backup.tar.gz
      manifest.json         {"format", "engine", "created_at", "migrations"}
      database.sqlite3      by SQLite's online backup, or
      database.pgdump       by pg_dump, in its custom format
      secret_key
      recordings/*.svlr     what an engine host here recorded
      kept-recordings/*     learners' own, where a directory keeps them

Both kinds of a database are read as of one moment while others write. A copy of an
SQLite file is no backup: what was written last lies in the -wal file beside it.
"""

import fcntl
import gzip
import json
import os
import shutil
import sqlite3
import subprocess
import tarfile
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.files.storage import FileSystemStorage, storages
from django.db import connection, connections
from django.utils import timezone
from psycopg import pq

from courseware.newer import newer_migration

FORMAT = 1
SQLITE, POSTGRES = "database.sqlite3", "database.pgdump"
SECRET_KEY = "secret_key"
RECORDINGS = "recordings"
KEPT = "kept-recordings"
MANIFEST = "manifest.json"
LOCK_WAIT_S = 10
"""For another's transaction on a table of PostgreSQL."""
MOST_DEADLOCKS = 5


class BackupFailed(Exception):
    """The message is a sentence for the operator."""


def back_up(
    out: Path | None, *, has_secret_key: bool = True, has_recordings: bool = True
) -> Path:
    """Write a backup and return its path; nothing is left of one that fails. ``out`` is
    a file, or a directory for it."""
    data_dir: Path = settings.DATA_DIR
    now = timezone.now()
    name = f"servelab-{now:%Y%m%d-%H%M%S}.tar.gz"
    try:
        out = out or data_dir / "backups" / name
        if out.is_dir():
            out /= name
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=out.parent, prefix=".backup-") as made:
            folder = Path(made)
            _dump(folder)
            manifest = {
                "format": FORMAT,
                "engine": connection.vendor,
                "created_at": now.isoformat(),
                "migrations": _migrations(),
            }
            (folder / MANIFEST).write_text(json.dumps(manifest, indent=1))
            if has_secret_key and (data_dir / SECRET_KEY).is_file():
                shutil.copy(data_dir / SECRET_KEY, folder)
            if has_recordings:
                _copy_recordings(folder)
            _pack(folder, out)
    except OSError as error:
        raise BackupFailed(f"The backup was not written: {error}.") from error
    return out


def restore(path: Path, *, while_in_use: bool = False) -> Iterator[str]:
    """Put a backup in place of what is, which is set aside; says what it did.

    Refused while others are connected to the database, unless ``while_in_use``: what
    they write between setting aside and replacing would be in neither.
    """
    data_dir: Path = settings.DATA_DIR
    try:
        with (
            _nothing_runs(data_dir),
            tempfile.TemporaryDirectory(dir=data_dir, prefix=".restore-") as name,
        ):
            folder = Path(name)
            _unpack(path, folder)
            if not while_in_use:
                _nobody_is_connected()
            aside = Path(
                tempfile.mkdtemp(
                    prefix=f"before-restore-{timezone.now():%Y%m%d-%H%M%S}-",
                    dir=data_dir,
                )
            )
            try:
                # What may fail for want of room goes first, beside what is there.
                yield from _put_recordings(folder, aside)
                yield from _put_database(folder, aside)
                yield from _put_secret_key(folder, data_dir, aside)
            finally:
                with suppress(OSError):  # unless something was set aside
                    aside.rmdir()
    except OSError as error:
        raise BackupFailed(f"The backup was not restored: {error}.") from error
    # The next start migrates it and loads the chapters and quizzes of this version.
    (data_dir / "preparation.json").unlink(missing_ok=True)
    yield f"What was there before is in {aside}."


# Writing


def _dump(folder: Path) -> None:
    database = settings.DATABASES["default"]
    if connection.vendor == "sqlite":
        target = folder / SQLITE
        with (
            closing(sqlite3.connect(database["NAME"], timeout=60)) as source,
            closing(sqlite3.connect(target)) as copy,
        ):
            try:
                source.backup(copy)
            except sqlite3.Error as error:
                raise BackupFailed(f"The database cannot be read: {error}.") from error
        _check(target)
    else:
        _postgres("pg_dump", "--format=custom", f"--file={folder / POSTGRES}")


def _recordings() -> dict[str, Path]:
    """The directories with recordings, by their names in a backup. Another storage than
    a directory (RECORDINGS_STORAGE) has backups of its own."""
    found = {RECORDINGS: Path(settings.DATA_DIR) / RECORDINGS}
    storage = storages["recordings"]
    if isinstance(storage, FileSystemStorage):
        found[KEPT] = Path(storage.location)
    return found


def _copy_recordings(folder: Path) -> None:
    """After the database, so that each that it names is there, or was deleted since."""
    for name, directory in _recordings().items():
        if directory.is_dir():
            shutil.copytree(directory, folder / name, copy_function=_copy_if_there)


def _copy_if_there(source: str, target: str) -> None:
    with suppress(FileNotFoundError):  # its learner has deleted it
        shutil.copy2(source, target)


def _check(path: Path) -> None:
    try:
        with closing(sqlite3.connect(path)) as database:
            [found] = database.execute("PRAGMA integrity_check").fetchone()
            database.execute("SELECT app, name FROM django_migrations LIMIT 1")
    except sqlite3.DatabaseError as error:
        found = str(error)
    if found != "ok":
        raise BackupFailed(f"{path.name} is damaged: {found}.")


def _postgres(program: str, *arguments: str) -> None:
    environment = {**os.environ, **_connection_variables()}
    try:
        with subprocess.Popen(
            [program, *arguments],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            said = _said_by(process, program)
    except FileNotFoundError as error:
        raise BackupFailed(
            f"{program} is not installed: it comes with PostgreSQL's client programs, "
            "at least as new as the server."
        ) from error
    if process.returncode:
        words = (said.strip().splitlines() or ["it does not say why"])[0]
        raise BackupFailed(f"{program} failed: {words}.")


def _connection_variables() -> dict[str, str]:
    """How Django connects, as libpq's programs read it: a password is in no list of
    processes, and TLS is verified as the URL says (sslmode, sslrootcert). By their own
    names the server knows them in _waits_for_a_lock()."""
    database = settings.DATABASES["default"]
    given = {
        **database["OPTIONS"],
        "host": database["HOST"],
        "port": database["PORT"] or 5432,
        "user": database["USER"],
        "password": database["PASSWORD"],
        "dbname": database["NAME"],
    }
    options = pq.Conninfo.get_defaults()
    names = {one.keyword.decode(): one.envvar for one in options if one.envvar}
    names.pop("application_name", None)
    return {names[n].decode(): str(v) for n, v in given.items() if n in names}


def _said_by(process: "subprocess.Popen[str]", program: str) -> str:
    """What it wrote until its end. It waits for another's locks without limit (it sets
    lock_timeout to 0), so it is ended where it does for long: nothing has changed
    then, since all that it does is one transaction."""
    while True:
        try:
            return process.communicate(timeout=1)[1]
        except subprocess.TimeoutExpired:
            if not _waits_for_a_lock(program):
                continue
            process.terminate()
            process.communicate()
            raise BackupFailed(
                f"{program} waited for {LOCK_WAIT_S} s for a table that another "
                "transaction holds, and was ended: nothing was changed. End web "
                "processes and workers on all machines first."
            ) from None


def _waits_for_a_lock(program: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
            "AND application_name = %s AND wait_event_type = 'Lock' "
            "AND query_start < now() - make_interval(secs => %s)",
            [program, LOCK_WAIT_S],
        )
        return bool(cursor.fetchone()[0])


def _migrations() -> dict[str, str]:
    """The last migration of each app that the database has."""
    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT app, name FROM django_migrations ORDER BY id")
        return dict(cursor.fetchall())


def _pack(folder: Path, out: Path) -> None:
    part = out.with_name(f"{out.name}.part")
    try:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            with tarfile.open(fileobj=file, mode="w:gz") as tar:
                for entry in sorted(folder.iterdir()):
                    tar.add(entry, arcname=entry.name)
            file.flush()
            os.fsync(file.fileno())
        part.replace(out)
    finally:
        part.unlink(missing_ok=True)


# Reading


def _unpack(path: Path, folder: Path) -> None:
    """Into ``folder``, where the manifest fits this installation."""
    try:
        with gzip.open(path) as file:
            with tarfile.open(fileobj=file, mode="r:") as tar:
                tar.extractall(folder, filter="data")
            while file.read(1 << 20):  # at its end the sum of all is compared
                pass
        manifest: dict[str, Any] = dict(json.loads((folder / MANIFEST).read_text()))
        migrations = dict(manifest.get("migrations", {}))
        newer = newer_migration(migrations.items())
    except (tarfile.TarError, zlib.error, EOFError, OSError) as error:
        raise BackupFailed(f"{path} is no backup of Servelab: {error}.") from error
    except (ValueError, TypeError, RecursionError) as error:
        raise BackupFailed(
            f"{path} is no backup of Servelab: its {MANIFEST} cannot be read."
        ) from error
    if manifest.get("format") != FORMAT:
        raise BackupFailed(f"{path} has a format that this version does not know.")
    if manifest.get("engine") != connection.vendor:
        raise BackupFailed(
            f"{path} holds a database of {manifest.get('engine')}; this installation "
            f"has one of {connection.vendor} (DATABASE_URL)."
        )
    if not (folder / (SQLITE if connection.vendor == "sqlite" else POSTGRES)).is_file():
        raise BackupFailed(f"{path} holds no database.")
    if newer:
        raise BackupFailed(
            f"{path} is of a newer version, with {newer}, which this one does not "
            "have: bring this installation up to date first."
        )


def _put_database(folder: Path, aside: Path) -> Iterator[str]:
    connections.close_all()
    if connection.vendor != "sqlite":
        _postgres("pg_dump", "--format=custom", f"--file={aside / POSTGRES}")
        _restore_dump(folder / POSTGRES)
        yield "The database is restored."
        return
    _check(folder / SQLITE)
    target = Path(_name())
    # Beside its place first: it may be on another disk, and that may be full.
    part = target.with_name(f"{target.name}.part")
    try:
        shutil.move(folder / SQLITE, part)
        part.chmod(0o600)
        for suffix in ("", "-wal", "-shm"):
            old = target.with_name(target.name + suffix)
            if old.exists():
                shutil.move(old, aside / old.name)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    yield f"{target} is restored."


def _restore_dump(dump: Path) -> None:
    """In one transaction, again where PostgreSQL ended that to resolve a deadlock with
    whoever writes meanwhile: nothing was changed then."""
    how = ("--clean", "--if-exists", "--no-owner", "--single-transaction")
    for is_last in (*(False,) * (MOST_DEADLOCKS - 1), True):
        try:
            _postgres("pg_restore", *how, "--dbname", _name(), str(dump))
        except BackupFailed as failed:
            if is_last or "deadlock detected" not in str(failed):
                raise
        else:
            return


def _nobody_is_connected() -> None:
    """Web processes and workers elsewhere hold no lock of this DATA_DIR."""
    if connection.vendor == "sqlite":
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
            "AND backend_type = 'client backend' AND pid <> pg_backend_pid()"
        )
        [number] = cursor.fetchone()
    if number:
        raise BackupFailed(
            f"{number} other connections to the database are open. End web processes "
            "and workers on all machines first, or add --while-in-use: what is written "
            "during the restore is lost then."
        )


def _name() -> str:
    return str(settings.DATABASES["default"]["NAME"])


def _put_recordings(folder: Path, aside: Path) -> Iterator[str]:
    packed = [name for name in (RECORDINGS, KEPT) if (folder / name).is_dir()]
    for name in packed:
        if directory := _recordings().get(name):
            shutil.copytree(folder / name, directory, dirs_exist_ok=True)
            yield f"{directory}: recordings are restored beside those that were there."
        else:
            shutil.move(folder / name, aside / name)
            yield (
                f"RECORDINGS_STORAGE is no directory: learners' recordings are in "
                f"{aside / name}, to be brought there."
            )


def _put_secret_key(folder: Path, data_dir: Path, aside: Path) -> Iterator[str]:
    packed = folder / SECRET_KEY
    if not packed.is_file() or not packed.stat().st_size:
        return
    if (data_dir / SECRET_KEY).is_file():
        shutil.move(data_dir / SECRET_KEY, aside / SECRET_KEY)
    shutil.move(packed, data_dir / SECRET_KEY)
    (data_dir / SECRET_KEY).chmod(0o600)
    yield "The secret key is restored."


@contextmanager
def _nothing_runs(data_dir: Path) -> Iterator[None]:
    """Holds the lock of ``make run`` on this DATA_DIR (launcher.address)."""
    with (data_dir / "launcher.lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise BackupFailed(
                "Servelab runs from here: end it first, then restore."
            ) from error
        file.truncate(0)  # whoever ran here last does not hold it
        yield
