"""Whether the page is served, and how far the engine's start has come."""

import http.client
import json
import time
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

import psutil

EVERY_S = 0.5
READY_EVERY_S = 5.0
"""Once an engine is ready: each look takes a core from it for some milliseconds."""


def is_served(url: str) -> bool:
    """Whether the web server answers at all (an error page is an answer)."""
    try:
        with urlopen(f"{url}healthz", timeout=5):
            return True
    except HTTPError:
        return True
    except (URLError, OSError, http.client.HTTPException):
        return False


def listens(process_id: int, port: int) -> bool:
    """Whether it is this process that listens there: another start may have come first,
    and answers as well."""
    try:
        connections = psutil.Process(process_id).net_connections("tcp")
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:  # the system does not tell
        return True
    return any(
        one.status == psutil.CONN_LISTEN and one.laddr.port == port
        for one in connections
    )


class EngineWatch:
    """Asks /readyz now and then; tells each state and finished phase once."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._asked_at = 0.0
        self._run: tuple[str, int] | None = None
        self._num_phases_told = 0
        self._state = ""

    def news(self) -> list[str]:
        """Lines that were not told yet."""
        pause_s = READY_EVERY_S if self._state == "ready" else EVERY_S
        if time.monotonic() < self._asked_at + pause_s:
            return []
        self._asked_at = time.monotonic()
        return [line for engine in self._engines() for line in self._changes(engine)]

    def _engines(self) -> list[dict[str, Any]]:
        try:
            with urlopen(f"{self._url}readyz", timeout=5) as answer:
                report = json.load(answer)
        except HTTPError as error:
            with error:
                report = _object(error.read())
        except (URLError, OSError, http.client.HTTPException, ValueError):
            return []
        engines = report.get("engines", [])
        return engines[:1] if isinstance(engines, list) else []

    def _changes(self, engine: dict[str, Any]) -> list[str]:
        run = (engine["engine_host_id"], engine["engine_run"])
        if run != self._run:
            self._run, self._num_phases_told, self._state = run, 0, ""
        done = [phase for phase in engine["phases"] if phase["seconds"] is not None]
        lines = [
            f"Engine: {phase['name']} {phase['seconds']:.1f} s"
            for phase in done[self._num_phases_told :]
        ]
        self._num_phases_told = len(done)
        if engine["state"] != self._state:
            self._state = engine["state"]
            lines += _sentence(engine, self._url)
        return lines


def _sentence(engine: dict[str, Any], url: str) -> list[str]:
    """What a new state means, for the terminal."""
    if engine["state"] == "ready":
        seconds = sum(phase["seconds"] or 0 for phase in engine["phases"])
        return [
            f"Engine ready after {seconds:.1f} s: {engine['model']}, "
            f"{engine['num_blocks']} blocks of {engine['block_size']} tokens",
            f"Open {url}  (Ctrl-C ends everything)",
        ]
    if engine["state"] in {"failed", "unavailable"}:
        return [f"No engine: {engine['reason']}", f"Open {url}  (Ctrl-C ends it)"]
    return []


def _object(text: bytes) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
