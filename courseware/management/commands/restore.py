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

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            for line in restore(Path(options["file"]).expanduser()):
                self.stdout.write(line)
        except BackupFailed as error:
            raise CommandError(str(error)) from error
