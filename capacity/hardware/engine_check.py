"""The running engines, checked against the calculator."""

from lab.messages import EngineStatus
from planning.memory.reported import Check, Reported, check


def checks(statuses: list[EngineStatus]) -> list[Check]:
    """One comparison an engine that is ready."""
    return [check(_reported(one)) for one in statuses if one.state == "ready"]


def _reported(status: EngineStatus) -> Reported:
    return Reported(
        model=status.model,
        device=status.device,
        dtype=status.dtype,
        block_size=status.block_size,
        num_blocks=status.num_blocks,
        max_model_len=status.max_model_len,
        kv_cache_bytes=status.kv_cache_bytes,
        gpu_memory_utilization=status.gpu_memory_utilization,
        max_num_seqs=status.max_concurrent_requests,
        max_num_batched_tokens=status.max_num_batched_tokens,
        vllm_version=status.versions.get("vllm", ""),
    )
