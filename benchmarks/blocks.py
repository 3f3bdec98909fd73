"""The engine's number of KV blocks against the hardware calculator's.

An engine is started as configured. ``pool_exact`` is 1 when the calculator makes
exactly the reported number of blocks out of the bytes that vLLM allocated for them.
``config_error_pct`` is how far it is off from the configuration alone: on a card from
its name and ``gpu_memory_utilization``, with an interval; where the operator gives the
bytes (always on the CPU) there is nothing to estimate and it has to be 0.
"""

import asyncio
import time
from dataclasses import replace
from typing import Any

from benchmarks.engines import product_engine
from benchmarks.process import answer, engine_environment, measured
from benchmarks.scale import NotMeasured, scale_of
from capacity.hardware.engine_check import checks
from lab.messages import EngineStatus
from lab.worker.memory import EngineSplit
from planning.memory.reported import Check


def run(options: dict[str, Any]) -> list[dict[str, Any]]:
    """One start of the engine, in a process of its own."""
    scale = scale_of("blocks", options)
    found = measured("benchmarks.blocks", engine_environment(scale), {})
    return compared(EngineStatus.from_json(found["status"]), found["pool_bytes"])


def compared(status: EngineStatus, pool_bytes: int) -> list[dict[str, Any]]:
    """The results for an engine that reports ``status`` and holds ``pool_bytes``."""
    from_pool = _check(replace(status, kv_cache_bytes=pool_bytes))
    alone = _check(status)
    assert alone.num_blocks is not None and status.num_blocks
    reported = status.num_blocks
    error = 100 * abs(alone.num_blocks.value - reported) / reported
    conditions = (
        f"{status.model_in_words}, {status.dtype}, {status.device}, blocks of "
        f"{status.block_size} tokens, pool of {pool_bytes:,} bytes"
    )
    return [
        {
            "name": "num_blocks",
            "value": reported,
            "unit": "blocks",
            "conditions": conditions,
        },
        {
            "name": "config_blocks",
            "value": alone.num_blocks.value,
            "unit": "blocks",
            "interval": [alone.num_blocks.low, alone.num_blocks.high],
        },
        {"name": "pool_exact", "value": int(bool(from_pool.agrees)), "unit": "1 = yes"},
        {"name": "config_error_pct", "value": error, "unit": "%"},
    ]


def _check(status: EngineStatus) -> Check:
    (check,) = checks([status])
    if check.why_not:
        raise NotMeasured(check.why_not)
    return check


def measure(_: dict[str, Any]) -> dict[str, Any]:
    """Start the engine; what it reports, and the bytes that its worker allocated."""
    return asyncio.run(_measure())


async def _measure() -> dict[str, Any]:
    async with product_engine() as engine:
        status = EngineStatus(
            engine_host_id="bench",
            state="ready",
            updated_at=time.time(),
            max_concurrent_requests=engine.config.max_concurrent_requests,
            **engine.facts(),
        )
        split = EngineSplit.read(engine.split_path)
    if split.kv_cache_bytes is None:
        raise NotMeasured("The engine's worker did not tell the bytes of its pool.")
    return {"status": status.message(), "pool_bytes": split.kv_cache_bytes}


if __name__ == "__main__":
    answer(measure)
