"""What the whole lab costs the engine: throughput with all of it on ÷ the bare engine.

One engine, in this process, and the same traffic in interleaved rounds. "On" is
tracing, a recording that is written, metrics that are read every five seconds, viewers
on their WebSockets, and the contiguous shadow of the traffic in the web process. "Bare"
is AsyncLLM and its host: no trace, no frame, no event and no sample is made, and who
looks on sees nothing. Where the processor's time goes is told by process, of both.
"""

import contextlib
import os
import secrets
import statistics
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.cpu_time import CpuTime, compared
from benchmarks.interval import bootstrap_interval, mean_interval
from benchmarks.process import answer, measured
from benchmarks.scale import Scale, scale_of
from benchmarks.trace import prepared, serve_round, wait_ready
from benchmarks.viewing import open_viewer
from launcher import valkey

SCRAPE_EVERY_S = 5.0
SAID_NAME = "shadow_said"
"""File of DATA_DIR: how often the shadow has told how it stands."""
TOKENS_VARIABLE = "BENCH_TOKENS"
"""Of each answer, for the shadow: an experiment knows what its requests ask for."""


def run(options: dict[str, Any]) -> list[dict[str, Any]]:
    """Measure in a process that has the engine's environment."""
    scale = scale_of("lab", options)
    more = {
        "METRICS_TOKEN": secrets.token_hex(32),
        TOKENS_VARIABLE: str(scale["tokens"]),
    }
    with prepared(scale, **more) as environment:
        found: list[dict[str, Any]] = measured("benchmarks.lab", environment, options)
    return found


def measure(options: dict[str, Any]) -> list[dict[str, Any]]:
    """Start the engine and all who look on, run the interleaved pairs."""
    import django

    django.setup()
    from lab.engine.config import EngineConfig

    scale = scale_of("lab", options)
    listener = _quiet_listener()(EngineConfig.from_env())
    host = listener.host
    host.start()
    port = valkey.free_port()
    application = "benchmarks.shadowing:application"
    try:
        wait_ready(host, scale.ready_timeout_s)
        status = host.status
        with open_viewer(port, scale["viewers"], application) as viewers:
            rounds = Rounds(listener, scale, f"http://127.0.0.1:{port}/metrics")
            rounds.measure()
            num_frames = viewers()
    finally:
        host.stop()
    rounds.check(num_frames)
    conditions = (
        f"{scale['requests']} requests of {scale['tokens']} tokens, "
        f"{scale['viewers']} viewers, {status.num_blocks:,} blocks, "
        f"{status.model_in_words} on {status.device}, load average before "
        f"{rounds.load:.1f}"
    )
    return rounds.results(conditions)


def _quiet_listener() -> Any:
    """The product's listener, which can be told to say nothing at all."""
    from lab.worker.listener import EngineListener

    class QuietListener(EngineListener):
        is_on = True

        def on_poll(self, mirror: Any) -> None:
            if self.is_on:
                super().on_poll(mirror)

        def on_request_event(self, event: Any) -> None:
            if self.is_on:
                super().on_request_event(event)

        def on_report(self, report: Any) -> None:
            if self.is_on:
                super().on_report(report)

    return QuietListener


class Rounds:
    """Pairs of rounds, and what was seen of each part in those with all of it on."""

    def __init__(self, listener: Any, scale: Scale, metrics_url: str) -> None:
        self.listener, self.scale = listener, scale
        self.load = os.getloadavg()[0]
        self._metrics_url = metrics_url
        self._ratios: list[float] = []
        self._cpu: dict[bool, list[CpuTime]] = {True: [], False: []}
        self._num_scrapes = 0
        self._num_recorded = 0

    def measure(self) -> None:
        """All pairs, the order alternating, after one round that counts for nothing."""
        self._round(True, "warm-up")
        self._cpu[True].clear()
        for pair in range(self.scale["pairs"]):
            order = (True, False) if pair % 2 else (False, True)
            speeds = {on: self._round(on, f"{pair}-{on}") for on in order}
            self._ratios.append(speeds[True] / speeds[False])
            print(
                f"pair {pair + 1}: {speeds[True]:.1f} tokens/s with all of it, "
                f"{speeds[False]:.1f} bare, {self._ratios[-1]:.4f}",
                flush=True,
            )

    def _round(self, on: bool, name: str) -> float:
        """Output tokens a second."""
        host = self.listener.host
        self.listener.is_on = on
        host.run.enable_tracing(on)
        looking = self._looked_at(name) if on else contextlib.nullcontext()
        with looking:
            before = CpuTime.now()
            speed = serve_round(host, self.scale, name)
            self._cpu[on].append(CpuTime.now() - before)
        return speed

    @contextmanager
    def _looked_at(self, name: str) -> Iterator[None]:
        """Recorded and scraped."""
        recorder, ended = self.listener.recorder, threading.Event()
        recorder.command("start", name=name, seconds=600.0, traffic="bench")
        scraping = threading.Thread(target=self._scrape, args=(ended,))
        scraping.start()
        try:
            yield
        finally:
            ended.set()
            scraping.join()
            self._num_recorded += recorder.command("stop").get("num_traces", 0)

    def _scrape(self, ended: threading.Event) -> None:
        request = urllib.request.Request(self._metrics_url)
        request.add_header("Authorization", f"Bearer {os.environ['METRICS_TOKEN']}")
        while True:
            with urllib.request.urlopen(request) as answer:
                answer.read()
            self._num_scrapes += 1
            if ended.wait(SCRAPE_EVERY_S):
                return

    def check(self, num_frames: int) -> None:
        """Raise RuntimeError where a part did nothing: its cost was not measured."""
        said = Path(os.environ["DATA_DIR"], SAID_NAME)
        seen = {
            "viewers' frames": num_frames,
            "recorded traces": self._num_recorded,
            "metrics read": self._num_scrapes,
            "words of the shadow": int(said.read_text()) if said.exists() else 0,
        }
        print(", ".join(f"{number:,} {name}" for name, number in seen.items()))
        if missing := [name for name, number in seen.items() if not number]:
            raise RuntimeError(f"There were no {', '.join(missing)}: measured nothing.")

    def _median(self) -> dict[str, Any]:
        """Beside the mean, which one round that others disturbed can carry away."""
        value, low, high = bootstrap_interval(self._ratios, statistics.median)
        return {
            "name": "throughput_ratio_median",
            "value": value,
            "unit": "all on / bare",
            "interval": [low, high],
        }

    def results(self, conditions: str) -> list[dict[str, Any]]:
        """The ratio, and per cent of a core by process, with all of it and bare."""
        value, low, high = mean_interval(self._ratios)
        found: list[dict[str, Any]] = [
            {
                "name": "throughput_ratio",
                "value": value,
                "unit": "all on / bare",
                "interval": [low, high],
                "conditions": conditions,
            },
            self._median(),
        ]
        return found + compared(self._cpu, {True: "on", False: "bare"})


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    answer(measure)
