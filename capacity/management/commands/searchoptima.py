"""``manage.py searchoptima``: the best fleets of the challenge, written to a file."""

from pathlib import Path
from typing import Any

import yaml
from django.core.management.base import BaseCommand, CommandError, CommandParser

from capacity.challenge.optima import OPTIMA, entry_of
from planning.fleet.cheapest import search
from planning.fleet.scenarios import BUDGET, load_scenarios, scenario

HEAD = (
    "# The best fleet known for each scenario of the cost challenge. Written by\n"
    "# manage.py searchoptima, which takes some minutes; tests simulate them again.\n"
)


class Command(BaseCommand):
    """Searches every scenario, or those named, and keeps what was found."""

    help = "Search the cheapest fleets of the cost challenge (some minutes)."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("scenario", nargs="*", help="ids; without any: all")
        parser.add_argument("--output", type=Path, default=OPTIMA)

    def handle(self, *args: Any, **options: Any) -> None:
        ids = options["scenario"] or [one.id for one in load_scenarios()]
        output: Path = options["output"]
        known = yaml.safe_load(output.read_text()) if output.exists() else None
        found = dict(known or {})
        for scenario_id in ids:
            one = scenario(scenario_id)
            if one is None:
                raise CommandError(f"There is no scenario {scenario_id!r}.")
            before = found.get(scenario_id)
            start = one.plan_with(before["fleet"])[0] if before else None
            best = search(one, BUDGET, known=start)
            found[scenario_id] = entry_of(one, best)
            self.stdout.write(f"{scenario_id}: ${best.cost_usd.mean:,.2f} a month")
            text = yaml.safe_dump(found, sort_keys=False)
            output.write_text(HEAD + text, encoding="utf-8")
