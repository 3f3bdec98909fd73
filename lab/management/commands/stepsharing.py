"""``manage.py stepsharing [OUTPUT]``: the data of the chapter's figure step-sharing."""

import json
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from lab.recordings.library import SHIPPED_DIR
from lab.recordings.reader import read_recording
from lab.recordings.recording import SUFFIX
from lab.recordings.step_sharing import step_sharing

RECORDINGS = ("smollm2-cpu-mixed", "smollm2-cpu-overflow")
"""Short and long requests, each in enough steps."""
NUM_STEPS = 28
OUTPUT = settings.BASE_DIR / "courseware" / "content" / "data" / "step_sharing.json"


class Command(BaseCommand):
    """Reads the shipped recordings, writes how their steps were shared as JSON."""

    help = "Measure how the steps of the shipped recordings were shared."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("output", type=Path, nargs="?", default=OUTPUT)

    def handle(self, *args: Any, **options: Any) -> None:
        read = {
            name: read_recording(SHIPPED_DIR / f"{name}{SUFFIX}") for name in RECORDINGS
        }
        header = read[RECORDINGS[-1]].header
        provenance = {
            "made_by": "manage.py stepsharing",
            "from": list(RECORDINGS),
            "kind": "measured: the StepTraces of a real engine",
            "machine": header.machine,
            "device": header.device,
            "model": header.model,
            "vllm": header.versions["vllm"],
            "date": header.date[:10],
        }
        found = step_sharing(read, RECORDINGS[-1], NUM_STEPS)
        text = json.dumps({"provenance": provenance, **found}, separators=(",", ":"))
        options["output"].write_text(text + "\n", encoding="utf-8")
        self.stdout.write(f"{options['output']}: {len(found['stretch'])} steps.")
