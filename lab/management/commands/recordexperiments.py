"""``manage.py recordexperiments``: run experiments on the engine, and record each."""

import asyncio
import shutil
import time
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from lab import client
from lab.experiments.catalog import EXPERIMENTS
from lab.experiments.experiment import Experiment
from lab.experiments.presentation import RECORDED_PREFIX
from lab.management.recorder import tell_recorder
from lab.management.visitor import VisitFailed, Visitor
from lab.messages import EngineStatus
from lab.recordings.library import SHIPPED_DIR
from lab.recordings.recorder import MAX_SECONDS, MAX_TRAFFIC_CHARS
from lab.recordings.recording import SUFFIX

SETTLE_S = 1.5
"""After the run: its blocks turn free, and a memory sample comes."""
WRITTEN_WITHIN_S = 30.0
POLL_S = 0.5


class Command(BaseCommand):
    """Needs the whole stack; an engine host of this machine, for --ship."""

    help = (
        "Run each experiment of the lab (or those named) with its default settings on "
        "the running engine, and record it. The recordings lie in DATA_DIR/recordings "
        "on the engine host's machine; --ship puts them into lab/recordings, in the "
        "place of those that ship."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "experiments", nargs="*", metavar="EXPERIMENT", help=", ".join(EXPERIMENTS)
        )
        parser.add_argument("--host", default="", help="id of the engine host")
        parser.add_argument("--ship", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        named = options["experiments"] or list(EXPERIMENTS)
        if unknown := set(named) - EXPERIMENTS.keys():
            raise CommandError(f"No experiment {', '.join(sorted(unknown))}.")
        failed = []
        for name in named:
            status = self._engine(options["host"])
            experiment = EXPERIMENTS[name]
            if why := experiment.unable(status):
                self.stdout.write(f"{name}: not here. {why}")
                continue
            try:
                said = self._record(experiment, status, options["ship"])
                self.stdout.write(f"{name}: {said}")
            except VisitFailed as error:
                failed.append(name)
                self.stderr.write(f"{name}: no result, so nothing is kept. {error}")
        if failed:
            raise CommandError(f"Without a recording: {', '.join(failed)}.")

    def _engine(self, wanted: str) -> EngineStatus:
        ready = [
            one
            for one in client.statuses()
            if one.takes_requests and not one.beside
            and wanted in ("", one.engine_host_id)
        ]  # fmt: skip
        if not ready:
            raise CommandError("No engine is ready: start one with make run.")
        return ready[0]

    def _record(
        self, experiment: Experiment, status: EngineStatus, is_shipped: bool
    ) -> str:
        """What the run said and where its recording lies; raises VisitFailed."""
        host_id = status.engine_host_id
        moment = time.strftime("%Y%m%d-%H%M%S")
        name = f"{RECORDED_PREFIX}{experiment.id}-{moment}"
        traffic = f"Experiment: {experiment.title}"[:MAX_TRAFFIC_CHARS]
        tell_recorder(host_id, "start", name=name, seconds=MAX_SECONDS, traffic=traffic)
        try:
            said = asyncio.run(_visit(experiment, host_id))
            time.sleep(SETTLE_S)
        except VisitFailed:
            self._written(host_id).unlink(missing_ok=True)
            raise
        path = self._written(host_id)
        if is_shipped:
            path = self._ship(path, experiment)
        return f"{said} {path}"

    def _ship(self, path: Path, experiment: Experiment) -> Path:
        if not path.is_file():
            raise CommandError(f"{path} lies on another machine: copy it by hand.")
        shipped = SHIPPED_DIR / f"{RECORDED_PREFIX}{experiment.id}{SUFFIX}"
        shutil.move(path, shipped)
        shipped.chmod(0o644)
        return shipped

    def _written(self, host_id: str) -> Path:
        """End the recording; where its file lies when it is whole."""
        reply = tell_recorder(host_id, "stop")
        until = time.monotonic() + WRITTEN_WITHIN_S
        while reply["state"] == "writing":
            if time.monotonic() > until:
                raise CommandError(f"{reply['path']} is not written yet.")
            time.sleep(POLL_S)
            reply = tell_recorder(host_id, "state")
        return Path(reply["path"])


async def _visit(experiment: Experiment, host_id: str) -> str:
    async with Visitor() as visitor:
        return await visitor.run(experiment, host_id)
