"""``manage.py compareallocators TRACES OUTPUT``: the data of the chapter's stepper."""

import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from lab.allocators.comparison import compare
from lab.tracing.trace import decode


class Command(BaseCommand):
    """Reads raw StepTraces of a real run, writes the comparison as JSON."""

    help = "Compare a recorded run with the same requests in contiguous regions."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("traces", type=Path, help="raw StepTraces, from a snapshot")
        parser.add_argument("output", type=Path, help="a JSON file to write")
        parser.add_argument("--longest", type=int, default=2048, help="in tokens")

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path = options["traces"]
        sizes_path = path.with_suffix(".json")
        if not path.is_file() or not sizes_path.is_file():
            raise CommandError(f"{path} and {sizes_path.name} beside it are needed.")
        sizes = json.loads(sizes_path.read_text(encoding="utf-8"))
        traces = [decode(record) for record in _records(path.read_bytes())]
        found = compare(
            traces, sizes["num_blocks"], sizes["block_size"], options["longest"]
        )
        provenance = {
            "made_by": "manage.py compareallocators",
            "from": path.name,
            "paged": "measured: the StepTraces of a real engine, vLLM on a processor",
            "contiguous": "derived: the same requests in a buddy allocator, by policy",
        }
        text = json.dumps({"provenance": provenance, **found}, separators=(",", ":"))
        options["output"].write_text(text + "\n", encoding="utf-8")
        self.stdout.write(f"{options['output']}: {len(found['steps'])} moments.")


def _records(raw: bytes) -> Iterator[bytes]:
    """Raw records; each begins with its length in words."""
    at = 0
    while at < len(raw):
        (num_words,) = struct.unpack_from("<I", raw, at)
        yield raw[at : at + 4 * num_words]
        at += 4 * num_words
