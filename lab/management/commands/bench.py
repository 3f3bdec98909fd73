"""``manage.py bench NAME --json``: run one benchmark of benchmarks/."""

import datetime
import importlib
import json
import platform
from pathlib import Path
from types import ModuleType
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from lab.engine.launch import machine_name


def benches() -> dict[str, str]:
    """Names of the benches, and the first sentence of their docstrings."""
    found = {}
    for path in sorted(Path(settings.BASE_DIR, "benchmarks").glob("[!_]*.py")):
        module = importlib.import_module(f"benchmarks.{path.stem}")
        if hasattr(module, "run"):
            found[path.stem] = (module.__doc__ or "").strip().splitlines()[0]
    return found


def machine() -> str:
    """Processor, cores and system, in words."""
    system = f"{platform.system()}, Python {platform.python_version()}"
    return f"{machine_name()}, {system}"


class Command(BaseCommand):
    """Lists the benches, or runs one."""

    help = "Run a benchmark; without a name, list them."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", nargs="?", help="one of the benches listed, or all")
        parser.add_argument(
            "--json",
            action="store_true",
            help="end with one line that is a JSON object of all results",
        )
        parser.add_argument(
            "--option",
            action="append",
            default=[],
            metavar="KEY=VALUE",
            help="handed to the bench, such as repeats=3",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        name = options["name"]
        if name is None:
            for bench, line in benches().items():
                self.stdout.write(f"{bench:<10} {line}")
            return
        pairs = dict(self._pair(text) for text in options["option"])
        for bench in benches() if name == "all" else [name]:
            self._run(bench, pairs, is_json=options["json"])

    def _run(self, name: str, options: dict[str, str], *, is_json: bool) -> None:
        module = self._module(name)
        self.stdout.write(f"{name}: {(module.__doc__ or '').splitlines()[0]}")
        results = module.run(options)
        for result in results:
            self.stdout.write(f"  {result['name']:<22} {_in_words(result)}")
        if is_json:
            self.stdout.write(json.dumps(_report(name, results)))

    def _module(self, name: str) -> ModuleType:
        if not (name.isidentifier() and name in benches()):
            raise CommandError(
                f"There is no bench {name!r}: there are {', '.join(benches())}."
            )
        return importlib.import_module(f"benchmarks.{name}")

    def _pair(self, text: str) -> tuple[str, str]:
        key, equals, value = text.partition("=")
        if not (key and equals):
            raise CommandError(f"--option {text!r} is not of the form KEY=VALUE.")
        return key, value


def _in_words(result: dict[str, Any]) -> str:
    words = f"{result['value']:.6g} {result['unit']}"
    if result.get("interval"):
        low, high = result["interval"]
        words += f"  (95 %: {low:.6g} to {high:.6g})"
    return words


def _report(name: str, results: list[dict[str, Any]]) -> dict[str, Any]:
    now = datetime.datetime.now(datetime.UTC)
    return {
        "bench": name,
        "date": now.isoformat(timespec="seconds"),
        "machine": machine(),
        "results": results,
    }
