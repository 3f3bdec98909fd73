"""``manage.py exportquizzes gift|moodle|qti``: the bank for other programs."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from quizzes.bank import BANK, read_bank
from quizzes.formats.gift_export import to_gift
from quizzes.formats.losses import Exported
from quizzes.formats.moodle_export import to_moodle_xml
from quizzes.formats.qti_export import Package, to_qti

WRITERS = {"gift": to_gift, "moodle": to_moodle_xml, "qti": to_qti}


class Command(BaseCommand):
    """Writes to stdout or a file; what the format cannot carry goes to stderr."""

    help = "Write the bank as GIFT, Moodle XML or QTI 3; losses are named on stderr."

    def add_arguments(self, parser: CommandParser) -> None:
        """The format, the bank and the file."""
        parser.add_argument("format", choices=WRITERS)
        parser.add_argument("directory", nargs="?", type=Path, default=BANK)
        parser.add_argument(
            "--output", type=Path, help="a file, which the package of QTI needs"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Write the file."""
        directory: Path = options["directory"]
        if not any(directory.glob("*.yaml")):
            raise CommandError(
                f"{directory} is no directory of a bank (*.yaml): nothing was written."
            )
        bank = read_bank(directory)
        if bank.broken:
            lines = "\n".join(f"refused   {error}" for error in bank.broken)
            raise CommandError(f"{lines}\nNothing was written: mend these first.")
        exported: Exported = WRITERS[options["format"]](bank.questions.values())
        output: Path | None = options["output"]
        if isinstance(exported, Package):
            if output is None:
                raise CommandError("QTI is a package: name a file with --output.")
            _write(output, exported.zipped())
        elif output:
            _write(output, exported.text.encode())
        else:
            self.stdout.write(exported.text)
        for loss in exported.losses:
            self.stderr.write(f"not carried: {loss}")


def _write(output: Path, content: bytes) -> None:
    try:
        output.write_bytes(content)
    except OSError as error:
        raise CommandError(f"{output} cannot be written: {error.strerror}.") from error
