"""``manage.py record``: write down what an engine host does now."""

import sys
import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from lab import client
from lab.recordings.library import RECORDING_ID
from lab.recordings.recorder import MAX_SECONDS, written_words
from lab.recordings.recording import SUFFIX

POLL_S = 1.0
MAX_SILENCE_S = 30.0


class Command(BaseCommand):
    """Starts a recording in one engine host and follows it to its end."""

    help = (
        "Record the StepTraces and memory samples of a running engine host. The "
        "recording lies in DATA_DIR/recordings on the host's machine; the viewer "
        "offers it there. It holds neither text nor request ids."
    )

    clock = staticmethod(time.monotonic)
    sleep = staticmethod(time.sleep)

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--seconds", type=float, required=True, help=f"up to {MAX_SECONDS:g}"
        )
        parser.add_argument(
            "--out",
            required=True,
            metavar="FILE",
            help="name of the recording: letters, digits, _ and -, no directory",
        )
        parser.add_argument(
            "--traffic", default="", help="what kind of traffic it is, in a few words"
        )
        parser.add_argument("--host", default="", help="id of the engine host")

    def handle(self, *args: Any, **options: Any) -> None:
        name = options["out"].removesuffix(SUFFIX)
        if not RECORDING_ID.fullmatch(name):
            raise CommandError(
                f"--out {options['out']!r} is not allowed: up to 64 letters, digits, "
                "_ and -, without a directory."
            )
        if not 0 < options["seconds"] <= MAX_SECONDS:
            raise CommandError(
                f"--seconds {options['seconds']:g}: more than 0, up to {MAX_SECONDS:g}."
            )
        host_id = self._host(options["host"])
        reply = client.record(
            host_id,
            "start",
            name=name,
            seconds=options["seconds"],
            traffic=options["traffic"],
        )
        self.stdout.write(f"Recording engine host {host_id}; Ctrl-C ends it early.")
        self._follow(host_id, reply)

    def _host(self, wanted: str) -> str:
        ready = [
            one.engine_host_id for one in client.statuses() if one.state == "ready"
        ]
        if not ready:
            raise CommandError("No engine host is ready: start one, then record.")
        if wanted and wanted not in ready:
            raise CommandError(f"No engine host {wanted!r}: there are {ready}.")
        return wanted or ready[0]

    def _follow(self, host_id: str, reply: dict[str, Any] | None) -> None:
        answered_at = self.clock()
        is_stopped = False
        while True:
            if reply is not None:
                answered_at = self.clock()
                if self._is_over(reply):
                    return
                self._progress(reply)
            elif self.clock() - answered_at > MAX_SILENCE_S:
                raise CommandError(f"Engine host {host_id} does not answer.")
            try:
                self.sleep(POLL_S)
                reply = client.record(host_id, "state")
            except KeyboardInterrupt:
                if is_stopped:
                    raise CommandError("Left before the recording was whole.") from None
                is_stopped = True
                reply = client.record(host_id, "stop")

    def _is_over(self, reply: dict[str, Any]) -> bool:
        if reply["state"] in ("failed", "refused", "idle"):
            raise CommandError(
                reply.get("error", "The engine host ended the recording: it restarted.")
            )
        if reply["state"] != "done":
            return False
        self.stdout.write(written_words(reply))
        return True

    def _progress(self, reply: dict[str, Any]) -> None:
        """One line that rewrites itself on a terminal; nothing in a pipe."""
        if not sys.stdout.isatty():
            return
        words = "waiting for the engine's next step"
        if reply["state"] != "waiting":
            left = reply.get("seconds_left", 0.0)
            words = f"{reply['num_traces']} traces, {left:.0f} s left"
        self.stdout.write(f"\r{words:<60}", ending="")
        self.stdout.flush()
