"""``manage.py importquizzes file``: GIFT or Aiken as a file of the bank."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from quizzes.errors import BrokenQuestion
from quizzes.formats.aiken import read_aiken
from quizzes.formats.bank_yaml import to_bank_yaml
from quizzes.formats.gift import read_gift
from quizzes.questions import question_from


class Command(BaseCommand):
    """Writes YAML to stdout; what was not taken over goes to stderr."""

    help = "Turn a GIFT or Aiken file into YAML for quizzes/bank; losses on stderr."

    def add_arguments(self, parser: CommandParser) -> None:
        """The file and its format."""
        parser.add_argument("path", type=Path)
        parser.add_argument(
            "--goal", default="", help="the learning goal that all of them measure"
        )
        parser.add_argument("--format", choices=["gift", "aiken"], default="gift")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print the YAML, checked."""
        read = read_gift if options["format"] == "gift" else read_aiken
        try:
            imported = read(options["path"].read_text(encoding="utf-8"))
            for body in imported.bodies:
                if options["goal"]:
                    body["goal"] = options["goal"]
                question_from(body)
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError(f"{options['path']} cannot be read: {error}") from error
        except BrokenQuestion as error:
            raise CommandError(f"{options['path']}: {error.reason}") from error
        self.stdout.write(to_bank_yaml(imported.bodies))
        for loss in imported.losses:
            self.stderr.write(f"not taken over: {loss}")
