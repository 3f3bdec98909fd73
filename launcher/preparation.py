"""Migrations, chapters, quizzes, static files and the compiled simulator, and only what
has changed of them.

python -m launcher.preparation
"""

import hashlib
import json
import os
import sys
from pathlib import Path

ANOTHER_DATABASE = ("DATABASE_URL", "DATABASE_HOST")
MIGRATIONS = ("*/migrations/*.py", "requirements/lock-*.txt")
CHAPTERS = (
    "courseware/**/*",
    "templates/courseware/**/*",
    "lab/traffic/demos.py",  # buttons that chapters show
)
STATIC = (
    "static/**/*",
    "courseware/content/images/*",
    "config/static_files.py",
    "requirements/lock-*.txt",
)
QUIZZES = ("quizzes/**/*",)
SIMULATOR = ("planning/fleet/*.py", "requirements/lock-*.txt")


def is_current(root: Path, data_dir: Path) -> bool:
    """Whether the built-in database has had these migrations and chapters.

    Another database may have been replaced meanwhile: never sure.
    """
    if any(os.environ.get(name, "").strip() for name in ANOTHER_DATABASE):
        return False
    try:
        found = json.loads(_stamp_path(data_dir).read_text())
    except (OSError, ValueError):
        return False
    has_database = (data_dir / "servelab.sqlite3").is_file()
    stamp = _stamp(root)
    is_collected = _has_static(data_dir, stamp["static"])
    return has_database and is_collected and bool(found == stamp)


def _stamp_path(data_dir: Path) -> Path:
    return data_dir / "preparation.json"


def _stamp(root: Path) -> dict[str, str]:
    patterns = {
        "migrations": MIGRATIONS,
        "chapters": CHAPTERS,
        "quizzes": QUIZZES,
        "static": STATIC,
        "simulator": SIMULATOR,
    }
    return {name: _hash(root, patterns[name]) for name in patterns}


def _has_static(data_dir: Path, wanted: str) -> bool:
    path = _static_stamp_path(data_dir)
    return path.is_file() and path.read_text() == wanted


def _static_stamp_path(data_dir: Path) -> Path:
    return data_dir / "static" / "collected.txt"


def _collect_static(data_dir: Path, stamp: str) -> None:
    """Hash and compress what browsers load; old names stay for pages still open."""
    from django.core.management import call_command

    if _has_static(data_dir, stamp):
        return
    # Its modules import files that it does not bring, and no page of ours loads them.
    left_out = ["django_htmx"]
    call_command(
        "collectstatic", interactive=False, verbosity=0, ignore_patterns=left_out
    )
    _static_stamp_path(data_dir).write_text(stamp)


def _compile_simulator() -> None:
    """Once, some seconds: else the first visitor of its page waits for it."""
    from planning.fleet.plan import Plan
    from planning.fleet.results import simulate

    simulate(Plan(), budget=1000)


def _hash(root: Path, patterns: tuple[str, ...]) -> str:
    digest = hashlib.sha256()
    paths = {path for pattern in patterns for path in root.glob(pattern)}
    for path in sorted(paths):
        if path.is_file() and path.suffix != ".pyc":
            digest.update(str(path.relative_to(root)).encode() + b"\0")
            digest.update(path.read_bytes())
    return digest.hexdigest()


def main() -> int:
    """Migrate, collect, load, stamp; 1 with a sentence when that fails."""
    import django
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import CommandError, call_command
    from django.db import DatabaseError, connection
    from django.db.migrations.recorder import MigrationRecorder

    root = Path(__file__).resolve().parent.parent
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    try:
        django.setup()
        from django.conf import settings

        from courseware.newer import newer_migration

        stamp = _stamp(root)
        applied = MigrationRecorder(connection).applied_migrations()
        if newer := newer_migration(applied):
            print(
                f"The database is of a newer version, with {newer}, which this one "
                "does not have: go back to that version, or restore an older backup."
            )
            return 1
        call_command("migrate", interactive=False, verbosity=0)
    except ImproperlyConfigured as error:
        print(" ".join(str(error).split()))
        return 1
    except DatabaseError as error:
        print(f"The database cannot be used: {str(error).strip().splitlines()[0]}")
        return 1
    _collect_static(settings.DATA_DIR, stamp["static"])
    _compile_simulator()
    try:
        call_command("loadchapters")
        call_command("loadquizzes")
    except CommandError as error:
        print(error, file=sys.stderr)
        return 0
    _stamp_path(settings.DATA_DIR).write_text(json.dumps(stamp))
    return 0


if __name__ == "__main__":
    sys.exit(main())
