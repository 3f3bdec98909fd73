"""The second engine's process, on the machine of a main engine host.

It is a Celery worker like the main one, of a queue of its own, with smaller settings.
It also ends by itself when the main one's process is gone, whose end of its input pipe
closes then.
"""

import contextlib
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import redis

from courseware.redis_connections import server_at
from lab.engine import model_files
from lab.engine.config import PROJECT_DIR, EngineConfig
from lab.engine.launch import CPU_BLOCK_SIZE, GPU_BLOCK_SIZE, resolve_device
from lab.errors import SecondRefused
from lab.messages import METRICS_KEY_PREFIX, STATUS_KEY_PREFIX, queue_keys, queue_of
from lab.second.line import Standing, Turn
from lab.second.page_cache import drop_from_page_cache, share_in_page_cache
from lab.second.settings import SecondSettings
from lab.worker.beside import MIB, ON_ITS_WAY, Beside, Process
from lab.worker.memory import EngineSplit, open_memory

MAX_IN_FLIGHT = 64
CPU_KV_CACHE_MB = 128
CACHES = ("VLLM_CACHE_ROOT", "TORCHINDUCTOR_CACHE_DIR", "TRITON_CACHE_DIR")
"""Variables of the places that compiled kernels are kept in."""


class SecondEngine(Beside):
    """The second engine beside a main one."""

    app = "config"
    """Where Celery finds the application of the process."""

    def __init__(self, config: EngineConfig, is_ready: Callable[[str], bool]) -> None:
        """``is_ready``: whether the host of this id takes requests."""
        super().__init__(config)
        self._is_ready = is_ready

    @property
    def engine_host_id(self) -> str:
        """The second engine's name: the same each time, so that what one of them left
        behind is found by the next."""
        return f"{self._config.engine_host_id[:56]}-second"

    def _serve(self, turn: Turn, settings: Mapping[str, Any]) -> Standing:
        wanted = SecondSettings.from_json(settings)
        environment = self._environment(wanted)
        config = EngineConfig.from_env(environment)  # do they fit together?
        self.check_room()
        if wanted.model:
            model_files.make(config)
        checkpoint = sorted(Path(config.model).glob("*.safetensors"))
        if wanted.has_cold_files:
            drop_from_page_cache(checkpoint)
        share = share_in_page_cache(checkpoint)
        with (
            self._caches(wanted) as caches,
            self._queue(),
            self.process(self._command(), {**environment, **caches}) as process,
        ):
            return Standing("ended", reason=self._watch(process, turn, share))

    # Before

    def _environment(self, wanted: SecondSettings) -> dict[str, str]:
        """This process's variables, changed where the second engine differs."""
        config, device = self._config, resolve_device(self._config)
        is_cpu = device == "cpu"
        block_size = config.block_size or (CPU_BLOCK_SIZE if is_cpu else GPU_BLOCK_SIZE)
        return {
            **os.environ,
            "PYTHONPATH": str(PROJECT_DIR),
            "DATA_DIR": str(config.data_dir),
            "REDIS_URL": config.redis_url,
            "ENGINE_HOST_ID": self.engine_host_id,
            "ENGINE_BESIDE": config.engine_host_id,
            "ENGINE_DRAIN_S": "5",  # less than END_S of lab.worker.beside
            "ENGINE_MAX_IN_FLIGHT": str(MAX_IN_FLIGHT),
            "ENGINE_SECOND_MEMORY_MB": "0",
            **(self._for_cpu() if is_cpu else self._for_card()),
            **wanted.variables(config.max_model_len, block_size),
        }

    def _for_cpu(self) -> dict[str, str]:
        """Half of the cores, unbound: the system shares them out by priority."""
        kv_cache_mb = min(CPU_KV_CACHE_MB, self._config.kv_cache_mb or CPU_KV_CACHE_MB)
        return {
            "VLLM_CPU_OMP_THREADS_BIND": "nobind",
            "OMP_NUM_THREADS": str(max(1, (os.cpu_count() or 1) // 2)),
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
        share = self.memory_mb * MIB / sample.total_bytes
        return {"ENGINE_GPU_MEMORY_UTILIZATION": f"{min(1.0, max(0.05, share)):.3f}"}

    @contextlib.contextmanager
    def _caches(self, wanted: SecondSettings) -> Iterator[dict[str, str]]:
        """Variables that name empty places for what is compiled, if that is wanted."""
        if not wanted.has_empty_caches:
            yield {}
            return
        with tempfile.TemporaryDirectory(dir=self._config.data_dir) as directory:
            yield {name: str(Path(directory) / name) for name in CACHES}

    def _command(self) -> list[str]:
        name = self.engine_host_id
        return [
            *(sys.executable, "-m", "celery", "-A", self.app, "worker"),
            *("-Q", queue_of(name), "-P", "threads", "-c", str(MAX_IN_FLIGHT)),
            *("-n", f"engine@{name}", "--without-mingle", "--without-gossip"),
            *("--loglevel", "INFO"),
        ]

    # Meanwhile

    def _watch(self, process: Process, turn: Turn, share: float | None) -> str:
        """Until it has to end; why."""
        ends_at, deadline, told = self.ends_at, self.deadline, None
        while True:
            state = "ready" if self._is_ready(self.engine_host_id) else "starting"
            if state != told:
                told = state
                turn.tell(_running(state, self.engine_host_id, ends_at, share))
            if why := self.why_end(process, turn, deadline):
                return why
            self.pause()

    # After

    @contextlib.contextmanager
    def _queue(self) -> Iterator[None]:
        """Empty before: what an earlier one did not take; gone after, with the rest
        that was known of it."""
        name = self.engine_host_id
        keys = (STATUS_KEY_PREFIX + name, METRICS_KEY_PREFIX + name)
        self._forget(*queue_keys(queue_of(name)))
        try:
            yield
        finally:
            self._forget(*queue_keys(queue_of(name)), *keys)

    def _forget(self, *keys: str) -> None:
        server = server_at(self._config.redis_url)
        with contextlib.suppress(redis.RedisError), server:
            server.delete(*keys)


def _running(
    state: Any, engine_host_id: str, ends_at: float, cached_share: float | None
) -> Standing:
    return Standing(
        state,
        reason=ON_ITS_WAY if state == "starting" else None,
        engine_host_id=engine_host_id,
        ends_at=ends_at,
        cached_share=cached_share,
    )
