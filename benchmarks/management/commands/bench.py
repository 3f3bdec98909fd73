"""``manage.py bench NAME --json``: run one benchmark of benchmarks/.

A bench is a module with ``run(options)``, named by its file or by its NAME. Results
are {"name", "value", "unit"} with "interval" (95 %) and "conditions" (words) where
there are such.
"""

import datetime
import importlib
import json
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from lab.engine.config import EngineConfig
from lab.engine.launch import machine_name, resolve_device, versions
from lab.errors import EngineError
from lab.worker.memory import card_in_words


class Bench(Protocol):
    """A module of benchmarks/ that measures."""

    __doc__: str | None

    def run(self, options: dict[str, str]) -> list[dict[str, Any]]:
        """The results."""


def benches() -> dict[str, Bench]:
    """The benches by name."""
    found = {}
    for path in sorted(Path(settings.BASE_DIR, "benchmarks").glob("[!_]*.py")):
        module: Any = importlib.import_module(f"benchmarks.{path.stem}")
        if hasattr(module, "run"):
            found[getattr(module, "NAME", path.stem)] = module
    return found


def machine(nvml: Any = None) -> str:
    """Card and driver of a GPU engine, processor, cores and system, in words.

    ``nvml`` stands for the module pynvml (tests).
    """
    is_gpu = resolve_device(EngineConfig.from_env()) == "cuda"
    parts = [card_in_words(nvml) if is_gpu else "", machine_name(), platform.system()]
    return ", ".join([*filter(None, parts), f"Python {platform.python_version()}"])


class Command(BaseCommand):
    """Lists the benches, or runs one."""

    help = "Run a benchmark; without a name, list them."

    def __init__(
        self, benches: Mapping[str, Bench] | None = None, nvml: Any = None
    ) -> None:
        """``benches`` are those of benchmarks/, and the driver is asked by pynvml,
        unless a test gives others."""
        super().__init__()
        self._benches = benches
        self._nvml = nvml

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", nargs="?", help="one of the benches listed, or all")
        parser.add_argument(
            "--json",
            action="store_true",
            help="end with one line that is a JSON object of all results",
        )
        parser.add_argument(
            "--markdown",
            action="store_true",
            help="also print the rows for the table in docs/bench.md",
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
        known = benches() if self._benches is None else self._benches
        if name is None:
            for one, bench in known.items():
                self.stdout.write(f"{one:<10} {_first_line(bench)}")
            return
        if name not in ("all", *known):
            raise CommandError(
                f"There is no bench {name!r}: there are {', '.join(known)}."
            )
        pairs = dict(self._pair(text) for text in options["option"])
        for one in known if name == "all" else [name]:
            report = self._run(one, known[one], pairs)
            if options["markdown"]:
                self.stdout.write("\n".join(_rows(report)))
            if options["json"]:
                self.stdout.write(json.dumps(report))

    def _run(self, name: str, bench: Bench, options: dict[str, str]) -> dict[str, Any]:
        self.stdout.write(f"{name}: {_first_line(bench)}")
        try:
            results = bench.run(options)
        except (RuntimeError, EngineError) as error:
            raise CommandError(str(error)) from error
        for result in results:
            self.stdout.write(f"  {result['name']:<22} {_in_words(result)}")
        return _report(name, results, machine(self._nvml))

    def _pair(self, text: str) -> tuple[str, str]:
        key, equals, value = text.partition("=")
        if not (key and equals):
            raise CommandError(f"--option {text!r} is not of the form KEY=VALUE.")
        return key, value


def _first_line(bench: Bench) -> str:
    return (bench.__doc__ or "").strip().splitlines()[0]


def _in_words(result: dict[str, Any]) -> str:
    words = f"{result['value']:.6g} {result['unit']}"
    if result.get("interval"):
        low, high = result["interval"]
        words += f"  (95 %: {low:.6g} to {high:.6g})"
    if result.get("conditions"):
        words += f"  [{result['conditions']}]"
    return words


def _rows(report: dict[str, Any]) -> list[str]:
    """Rows of docs/bench.md: bench, result, asked (left open), got, interval; after
    them what they were measured on."""
    rows = []
    for number, result in enumerate(report["results"]):
        bench = "" if number else report["bench"]
        interval = " to ".join(_short(side) for side in result.get("interval") or [])
        got = _short(result["value"])
        rows.append(f"| {bench} | `{result['name']}` | | {got} | {interval} |")
    conditions = [one["conditions"] for one in report["results"] if "conditions" in one]
    known = report["versions"]
    used = [f"{name} {known[name]}" for name in ("vllm", "torch") if name in known]
    about = [*conditions, report["machine"], ", ".join(used), report["date"][:10]]
    return [*rows, "", f"{report['bench']}: {'; '.join(about)}.", ""]


def _short(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def _report(name: str, results: list[dict[str, Any]], machine: str) -> dict[str, Any]:
    now = datetime.datetime.now(datetime.UTC)
    return {
        "bench": name,
        "date": now.isoformat(timespec="seconds"),
        "machine": machine,
        "versions": versions(),
        "results": results,
    }
