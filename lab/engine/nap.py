"""A nap: vLLM's sleep mode, timed. For engines on a card that were started with it; the
CPU's worker takes the calls and does nothing."""

import time
from collections.abc import Awaitable, Callable
from typing import Any

from lab.messages import NapTiming

LEVELS = (1, 2)
"""1: the weights go to the host's memory; 2: they are dropped, and read again."""

UsedBytes = Callable[[], int | None]
"""Bytes in use on the card; None where the driver does not tell."""


async def nap(
    llm: Any,
    level: int,
    has_random_weights: bool,
    first_token: Callable[[], Awaitable[None]],
    used_bytes: UsedBytes,
) -> NapTiming:
    """Sleep at ``level`` and wake, to the first token. After level 2 the weights are
    read again, before the KV cache is back; vLLM cannot reload random ones
    (load_format=dummy)."""
    before = used_bytes()
    began = time.perf_counter()
    await llm.sleep(level=level)
    asleep = time.perf_counter()
    after = used_bytes()
    reads_weights = level == 2 and not has_random_weights
    waking = time.perf_counter()
    if reads_weights:
        await llm.wake_up(tags=["weights"])
        await llm.collective_rpc("reload_weights")
        await llm.wake_up(tags=["kv_cache"])
    else:
        await llm.wake_up()
    await first_token()
    return NapTiming(
        level=level,
        sleep_s=asleep - began,
        wake_s=time.perf_counter() - waking,
        freed_bytes=None if before is None or after is None else before - after,
        reads_weights=reads_weights,
    )
