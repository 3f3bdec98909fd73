"""``manage.py tracingpackage``: the tracing scheduler as a wheel, for any vLLM."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from lab.attached.package import write_wheel


class Command(BaseCommand):
    """Makes servelab_tracing-…-py3-none-any.whl."""

    help = (
        "Write the tracing scheduler as a wheel of its own: install it where vLLM is, "
        "then vllm serve … --scheduler-cls servelab_tracing.TracingScheduler with "
        "SERVELAB_TAP in its environment (docs/own-vllm.md)."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "directory", nargs="?", default=".", help="where to; default: here"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        path = write_wheel(Path(options["directory"]))
        self.stdout.write(str(path))
