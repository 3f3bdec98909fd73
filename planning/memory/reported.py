"""What a running engine reports, against what is computed here for the same engine."""

from dataclasses import dataclass, replace

from planning.catalog.gpus import gpu_of_device
from planning.errors import PlanningError
from planning.interval import Interval
from planning.memory.engine_settings import EngineSettings
from planning.memory.kv_cache import kv_layout
from planning.memory.model_catalog import find_model
from planning.memory.sizing import estimate_memory


@dataclass(frozen=True)
class Reported:
    """The fields of EngineStatus that decide the block pool; None: not reported."""

    model: str
    device: str
    dtype: str
    block_size: int | None
    num_blocks: int | None
    max_model_len: int | None
    kv_cache_bytes: int | None
    gpu_memory_utilization: float | None
    max_num_seqs: int | None
    max_num_batched_tokens: int | None
    vllm_version: str


@dataclass(frozen=True)
class Check:
    """The comparison; ``why_not`` is a sentence where there is none."""

    reported: Reported
    num_blocks: Interval | None = None
    """Computed: exact where the operator gave the bytes, else with its interval."""
    block_bytes: int | None = None
    bytes_per_token: int | None = None
    why_not: str = ""

    @property
    def is_exact(self) -> bool:
        """Whether the computed number has no interval."""
        return self.num_blocks is not None and self.num_blocks.width == 0

    @property
    def agrees(self) -> bool | None:
        """Whether the engine's number is the one computed, or lies in its interval."""
        if self.num_blocks is None or self.reported.num_blocks is None:
            return None
        return self.num_blocks.contains(self.reported.num_blocks)


def check(reported: Reported) -> Check:
    """Compute the number of blocks of an engine from what it reports."""
    if reported.num_blocks is None or reported.block_size is None:
        return Check(reported, why_not="The engine has not reported its blocks yet.")
    try:
        settings = _settings(reported, reported.block_size)
    except PlanningError as error:
        return Check(reported, why_not=str(error))
    layout = kv_layout(settings)
    checked = Check(
        reported,
        block_bytes=layout.block_bytes,
        bytes_per_token=layout.bytes_per_token,
    )
    if reported.kv_cache_bytes:
        exact = Interval.exact(layout.num_blocks(reported.kv_cache_bytes))
        return replace(checked, num_blocks=exact)
    if gpu_of_device(reported.device) is None:
        why = f"The catalog has no card {reported.device[:60]!r} to estimate its pool."
        return replace(checked, why_not=why)
    return replace(checked, num_blocks=estimate_memory(settings).num_blocks)


def _settings(reported: Reported, block_size: int) -> EngineSettings:
    gpu = gpu_of_device(reported.device)
    is_wide = reported.dtype == "float32"
    return EngineSettings(
        model=find_model(reported.model),
        total_gib=gpu.visible_gib if gpu else Interval.exact(1),
        max_model_len=reported.max_model_len or 1,
        kv_cache_dtype="float32" if is_wide else "auto",
        gpu_memory_utilization=reported.gpu_memory_utilization or 1.0,
        max_num_seqs=reported.max_num_seqs or 1,
        max_num_batched_tokens=reported.max_num_batched_tokens or 1,
        block_size=block_size,
        vllm_version=reported.vllm_version or "0.32",
        arch=gpu.arch if gpu else "",
    )
