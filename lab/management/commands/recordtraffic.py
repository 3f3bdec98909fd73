"""``manage.py recordtraffic``: send a kind of traffic to the engine, and record it."""

import random
import sys
import time
import uuid
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from courseware.models import Learner
from lab import client
from lab.errors import EngineError
from lab.management.recorder import tell_recorder
from lab.messages import EngineStatus
from lab.models import EngineRequest
from lab.recordings.recorder import MAX_SECONDS, written_words
from lab.traffic import recorded
from lab.traffic.demos import Room

PURPOSE = "recording"
TIMEOUT_S = 600.0
POLL_S = 0.5
SETTLE_S = 1.5
"""After the last request: its blocks turn free, and a memory sample comes."""


class Command(BaseCommand):
    """Needs the whole stack; what is recorded lies on the engine host's machine."""

    help = (
        "Record mixed, prefix, overflow or first: requests sized to the running "
        "engine, sent to it and recorded until the last one has ended."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("kind", choices=sorted(recorded.TRAFFIC))
        parser.add_argument("--out", default="", help="name; default: kind and date")
        parser.add_argument("--requests", type=int, default=48)
        parser.add_argument(
            "--seconds", type=float, default=40.0, help="over which they are sent"
        )
        parser.add_argument("--seed", type=int, default=1)

    def handle(self, *args: Any, **options: Any) -> None:
        most = recorded.MAX_REQUESTS
        if not 1 <= options["requests"] <= most:
            raise CommandError(f"--requests {options['requests']}: 1 to {most}.")
        if not 1 <= options["seconds"] <= TIMEOUT_S:
            raise CommandError(f"--seconds {options['seconds']:g}: 1 to {TIMEOUT_S:g}.")
        status = self._engine()
        traffic = recorded.TRAFFIC[options["kind"]]
        name = options["out"] or f"{traffic.name}-{time.strftime('%Y%m%d-%H%M%S')}"
        sent = traffic.plan(
            Room.of(status, most),
            options["requests"],
            options["seconds"],
            random.Random(options["seed"]),
        )
        tell_recorder(
            status.engine_host_id,
            "start",
            name=name,
            seconds=MAX_SECONDS,
            traffic=traffic.words,
        )
        learners: list[str] = []
        try:
            self._send(sent, learners)
            self._wait(learners)
        finally:
            time.sleep(SETTLE_S)
            tell_recorder(status.engine_host_id, "stop")
            Learner.objects.filter(learner_id__in=learners).delete()
        self._tell(status.engine_host_id)

    def _engine(self) -> EngineStatus:
        ready = [one for one in client.statuses() if one.takes_requests]
        if not ready:
            raise CommandError("No engine is ready: start one with make run.")
        if len(ready) > 1:
            raise CommandError(
                f"{len(ready)} engine hosts are ready, and any of them may take a "
                "request: leave one running."
            )
        return ready[0]

    def _send(self, sent: list[recorded.Sent], learners: list[str]) -> None:
        """Each request is of a learner of its own; their ids go into ``learners``."""
        began = time.monotonic()
        for number, one in enumerate(sent, 1):
            time.sleep(max(began + one.at_s - time.monotonic(), 0))
            learner = Learner.objects.create(learner_id=uuid.uuid4().hex)
            learners.append(learner.learner_id)
            try:
                client.submit(
                    one.generation, learner_id=learner.learner_id, purpose=PURPOSE
                )
            except EngineError as error:
                raise CommandError(f"Request {number}: {error}") from None
            self._progress(f"{number} of {len(sent)} requests sent")

    def _wait(self, learners: list[str]) -> None:
        mine = EngineRequest.objects.filter(learner_id__in=learners, purpose=PURPOSE)
        until = time.monotonic() + TIMEOUT_S
        while (left := mine.filter(finish_reason="").count()) > 0:
            if time.monotonic() > until:
                raise CommandError(f"{left} requests did not end in {TIMEOUT_S:g} s.")
            self._progress(f"{left} requests under way")
            time.sleep(POLL_S)
        failed = mine.exclude(finish_reason__in=("length", "stop")).count()
        if failed:
            raise CommandError(f"{failed} of {len(learners)} requests failed.")

    def _tell(self, host_id: str) -> None:
        until = time.monotonic() + 30
        while (reply := tell_recorder(host_id, "state"))["state"] != "done":
            if time.monotonic() > until:
                raise CommandError(f"{reply['path']} is not written yet.")
            time.sleep(POLL_S)
        self.stdout.write(written_words(reply))

    def _progress(self, words: str) -> None:
        if sys.stdout.isatty():
            self.stdout.write(f"\r{words:<48}", ending="")
            self.stdout.flush()
