"""OwnScheduler: the tracing scheduler of an engine that is somebody's own.

    export SERVELAB_TAP=/dev/shm/my-engine
    vllm serve … --scheduler-cls servelab_tracing.TracingScheduler

Tracing must never cost such an engine its life: whatever goes wrong with it, tracing
ends, a line in the log says why, and the engine goes on as vLLM's own.
"""

import logging
import os
import platform
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from vllm import __version__ as vllm_version
from vllm.platforms import current_platform
from vllm.v1.core.sched.output import SchedulerOutput

from lab.tracing.group_tables import UntraceableModel
from lab.tracing.own_tap import FORMAT, TAP_VARIABLE, OwnTap, refuse
from lab.tracing.scheduler import UNNAMED_SHORT_IDS, TracingScheduler
from lab.tracing.steady_steps import SteadySteps, Tap
from lab.tracing.tap import TapWriter

logger = logging.getLogger("vllm.servelab_tracing")


class OwnScheduler(TracingScheduler):
    """Traces into the directory that SERVELAB_TAP names; without it nothing is traced.

    Requests are numbered as they come: their ids are the engine's clients', and are
    not told.
    """

    def _open_tap(self) -> TapWriter | None:
        named = os.environ.get(TAP_VARIABLE, "").strip()
        if not named:
            logger.warning("%s is not set: nothing is traced.", TAP_VARIABLE)
            return None
        directory = Path(named + _rank_suffix(self.vllm_config))
        try:
            self._groups = self._read_groups()
            return OwnTap(directory, facts_of(self))
        except (UntraceableModel, OSError) as error:
            logger.warning("Nothing is traced: %s", error)
            refuse(directory, str(error))
            return None

    def _steps_told(self) -> SteadySteps:
        return _GuardedSteps(self._tap, self._failed)

    def _take_short_id(self, request_id: str) -> int:
        return super()._take_short_id("") - UNNAMED_SHORT_IDS + 1

    # Whatever fails here ends tracing, and nothing else

    def _follow_switch(self) -> None:
        is_first = self._pool is None
        self._harmless(super()._follow_switch)
        if is_first and self._teller is not None:
            self._teller = _Guarded(self._teller, self._harmless)  # type: ignore[assignment]

    def _tell(self, *arguments: Any) -> None:
        self._harmless(super()._tell, *arguments)

    def _tell_place(self, *arguments: Any) -> None:
        self._harmless(super()._tell_place, *arguments)

    def _trace_schedule(self, output: SchedulerOutput) -> None:
        self._harmless(super()._trace_schedule, output)

    def _trace_update(self) -> None:
        self._harmless(super()._trace_update)
        if isinstance(self._tap, OwnTap) and self._tap.is_snapshot_due:
            self._harmless(self._trace_due)

    def _trace_due(self) -> None:
        """A snapshot beside the records, so that a reader can begin here."""
        if self._pool is not None:
            start = time.perf_counter_ns()
            self._trace_snapshot()
            self._steps.cost_ns += time.perf_counter_ns() - start

    def _harmless(self, trace: Callable[..., Any], *arguments: Any) -> Any:
        try:
            return trace(*arguments)
        except Exception as error:
            self._failed(error)
            return None

    def _failed(self, error: Exception) -> None:
        if self._tap is not None:
            logger.error(
                "Tracing failed and is off; the engine goes on.", exc_info=error
            )
            self._give_up(error)

    def _give_up(self, error: Exception) -> None:
        tap, notes, pool = self._tap, self._notes, self._pool
        self._tap = self._notes = self._pool = self._teller = None
        self._steps = _GuardedSteps(None, self._failed, self._steps.step)
        if notes is not None:
            notes.detach()
        if pool is not None:
            pool.detach()
        if isinstance(tap, OwnTap):
            refuse(tap.directory, f"Tracing failed: {type(error).__name__}.")
            tap.close()

    def shutdown(self) -> None:
        super().shutdown()
        if isinstance(self._tap, OwnTap):
            tap, self._tap = self._tap, None
            tap.close()


class _GuardedSteps(SteadySteps):
    """Its records are written harmlessly."""

    __slots__ = ("_failed",)

    def __init__(
        self, tap: Tap | None, failed: Callable[[Exception], None], step: int = 0
    ) -> None:
        super().__init__(tap, step)
        self._failed = failed

    def wrote(self, output: SchedulerOutput) -> bool:
        try:
            return super().wrote(output)
        except Exception as error:
            self._failed(error)
            return True


class _Guarded:
    """Calls of a ReplayTeller that fail harmlessly."""

    def __init__(self, teller: Any, harmless: Callable[..., Any]) -> None:
        self._teller = teller
        self._harmless = harmless

    def __getattr__(self, name: str) -> Callable[..., Any]:
        call, harmless = getattr(self._teller, name), self._harmless

        def guarded(*arguments: Any) -> Any:
            return harmless(call, *arguments)

        setattr(self, name, guarded)
        return guarded


def facts_of(scheduler: Any) -> dict[str, Any]:
    """What the tap says of an engine: names, versions, sizes; no path, no text."""
    config = scheduler.vllm_config
    model, cache, wanted = (
        config.model_config,
        config.cache_config,
        config.scheduler_config,
    )
    return {
        "format": FORMAT,
        "pid": os.getpid(),
        "started_at": time.time(),
        "versions": {"vllm": vllm_version, "python": platform.python_version()},
        "model": Path(str(model.model)).name,
        "dtype": str(model.dtype).removeprefix("torch."),
        "device": _device_name(),
        "block_size": int(scheduler.block_size),
        "num_blocks": int(scheduler.kv_cache_manager.block_pool.num_gpu_blocks),
        "max_model_len": int(model.max_model_len),
        "max_num_seqs": int(wanted.max_num_seqs),
        "max_num_batched_tokens": int(wanted.max_num_batched_tokens),
        "has_prefix_caching": bool(cache.enable_prefix_caching),
        "kv_cache_bytes": cache.kv_cache_memory_bytes,
        "gpu_memory_utilization": float(cache.gpu_memory_utilization),
    }


def _device_name() -> str:
    """The card's name, or "CPU engine"; "" where the driver does not tell."""
    if current_platform.is_cpu():
        return "CPU engine"
    try:
        return str(current_platform.get_device_name())
    except Exception:
        return ""


def _rank_suffix(vllm_config: Any) -> str:
    """Each engine of a data-parallel group has a directory of its own."""
    rank = vllm_config.parallel_config.data_parallel_rank
    return f"-{rank}" if rank else ""
