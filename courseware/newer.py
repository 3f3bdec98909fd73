"""Whether a database was made by a version of ours that is newer than this one."""

from collections.abc import Iterable

from django.db.migrations.loader import MigrationLoader


def newer_migration(applied: Iterable[tuple[str, str]]) -> str:
    """Of migrations by app and name the first that comes after all that this version
    has of its app, such as "lab.0009_more"; "" where there is none. Apps and migrations
    that this version no longer has are an older one's."""
    known: dict[str, list[str]] = {}
    for app, name in MigrationLoader(None).disk_migrations:
        known.setdefault(app, []).append(name)
    for app, name in sorted(applied):
        if name not in known.get(app, [name]) and name > max(known[app]):
            return f"{app}.{name}"
    return ""
