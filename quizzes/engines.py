"""Whether an engine can measure now, and what it is called."""

from typing import Any

import redis

from lab.engine import client
from lab.engine.events import EngineStatus


def ready_engine() -> EngineStatus | None:
    """An engine that takes requests at once; None when none does."""
    try:
        known = client.status()
    except redis.RedisError:
        return None
    return next((status for status in known if status.state == "ready"), None)


def described(engine_host_id: str) -> dict[str, Any]:
    """Model, device and block size of a host, as far as they are known."""
    try:
        known = client.status()
    except redis.RedisError:
        known = []
    for status in known:
        if status.engine_host_id == engine_host_id:
            return {
                "model": status.model_in_words,
                "device": status.device,
                "block_size": status.block_size,
            }
    return {}
