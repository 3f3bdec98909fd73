"""manage.py whatif: a recording gone through again under other settings, without a
model: what happened, and what would have."""

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from lab.recordings import library
from lab.recordings.reader import read_bytes, read_recording
from lab.recordings.recording import Recording, RecordingError
from lab.rehearsal.result import Result, run
from lab.rehearsal.settings import WhatIf, WhatIfRefused
from lab.rehearsal.words import check_words, figure_rows, setting_rows


class Command(BaseCommand):
    help = (
        "Go through a recording again under other settings, with vLLM's own scheduler "
        "and block pool and without a model."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("recording", help="a recording's id, or a file")
        parser.add_argument("--blocks", type=int, help="KV-cache blocks")
        parser.add_argument("--block-size", type=int, help="tokens of a block")
        parser.add_argument("--seats", type=int, help="max_num_seqs")
        parser.add_argument("--budget", type=int, help="max_num_batched_tokens")
        caching = parser.add_mutually_exclusive_group()
        for flag, value in (("--prefix-caching", True), ("--no-prefix-caching", False)):
            caching.add_argument(
                flag, dest="caching", action="store_const", const=value
            )
        parser.add_argument("--json", action="store_true", help="print JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        what_if = WhatIf(
            num_blocks=options["blocks"],
            block_size=options["block_size"],
            max_num_seqs=options["seats"],
            max_num_batched_tokens=options["budget"],
            has_prefix_caching=options["caching"],
        )
        try:
            result = run(_recording(options["recording"]), what_if)
        except (RecordingError, WhatIfRefused) as error:
            raise CommandError(str(error)) from error
        if options["json"]:
            self.stdout.write(json.dumps(result.to_json(), indent=2))
        else:
            self._print(result)

    def _print(self, result: Result) -> None:
        told = result.to_json()
        for rows in (setting_rows(told), figure_rows(told)):
            for row in rows:
                self.stdout.write(
                    f"{row.name:<44}{row.happened:>14}{row.would_have:>14}"
                )
            self.stdout.write("")
        for sentence in (check_words(told), *result.remarks):
            self.stdout.write(sentence)


def _recording(name: str) -> Recording:
    path = Path(name)
    if path.is_file():
        return read_recording(path, allow_cut=True)
    file = library.file(name)
    if file is None:
        raise CommandError(f"There is no recording {name}: neither a file nor an id.")
    return read_bytes(file, name, allow_cut=True)
