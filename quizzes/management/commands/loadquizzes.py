"""``manage.py loadquizzes``: the questions of quizzes/bank into the database."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from quizzes.bank import BANK
from quizzes.loader import load_quizzes


class Command(BaseCommand):
    """Loads the bank whole, or says by file and line why not."""

    help = "Load questions and quizzes from their YAML; safe to run again."

    def add_arguments(self, parser: CommandParser) -> None:
        """An optional directory instead of quizzes/bank."""
        parser.add_argument("directory", nargs="?", type=Path, default=BANK)

    def handle(self, *args: Any, **options: Any) -> None:
        """Print what changed; exit with 1 if anything was refused."""
        directory: Path = options["directory"]
        if not any(directory.glob("*.yaml")):
            raise CommandError(
                f"{directory} is no directory of a bank (*.yaml): nothing was changed."
            )
        report = load_quizzes(directory)
        if report.broken:
            lines = "\n".join(f"refused   {error}" for error in report.broken)
            raise CommandError(f"{lines}\nNothing was loaded: mend these first.")
        for outcome in ("added", "changed", "removed"):
            for name in getattr(report, outcome):
                self.stdout.write(f"{outcome:9} {name}")
        for sentence in report.unfair:
            self.stderr.write(f"unfair    {sentence}")
        self.stdout.write(f"unchanged {len(report.unchanged)} questions")
