"""The second engine's process, on the machine of a main engine host.

It is a Celery worker like the main one, of a queue of its own, with smaller settings
and a lower priority. The thread that started it watches it to its end: its time, its
memory, its learner, this worker. It also ends by itself when this process is gone,
whose end of its input pipe closes then.
"""

import contextlib
import logging
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import psutil
import redis

from lab.engine import model_files
from lab.engine.config import PROJECT_DIR, EngineConfig
from lab.engine.launch import resolve_device
from lab.errors import EngineError, SecondRefused
from lab.messages import METRICS_KEY_PREFIX, STATUS_KEY_PREFIX, queue_of
from lab.second.line import Standing, Turn
from lab.second.page_cache import drop_from_page_cache, share_in_page_cache
from lab.second.settings import SecondSettings
from lab.worker import process_group
from lab.worker.memory import EngineSplit, free_bytes, open_memory

logger = logging.getLogger(__name__)

MIB = 1 << 20
LOOK_S = 0.5
END_S = 12.0
"""After SIGTERM it gets so long; then all of its processes are killed."""
NICE = 10
"""Lower than the main engine's priority, so that this one answers as before."""
MAX_IN_FLIGHT = 64
CPU_KV_CACHE_MB = 128
CACHES = ("VLLM_CACHE_ROOT", "TORCHINDUCTOR_CACHE_DIR", "TRITON_CACHE_DIR")
"""Variables of the places that compiled kernels are kept in."""
IMPORTING = "It is on its way: its phases follow."
LEFT = "Its learner has left."
DIED = "Its process ended by itself; the log of the engine worker says why."
STOPPED = "The main engine's host ends, and this one with it."


