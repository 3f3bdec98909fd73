"""The engine worker: wires EngineHost → FrameEncoder → Publisher inside Celery.

Run with ``celery -A config worker -Q engine -P threads``. The host is a bootstep that
the pool requires, so it starts before the first task and stops after the last; tasks
only hand their message over and wait.
"""

import asyncio
import contextlib
import logging
import threading
import time
import uuid
from collections.abc import Coroutine, Sequence
from typing import Any

import redis
from celery import Celery, bootsteps
from celery.signals import worker_shutting_down
from celery.worker.components import Pool
from celery.worker.control import control_command

from lab import client
from lab.attached.asking import AddressedHost
from lab.attached.host import AttachedHost
from lab.engine.config import EngineConfig
from lab.engine.forking import warm_up
from lab.engine.host import EngineHost
from lab.engine.launch import resolve_device
from lab.errors import SettingError
from lab.live_state import LiveState
from lab.messages import ENGINE_QUEUE, queue_of
from lab.worker.listener import EngineListener
from lab.worker.process_group import end_recorded, end_with_parent
from lab.worker.publisher import say_last
from lab.worker.rehearsals import Rehearsals
from lab.worker.requests import Leases, RequestIntake
from lab.worker.rival import Rival
from lab.worker.second import SecondEngine

logger = logging.getLogger(__name__)

NO_HOST = "This worker has no engine host: it needs -Q engine."
LOOK_S = 1.0
"""How long a look at the state may wait for the host's loop."""
LAST_WORDS_S = 4.0
"""How long reports and messages may take to get out at the end."""

COUNT_WITHIN_S = RESET_WITHIN_S = 0.8
"""Less than client.ask() waits."""


class EngineWorker:
    """What a worker of the queue ``engine`` has: an engine host, the intake of its
    requests, and what listens to it."""

    host_class = EngineHost
    listener_class = EngineListener
    intake_class = RequestIntake
    second_class = SecondEngine
    rival_class = Rival
    rehearsals_class = Rehearsals

    def __init__(self, config: EngineConfig) -> None:
        self.config = config
        self.life = uuid.uuid4().hex
        """Names this process: the same host started again has another life."""
        self.listener = self.listener_class(
            config, self.life, host_class=self.host_class
        )
        self.host = self.listener.host
        leases = Leases(config.redis_url, config.engine_host_id, self.life)
        self.intake = self.intake_class(self.host, leases)
        self.second = self.second_class(config, _is_ready)
        self.rival = self.rival_class(config)
        self.rehearsals = self.rehearsals_class(config)

    def start(self) -> None:
        """Begin; the engine comes up in the background."""
        if self.config.beside:
            end_with_parent()
        else:
            end_recorded(self.second.record_path)
        self.host.start()
        threading.Thread(target=self.intake.refuse_orphans, daemon=True).start()

    def run_second(self, payload: dict[str, Any]) -> None:
        """A second engine, to its end; what it had under way ends "interrupted"."""
        self.second.run(payload)
        if self.second.is_stopping:
            return  # no time to wait for its last life to expire; the next start does
        url, name = self.config.redis_url, self.second.engine_host_id
        leases = Leases(url, name, uuid.uuid4().hex)
        self.intake_class(self.host, leases).refuse_orphans()

    def look(
        self,
        request_ids: Sequence[str],
        short_ids: Sequence[int],
        block_id: int | None,
    ) -> dict[str, Any] | None:
        """A LiveState between two looks at the tap, so that it is of one step."""

        async def look() -> LiveState | None:
            return self.listener.look(request_ids, short_ids, block_id)

        seen: LiveState | None = self._in_loop(look())
        return seen.to_json() if seen else None

    def why(
        self, request_ids: Sequence[str], short_ids: Sequence[int], short_id: int
    ) -> dict[str, Any] | None:
        """See EngineListener.why()."""

        async def why() -> dict[str, Any] | None:
            return self.listener.why(request_ids, short_ids, short_id)

        told: dict[str, Any] | None = self._in_loop(why())
        return told

    def show(self, what: str, since: int) -> dict[str, Any] | None:
        """See EngineListener.show()."""

        async def show() -> dict[str, Any] | None:
            return self.listener.show(what, since)

        told: dict[str, Any] | None = self._in_loop(show())
        return told

    def _in_loop(self, looking: Coroutine[Any, Any, Any]) -> Any:
        """What it comes to in the host's loop; None where that takes too long."""
        seen = asyncio.run_coroutine_threadsafe(looking, self.host.loop)
        with contextlib.suppress(TimeoutError):
            return seen.result(LOOK_S)
        return None

    def stop(self) -> None:
        """Let what is under way get out, shut the engine down, say that it is gone."""
        flushing = asyncio.run_coroutine_threadsafe(self._last_words(), self.host.loop)
        with contextlib.suppress(TimeoutError):
            flushing.result(LAST_WORDS_S + 1)
        self.host.stop()
        try:
            asyncio.run(say_last(self.config.redis_url, self.host.status, self.life))
        except (OSError, redis.RedisError) as error:
            logger.warning("Nobody was told that this host stopped: %s", error)
        self.listener.recorder.close()

    async def _last_words(self) -> None:
        self.listener.keeper.close()
        await self.listener.publisher.flush(LAST_WORDS_S)


