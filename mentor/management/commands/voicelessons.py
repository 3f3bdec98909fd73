"""``manage.py voicelessons``: what a small voice is trained on, from the notes."""

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from mentor.lessons import lessons


class Command(BaseCommand):
    """Writes a line of JSON for each lesson; lab.checkpoints.training learns them."""

    help = "Write the lessons that the course's voice is trained on."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--seed", type=int, default=0, help="of what is drawn")
        parser.add_argument(
            "--wordings", type=int, default=2, help="of each note's question"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        number = 0
        with options["file"].open("w", encoding="utf-8") as file:
            for lesson in lessons(options["seed"], options["wordings"]):
                file.write(json.dumps(lesson, ensure_ascii=False) + "\n")
                number += 1
        self.stdout.write(f"{number} lessons in {options['file']}")
