"""``manage.py simulate plan.yaml``: what a month of a plan comes to."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from planning.errors import BadSetting, PlanningError
from planning.fleet.month_queue import month_queue_of
from planning.fleet.plan import Plan
from planning.fleet.plan_fields import MAX_YAML_BYTES, plan_from_yaml
from planning.fleet.request_file import MAX_BYTES, RequestFile, read_request_file
from planning.fleet.results import MONTH_BUDGET, PREVIEW_BUDGET, simulate
from planning.fleet.summary import (
    queue_json,
    queue_table,
    summary_json,
    summary_table,
)


class Command(BaseCommand):
    """Simulates a plan from a file: a table, or JSON for scripts."""

    help = "Simulate a month of a plan (YAML, see docs/fleet.md)."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("plan", type=Path, help="a YAML file of a plan's fields")
        parser.add_argument("--json", action="store_true", help="print one JSON object")
        parser.add_argument(
            "--preview", action="store_true", help="a sample of the month only, at once"
        )
        parser.add_argument(
            "--queue", action="store_true", help="add how many wait, day by day"
        )
        parser.add_argument(
            "--requests",
            type=Path,
            metavar="TRACE",
            help="the file of requests of a plan whose pattern is file",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            recorded = _recorded(options["requests"])
            plan = _plan(options["plan"], recorded)
            budget = PREVIEW_BUDGET if options["preview"] else MONTH_BUDGET
            result = simulate(plan, budget, recorded)
            has_queue = options["queue"] or (options["json"] and not options["preview"])
            queue = month_queue_of(plan, recorded) if has_queue else None
        except PlanningError as error:
            raise CommandError(str(error)) from None
        if options["json"]:
            read = recorded.reading if recorded else None
            told: dict[str, Any] = {"read": asdict(read)} if read else {}
            told |= {"queue": queue_json(queue)} if queue else {}
            self.stdout.write(json.dumps(summary_json(result) | told))
        else:
            if recorded and recorded.reading:
                self.stdout.write(recorded.reading.sentence)
            self.stdout.write(summary_table(result))
            if queue:
                self.stdout.write(queue_table(queue))


def _recorded(path: Path | None) -> RequestFile | None:
    if path is None:
        return None
    return read_request_file(_content(path, "file", MAX_BYTES))


def _plan(path: Path, recorded: RequestFile | None) -> Plan:
    content = _content(path, "plan", MAX_YAML_BYTES)
    plan = plan_from_yaml(content.decode("utf-8", "replace"))
    if plan.traffic.pattern == "file" and recorded is None:
        raise BadSetting("file", "needs its rows: name them with --requests.")
    return plan


def _content(path: Path, field: str, most: int) -> bytes:
    """A file's bytes, at most one more than are allowed: the parser refuses those."""
    try:
        with path.open("rb") as file:
            return file.read(most + 1)
    except OSError as error:
        raise BadSetting(field, f"{path} cannot be read ({error.strerror}).") from None
