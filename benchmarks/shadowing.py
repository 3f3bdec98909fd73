"""The web process of a bench: the product's, with a contiguous shadow of all traffic.

``benchmarks.shadowing:application`` runs what the experiment ``contiguous`` does while
requests are served: it reads every frame and says once a second how the shadow stands.
How often it did stands in a file of DATA_DIR.
"""

import asyncio
import logging
import os
from pathlib import Path
from typing import Any

from benchmarks.lab import SAID_NAME, TOKENS_VARIABLE
from config.asgi import application as product

logger = logging.getLogger(__name__)
_tasks: set["asyncio.Task[None]"] = set()


async def application(scope: Any, receive: Any, send: Any) -> None:
    """The product's; the first call starts the shadow."""
    if not _tasks:
        _tasks.add(asyncio.create_task(_shadow_for_ever()))
    await product(scope, receive, send)


async def _shadow_for_ever() -> None:
    while True:
        try:
            await _shadow_one_round()
        except Exception:
            logger.exception("The shadow ended")
            await asyncio.sleep(1)


async def _shadow_one_round() -> None:
    """From the first frame with requests to the first without; returns at once, or
    nearly, where no engine is ready."""
    from django.conf import settings

    from lab.experiments.contiguous import TELL_EVERY_S, Live
    from lab.experiments.contiguous_sides import Memory
    from lab.experiments.following import Following
    from lab.viewer.hub import hub_of_process

    hub, num_tokens = hub_of_process(), int(os.environ[TOKENS_VARIABLE])

    def status() -> Any:
        return next((s for s in hub.statuses if s.state == "ready"), None)

    engine = status()
    if engine is None:
        await asyncio.sleep(0.1)
        return
    async with Following(lambda: hub.frames_of(engine.engine_host_id)) as seen:
        size = engine.block_size
        memory = Memory(
            *("buddy", "max", size, (engine.num_blocks - 1) * size),
            engine.max_model_len,
            engine.max_concurrent_requests,
        )
        live, observed = Live(memory, seen.observed), seen.observed
        while True:
            await asyncio.sleep(TELL_EVERY_S)
            if observed.served and not observed.frames[-1].requests:
                return  # a chain's old frames tell of requests that have gone, too
            if live.look(dict.fromkeys(observed.served, num_tokens)):
                _count(settings.DATA_DIR / SAID_NAME)


def _count(path: Path) -> None:
    before = int(path.read_text()) if path.exists() else 0
    path.write_text(str(before + 1))
