"""``manage.py exportquizzes gift|moodle``: the bank for other programs."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from quizzes.bank import read_bank
from quizzes.formats.gift_export import to_gift
from quizzes.formats.moodle_export import to_moodle_xml


class Command(BaseCommand):
    """Writes to stdout; what the format cannot carry goes to stderr."""

    help = "Write the bank as GIFT or Moodle XML; losses are named on stderr."

    def add_arguments(self, parser: CommandParser) -> None:
        """The format."""
        parser.add_argument("format", choices=["gift", "moodle"])

    def handle(self, *args: Any, **options: Any) -> None:
        """Print the file."""
        write = to_gift if options["format"] == "gift" else to_moodle_xml
        exported = write(read_bank().questions.values())
        self.stdout.write(exported.text)
        for loss in exported.losses:
            self.stderr.write(f"not carried: {loss}")
