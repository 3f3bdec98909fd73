"""``manage.py exportrecording``: a recording as a trace for Perfetto."""

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from lab.recordings import library
from lab.recordings.chrome_trace import trace_events
from lab.recordings.reader import read_bytes
from lab.recordings.recording import RecordingError


class Command(BaseCommand):
    """Reads a recording and writes JSON of the Trace Event Format."""

    help = (
        "Write a recording as JSON of the Trace Event Format, which "
        "https://ui.perfetto.dev and chrome://tracing open: requests as tracks, "
        "steps as slices, KV-cache blocks as counters."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "recording", help="a .svlr file, or the id of one that ships"
        )
        parser.add_argument(
            "--out", default="", metavar="FILE", help="default: beside the call, .json"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        name = options["recording"]
        path = Path(name)
        file = path.read_bytes() if path.is_file() else library.file(name)
        if file is None:
            known = ", ".join(one.recording_id for one in library.recordings())
            raise CommandError(f"There is no file and no recording {name}: {known}.")
        try:
            recording = read_bytes(file, name, allow_cut=True)
        except RecordingError as error:
            raise CommandError(str(error)) from error
        events = list(trace_events(recording))
        out = Path(options["out"] or f"{path.stem}.trace.json")
        out.write_text(json.dumps({"traceEvents": events, "displayTimeUnit": "ms"}))
        self.stdout.write(f"{out}: {len(events):,} events.")
