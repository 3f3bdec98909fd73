"""``manage.py restore FILE``: what ``manage.py backup`` wrote, in place of what is."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from courseware.backups import BackupFailed, restore


class Command(BaseCommand):
    """With everything stopped; what was there is set aside."""

    help = "Put a backup in place of the database, the secret key and recordings."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", help="what manage.py backup wrote")
        parser.add_argument(
            "--while-in-use",
            action="store_true",
            help="although others are connected to PostgreSQL; what they write is lost",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            path = Path(options["file"]).expanduser()
            for line in restore(path, while_in_use=options["while_in_use"]):
                self.stdout.write(line)
        except BackupFailed as error:
            raise CommandError(str(error)) from error
