"""The engine worker: wires EngineHost → FrameEncoder → Publisher inside Celery.

Run with ``celery -A config worker -Q engine -P threads``. The host is a bootstep that
the pool requires, so it starts before the first task and stops after the last; tasks
only hand their message over and wait.
"""

import threading
import time
from typing import Any

from celery import Celery, bootsteps
from celery.signals import worker_shutting_down
from celery.worker.components import Pool
from celery.worker.control import control_command

from lab.engine.config import EngineConfig
from lab.worker.listener import EngineDesk

GRACE_S = 5.0
"""After SIGTERM running answers get this long; then they are aborted."""

_desk: EngineDesk | None = None


def serve(payload: dict[str, Any]) -> None:
    """One message for the host of this worker."""
    if _desk is None:
        raise RuntimeError("This worker has no engine host: it needs -Q engine.")
    _desk.serve(payload)


class EngineHostStep(bootsteps.StartStopStep):  # type: ignore[misc]
    """Starts the host before the pool and stops it after."""

    label = "EngineHost"

    def start(self, worker: Any) -> None:
        """Read the settings (a wrong one stops the worker here) and begin."""
        global _desk
        _desk = EngineDesk(EngineConfig.from_env())
        _desk.host.start()
        threading.Thread(target=_desk.tell_orphans, daemon=True).start()

    def stop(self, worker: Any) -> None:
        """The pool is empty: shut the engine down, so that nothing meets a dead one."""
        global _desk
        desk, _desk = _desk, None
        if desk is not None:
            desk.stop()

    terminate = stop


def install(app: Celery) -> None:
    """Add the host to the worker that this process becomes."""
    app.steps["worker"].add(EngineHostStep)
    Pool.requires = (*Pool.requires, EngineHostStep)


@worker_shutting_down.connect
def _shut_down_softly(**_: Any) -> None:
    """A threads pool drains without bound: abort what outlives the grace time."""
    threading.Thread(target=_interrupt_late_ones, daemon=True).start()


def _interrupt_late_ones() -> None:
    """Again and again: a message may have been taken just before the signal."""
    time.sleep(GRACE_S)
    while (desk := _desk) is not None:
        desk.interrupt_all()
        time.sleep(1.0)


@control_command(args=[("request_id", str)], signature="REQUEST_ID")
def lab_abort(state: Any, request_id: str) -> None:
    """Abort one generation, wherever it is."""
    if _desk is not None:
        _desk.abort(request_id)


@control_command()
def lab_keyframe(state: Any) -> None:
    """A viewer joined: send a keyframe."""
    if _desk is not None:
        _desk.ask_keyframe()


@control_command(
    args=[("engine_host_id", str), ("action", str)], signature="HOST start|stop|state"
)
def lab_record(
    state: Any, engine_host_id: str, action: str, **arguments: Any
) -> dict[str, Any] | None:
    """Record what this host does (manage.py record); only the host named replies."""
    if _desk is None or _desk.config.engine_host_id != engine_host_id:
        return None
    return _desk.recorder.command(action, **arguments)
