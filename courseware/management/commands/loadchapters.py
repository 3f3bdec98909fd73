"""``manage.py loadchapters``: the chapters of courseware/content into the database."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from courseware.loader import CONTENT, load_chapters


class Command(BaseCommand):
    """Loads every chapter, says what changed, refuses the broken ones by line."""

    help = "Load the chapters from their Markdown; safe to run again."

    def add_arguments(self, parser: CommandParser) -> None:
        """An optional directory instead of courseware/content."""
        parser.add_argument("directory", nargs="?", type=Path, default=CONTENT)

    def handle(self, *args: Any, **options: Any) -> None:
        """Print one line a chapter; exit with 1 if any was refused."""
        directory: Path = options["directory"]
        if not any(directory.glob("*.md")):
            # Else a slip of the pen removes every chapter, and what was read of them.
            raise CommandError(
                f"{directory} is no directory with chapters (*.md): nothing is changed."
            )
        report = load_chapters(directory)
        for outcome in ("added", "changed", "unchanged", "removed"):
            for slug in getattr(report, outcome):
                self.stdout.write(f"{outcome:9} {slug}")
        if report.broken:
            lines = "\n".join(f"refused   {error}" for error in report.broken)
            raise CommandError(
                f"{lines}\nA refused chapter keeps its old text, and none is removed."
            )