class AttachedWorker(EngineWorker):
    """Of an engine that others own."""

    host_class = AttachedHost


class AddressedWorker(EngineWorker):
    """Of an engine that is asked by its address."""

    host_class = AddressedHost


_worker: EngineWorker | None = None
"""This process's, from the start of its bootstep to the stop."""


def serve(payload: dict[str, Any]) -> None:
    """One message for the host of this worker."""
    if _worker is None:
        raise RuntimeError(NO_HOST)
    _worker.intake.serve(payload)


def run_second(payload: dict[str, Any]) -> None:
    """One ticket's second engine, beside the host of this worker."""
    if _worker is None:
        raise RuntimeError(NO_HOST)
    _worker.run_second(payload)


def run_rival(payload: dict[str, Any]) -> None:
    """One ticket's prompts through plain Transformers, beside it too."""
    if _worker is None:
        raise RuntimeError(NO_HOST)
    _worker.rival.run(payload)


def run_rehearsal(payload: dict[str, Any]) -> None:
    """One ticket's rehearsal of a recording, beside it too."""
    if _worker is None:
        raise RuntimeError(NO_HOST)
    _worker.rehearsals.run(payload)


def _is_ready(engine_host_id: str) -> bool:
    status = client.status_of(engine_host_id)
    return status is not None and status.state == "ready"


class EngineHostStep(bootsteps.StartStopStep):
    """Starts the host before the pool and stops it after."""

    label = "EngineHost"
    worker_class = EngineWorker

    def start(self, worker: Any) -> None:
        """Read the settings (a wrong one stops the worker here) and begin."""
        global _worker
        config = EngineConfig.from_env()
        queues = worker.app.amqp.queues
        queues.select_add(queue_of(config.engine_host_id))
        if config.attach or config.address:
            queues.deselect(ENGINE_QUEUE)  # another host's to serve
        _worker = self._worker_of(config)
        _worker.start()

    def _worker_of(self, config: EngineConfig) -> EngineWorker:
        if config.address:
            return AddressedWorker(config)
        return (AttachedWorker if config.attach else self.worker_class)(config)

    def stop(self, worker: Any) -> None:
        """The pool is empty: shut the engine down, so that nothing meets a dead one."""
        global _worker
        ended, _worker = _worker, None
        if ended is not None:
            ended.stop()

    terminate = stop


def install(app: Celery) -> None:
    """Add the host to the worker that this process becomes. What the engine process
    needs is imported beside all that Celery does before the host's own start."""
    with contextlib.suppress(SettingError):  # the host's start says it
        config = EngineConfig.from_env()
        warm_up(config, resolve_device(config))
    app.steps["worker"].add(EngineHostStep)
    Pool.requires = (*Pool.requires, EngineHostStep)


@worker_shutting_down.connect
def _shut_down_softly(**_: Any) -> None:
    """Celery takes no more, and its threads pool drains without bound: interrupt what
    outlives the time for that."""
    if _worker is None:
        return
    _worker.host.drain()
    _worker.second.stop()
    _worker.rival.stop()
    _worker.rehearsals.stop()
    wait_s = float(_worker.config.drain_s)
    threading.Thread(target=_interrupt_late_ones, args=(wait_s,), daemon=True).start()


def _interrupt_late_ones(wait_s: float) -> None:
    """Again and again: a message may have been taken just before the signal."""
    time.sleep(wait_s)
    while (worker := _worker) is not None:
        worker.host.interrupt_all()
        time.sleep(1.0)


@control_command(args=[("request_id", str)], signature="REQUEST_ID")
def lab_abort(state: Any, request_id: str) -> None:
    """Abort one generation, wherever it is."""
    if _worker is not None:
        _worker.host.abort(request_id)


@control_command()
def lab_keyframe(state: Any) -> None:
    """A viewer joined: send a keyframe."""
    if _worker is not None:
        _worker.listener.ask_keyframe()


