"""``manage.py importquizzes file``: GIFT, Aiken or Moodle XML as a file of the bank."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from quizzes.bank import BANK, MAX_BYTES, Bank, read_bank
from quizzes.errors import BrokenQuestion
from quizzes.formats.bank_yaml import to_bank_yaml
from quizzes.formats.checking import for_bank
from quizzes.formats.files import FORMATS, read_questions
from quizzes.formats.imported import Imported
from quizzes.formats.moodle_files import free_name
from quizzes.formats.names import Names


class Command(BaseCommand):
    """Writes YAML to stdout; what was not taken over goes to stderr."""

    help = (
        "Turn GIFT, Aiken or Moodle XML files into one YAML file for a bank. Good "
        "questions are taken; refused ones and losses are named on stderr by line and "
        "title."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """The files and where they are to go."""
        parser.add_argument("path", type=Path, nargs="+")
        parser.add_argument(
            "--goal",
            default="",
            help="the learning goal that all of them measure, of the bank --into",
        )
        parser.add_argument(
            "--into",
            type=Path,
            metavar="DIRECTORY",
            help="the bank that the file is for: its ids are taken, its rules hold; "
            "with --goal it is quizzes/bank unless you say otherwise",
        )
        parser.add_argument(
            "--format", choices=FORMATS, default="", help="found out if not given"
        )
        parser.add_argument(
            "--encoding", default="", help="UTF-8 or UTF-16 if not given"
        )
        parser.add_argument(
            "--images", type=Path, metavar="DIRECTORY", help="write images there"
        )
        parser.add_argument(
            "--strict", action="store_true", help="refuse all if one is refused"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Print the YAML, checked as loadquizzes checks it."""
        bank = self._bank(options["into"], options["goal"])
        names, files = Names(bank.bodies), dict[str, bytes]()
        bodies: list[dict[str, Any]] = []
        num_refused = num_lost = 0
        paths: list[Path] = options["path"]
        for path in paths:
            imported = Imported(names=names, files=files)
            prefix = f"{path.name}: " if len(paths) > 1 else ""
            if reason := self._read(path, imported, options):
                if len(paths) == 1:
                    raise CommandError(reason)
                self.stderr.write(f"refused: {reason}")
                num_refused += 1
                continue
            bodies += for_bank(imported, bank, options["goal"])
            for reason in imported.refused:
                self.stderr.write(f"refused: {prefix}{reason}")
            for loss in imported.losses:
                self.stderr.write(f"not taken over: {prefix}{loss}")
            num_refused += len(imported.refused)
            num_lost += len(imported.losses)
        if num_refused and (options["strict"] or not bodies):
            raise CommandError(f"{num_refused} refused, nothing imported: mend these.")
        if not bodies:
            raise CommandError(
                f"nothing imported: none of what was found can be asked, {num_lost} "
                "losses named."
            )
        text = to_bank_yaml(bodies)
        if len(text) > MAX_BYTES:
            raise CommandError(
                f"{len(bodies)} questions are {len(text):,} characters of YAML; a file "
                f"of the bank has at most {MAX_BYTES:,}: import fewer at a time."
            )
        self._write_images(files, options["images"])
        self.stdout.write(text)
        self.stderr.write(
            f"{len(bodies)} imported, {num_refused} refused, {num_lost} losses named."
        )

    def _bank(self, directory: Path | None, goal: str) -> Bank:
        if directory is None and not goal:
            return Bank()
        if directory and not directory.is_dir():
            raise CommandError(f"{directory} is no directory of a bank.")
        bank = read_bank(directory or BANK)
        goals = bank.goals or {}
        if goal and goal not in goals:
            known = ", ".join(goals) or "none"
            raise CommandError(f"there is no goal {goal!r}: known are {known}.")
        if goals and not goal:
            known = ", ".join(goals)
            raise CommandError(f"{directory} has goals: name one with --goal: {known}.")
        return bank

    def _read(self, path: Path, imported: Imported, options: dict[str, Any]) -> str:
        """Fill ``imported``; why the whole file is refused, or ""."""
        try:
            raw = path.read_bytes()
            read_questions(raw, options["format"], options["encoding"], imported)
        except OSError as error:
            return f"{path} cannot be read: {error.strerror}."
        except BrokenQuestion as error:
            return f"{path}: {error.reason}"
        return ""

    def _write_images(self, files: dict[str, bytes], directory: Path | None) -> None:
        """Beside what lies there: a file that we did not write is never replaced."""
        if directory is None:
            return
        try:
            directory.mkdir(parents=True, exist_ok=True)
            for own, data in files.items():
                path = _place_for(directory, own, data)
                path.write_bytes(data)
                was = "" if path.name == own else f" ({own} is another file there)"
                self.stderr.write(f"image: {path}{was}")
        except OSError as error:
            raise CommandError(
                f"images cannot be written to {directory}: {error.strerror}."
            ) from error


def _place_for(directory: Path, name: str, data: bytes) -> Path:
    """Where an image goes: nothing is there, or the same image."""

    def is_free(other: str) -> bool:
        path = directory / other
        return not path.exists() or path.read_bytes() == data

    return directory / free_name(name, is_free)
