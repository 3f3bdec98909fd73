"""``manage.py backup``: the database, the secret key and recordings, in one file."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from courseware.backups import BackupFailed, back_up


class Command(BaseCommand):
    """While everything runs; a copy of the database's file is none."""

    help = "Write the database, the secret key and recordings into one file."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--out", help="default: DATA_DIR/backups/<date>.tar.gz")
        parser.add_argument(
            "--without-secret-key",
            action="store_true",
            help="then all sessions and backup codes end with a restore elsewhere",
        )
        parser.add_argument("--without-recordings", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            path = back_up(
                Path(options["out"]).expanduser() if options["out"] else None,
                has_secret_key=not options["without_secret_key"],
                has_recordings=not options["without_recordings"],
            )
        except BackupFailed as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{path} ({path.stat().st_size / 2**20:.1f} MiB)")