class SecondEngine:
    """At most one at a time; run() blocks, stop() may come from any thread."""

    app = "config"
    """Where Celery finds the application of the process."""

    def __init__(self, config: EngineConfig, is_ready: Callable[[str], bool]) -> None:
        """``is_ready``: whether the host of this id takes requests."""
        self._config = config
        self._is_ready = is_ready
        self._stopping = threading.Event()
        self._one = threading.Lock()

    @property
    def engine_host_id(self) -> str:
        """The second engine's name: the same each time, so that what one of them left
        behind is found by the next."""
        return f"{self._config.engine_host_id[:56]}-second"

    @property
    def record_path(self) -> Path:
        """Which process group runs, if one does."""
        return self._config.data_dir / "second_engine.json"

    def run(self, payload: Mapping[str, Any]) -> None:
        """One ticket's engine, from its start to its end."""
        turn = Turn(self._config.redis_url, str(payload["ticket"]))
        if not turn.take():
            return
        with self._one:
            try:
                turn.tell(self._serve(turn, payload["settings"]))
            except EngineError as error:
                turn.tell(Standing("refused", reason=str(error)))
            finally:
                turn.end()

    def stop(self) -> None:
        """This worker ends."""
        self._stopping.set()

    def _serve(self, turn: Turn, settings: Mapping[str, Any]) -> Standing:
        wanted = SecondSettings.from_json(settings)
        environment = self._environment(wanted)
        self._check_room()
        config = EngineConfig.from_env(environment)
        turn.tell(Standing("starting", reason=IMPORTING))
        if wanted.model:
            model_files.make(config)
        checkpoint = sorted(Path(config.model).glob("*.safetensors"))
        if wanted.has_cold_files:
            drop_from_page_cache(checkpoint)
        share = share_in_page_cache(checkpoint)
        with self._caches(wanted) as caches:
            process = self._spawn({**environment, **caches})
            try:
                return Standing("ended", reason=self._watch(process, turn, share))
            finally:
                self._end(process)

    @contextlib.contextmanager
    def _caches(self, wanted: SecondSettings) -> Iterator[dict[str, str]]:
        """Variables that name empty places for what is compiled, if that is wanted."""
        if not wanted.has_empty_caches:
            yield {}
            return
        with tempfile.TemporaryDirectory(dir=self._config.data_dir) as directory:
            yield {name: str(Path(directory) / name) for name in CACHES}

    # Before

    def _environment(self, wanted: SecondSettings) -> dict[str, str]:
        """This process's variables, changed where the second engine differs; raises
        SettingError where they do not fit together."""
        config, device = self._config, resolve_device(self._config)
        block_size = config.block_size or (32 if device == "cpu" else 16)
        environment = {
            **os.environ,
            "PYTHONPATH": str(PROJECT_DIR),
            "DATA_DIR": str(config.data_dir),
            "REDIS_URL": config.redis_url,
            "ENGINE_HOST_ID": self.engine_host_id,
            "ENGINE_BESIDE": config.engine_host_id,
            "ENGINE_MAX_IN_FLIGHT": str(MAX_IN_FLIGHT),
            "ENGINE_SECOND_MEMORY_MB": "0",
            **(self._for_cpu() if device == "cpu" else self._for_card()),
            **wanted.variables(config.max_model_len, block_size),
        }
        EngineConfig.from_env(environment)
        return environment

    def _for_cpu(self) -> dict[str, str]:
        """Half of the cores, unbound: the system shares them out by priority."""
        cores = os.cpu_count() or 1
        kv_cache_mb = min(CPU_KV_CACHE_MB, self._config.kv_cache_mb or CPU_KV_CACHE_MB)
        return {
            "VLLM_CPU_OMP_THREADS_BIND": "nobind",
            "OMP_NUM_THREADS": str(max(1, cores // 2)),
            "ENGINE_KV_CACHE_MB": str(kv_cache_mb),
        }

    def _for_card(self) -> dict[str, str]:
        """vLLM measures its share by the whole card."""
        sample = open_memory("cuda").sample(self.engine_host_id, EngineSplit())
        if not sample.is_gpu or sample.total_bytes is None:
            raise SecondRefused(
                "The driver does not tell how much memory is free on the card: no "
                "second engine is started beside the main one."
            )
        share = self._config.second_memory_mb * MIB / sample.total_bytes
        return {"ENGINE_GPU_MEMORY_UTILIZATION": f"{min(1.0, max(0.05, share)):.3f}"}

    def _check_room(self) -> None:
        """Raises SecondRefused unless the whole budget is free."""
        budget = self._config.second_memory_mb
        if not budget:
            raise SecondRefused(
                "No second engine may run on this machine (ENGINE_SECOND_MEMORY_MB=0)."
            )
        free = free_bytes(resolve_device(self._config))
        if free is not None and free < budget * MIB:
            raise SecondRefused(
                f"A second engine may take {budget:,} MiB here, and {free // MIB:,} "
                "are free: it is not started, so that the main one stays usable."
            )

    def _spawn(self, environment: dict[str, str]) -> "subprocess.Popen[bytes]":
        name = self.engine_host_id
        command = [
            *(sys.executable, "-m", "celery", "-A", self.app, "worker"),
            *("-Q", queue_of(name), "-P", "threads", "-c", str(MAX_IN_FLIGHT)),
            *("-n", f"engine@{name}", "--without-mingle", "--without-gossip"),
            *("--loglevel", "INFO"),
        ]
        with self._server() as server:  # what an earlier one did not take
            server.delete(queue_of(name))
        process = subprocess.Popen(
            command, env=environment, stdin=subprocess.PIPE, start_new_session=True
        )
        process_group.record(self.record_path, process.pid)
        with contextlib.suppress(psutil.Error):
            psutil.Process(process.pid).nice(NICE)
        logger.info("A second engine starts", extra={"pid": process.pid})
        return process

    # Meanwhile

    def _watch(
        self, process: "subprocess.Popen[bytes]", turn: Turn, share: float | None
    ) -> str:
        """Until it has to end; why."""
        ends_at = time.time() + self._config.second_time_s
        told = None
        while True:
            state = "ready" if self._is_ready(self.engine_host_id) else "starting"
            if state != told:
                told = state
                turn.tell(_running(state, self.engine_host_id, ends_at, share))
            if why := self._why_end(process, turn, ends_at):
                return why
            self._stopping.wait(LOOK_S)

    def _why_end(
        self, process: "subprocess.Popen[bytes]", turn: Turn, ends_at: float
    ) -> str:
        """A sentence, or "" while it may go on."""
        if process.poll() is not None:
            return DIED
        if self._stopping.is_set():
            return STOPPED
        if time.time() > ends_at:
            seconds = self._config.second_time_s
            return f"Its time is up: a second engine has {seconds} s here."
        budget = self._config.second_memory_mb
        used = process_group.resident_bytes(process.pid)
        if used > budget * MIB:
            return f"It took {used // MIB:,} MiB; allowed are {budget:,} here."
        try:
            return "" if turn.is_wanted() and turn.keep() else LEFT
        except redis.RedisError as error:  # it may be back: time and memory still hold
            logger.warning("The second engine's ticket cannot be read: %s", error)
            return ""

    # After

    def _end(self, process: "subprocess.Popen[bytes]") -> None:
        """SIGTERM, then SIGKILL to its whole group."""
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(END_S)
        process_group.kill(process.pid)
        process.wait()
        self.record_path.unlink(missing_ok=True)
        name = self.engine_host_id
        keys = (STATUS_KEY_PREFIX + name, METRICS_KEY_PREFIX + name)
        with contextlib.suppress(redis.RedisError), self._server() as server:
            server.delete(queue_of(name), *keys)

    def _server(self) -> Any:
        return redis.Redis.from_url(self._config.redis_url)


def _running(
    state: Any, engine_host_id: str, ends_at: float, cached_share: float | None
) -> Standing:
    return Standing(
        state,
        reason=IMPORTING if state == "starting" else None,
        engine_host_id=engine_host_id,
        ends_at=ends_at,
        cached_share=cached_share,
    )