@control_command(args=[("engine_host_id", str)], signature="HOST")
def lab_restart(state: Any, engine_host_id: str, why: str = "") -> None:
    """Start the engine of one host again."""
    if _worker is not None and _worker.config.engine_host_id == engine_host_id:
        _worker.host.restart(why)


@control_command()
def lab_clear(state: Any, request_ids: Sequence[str] = ()) -> None:
    """End what waits; of these also what still waits in the broker."""
    if _worker is not None:
        _worker.host.clear_queue(request_ids)


@control_command(args=[("engine_host_id", str)], signature="HOST")
def lab_reset_cache(state: Any, engine_host_id: str) -> dict[str, bool] | None:
    """Empty the prefix cache of one host; only that replies."""
    if _worker is None or _worker.config.engine_host_id != engine_host_id:
        return None
    is_reset = _worker.host.reset_prefix_cache().result(RESET_WITHIN_S)
    return None if is_reset is None else {"is_reset": is_reset}


@control_command(args=[("engine_host_id", str), ("level", int)], signature="HOST 1|2")
def lab_nap(state: Any, engine_host_id: str, level: int) -> None:
    """Have the engine of one host sleep and wake again; its status tells how it
    went."""
    if _worker is not None and _worker.config.engine_host_id == engine_host_id:
        _worker.host.nap(level, _worker.listener.used_bytes)


@control_command(args=[("engine_host_id", str)], signature="HOST")
def lab_look(
    state: Any,
    engine_host_id: str,
    request_ids: Sequence[str] = (),
    short_ids: Sequence[int] = (),
    block_id: int | None = None,
) -> dict[str, Any] | None:
    """What the trace says now; only the host named replies, with a LiveState."""
    if _worker is None or _worker.config.engine_host_id != engine_host_id:
        return None
    return _worker.look(request_ids, short_ids, block_id)


@control_command(
    args=[("engine_host_id", str), ("short_id", int)], signature="HOST SHORT_ID"
)
def lab_why(
    state: Any,
    engine_host_id: str,
    short_id: int,
    request_ids: Sequence[str] = (),
    short_ids: Sequence[int] = (),
) -> dict[str, Any] | None:
    """Why a request came out so; only the host named replies."""
    if _worker is None or _worker.config.engine_host_id != engine_host_id:
        return None
    return _worker.why(request_ids, short_ids, short_id)


@control_command(
    args=[("engine_host_id", str), ("what", str)], signature="HOST timeline|heat"
)
def lab_show(
    state: Any, engine_host_id: str, what: str, since: int = 0
) -> dict[str, Any] | None:
    """What the lab's page shows of the traces so far; only the host named replies."""
    if _worker is None or _worker.config.engine_host_id != engine_host_id:
        return None
    return _worker.show(what, since)


@control_command(
    args=[("engine_host_id", str), ("action", str)], signature="HOST start|stop|state"
)
def lab_record(
    state: Any, engine_host_id: str, action: str, **arguments: Any
) -> dict[str, Any] | None:
    """Record what this host does (manage.py record); only the host named replies."""
    if _worker is None or _worker.config.engine_host_id != engine_host_id:
        return None
    return _worker.listener.recorder.command(action, **arguments)


@control_command(
    args=[("engine_host_id", str), ("action", str), ("recording_id", str)],
    signature="HOST start|stop|last ID",
)
def lab_keep(
    state: Any, engine_host_id: str, action: str, recording_id: str
) -> dict[str, Any] | None:
    """Record for a learner, or keep the last minute; only the host named replies."""
    if _worker is None or _worker.config.engine_host_id != engine_host_id:
        return None
    return _worker.listener.keeper.command(action, recording_id)


@control_command(
    args=[("engine_host_id", str), ("action", str), ("address", str)],
    signature="HOST state|test|use|drop ADDRESS",
)
def lab_address(
    state: Any, engine_host_id: str, action: str, address: str = ""
) -> dict[str, str | bool] | None:
    """The address that a host asks; only the host named replies, where it asks one."""
    if _worker is None or _worker.config.engine_host_id != engine_host_id:
        return None
    host = _worker.host
    if not isinstance(host, AddressedHost):
        return None
    return host.name_address(action, address).result(COUNT_WITHIN_S)


@control_command(args=[("engine_host_id", str)], signature="HOST")
def lab_tokens(
    state: Any, engine_host_id: str, chats: list[list[dict[str, str]]]
) -> dict[str, list[int]] | None:
    """Tokens of some chats; only the host named replies."""
    if _worker is None or _worker.config.engine_host_id != engine_host_id:
        return None
    return _worker.host.count_tokens(chats).result(COUNT_WITHIN_S)
