"""Engines inside a measuring process, without host, Celery or Redis.

``product_engine`` is the product's own with its tracing; ``plain_engine`` is AsyncLLM
with the same arguments and vLLM's own scheduler and worker.
"""

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from lab.engine.config import EngineConfig
from lab.engine.launch import EngineRun

OURS = ("scheduler_cls", "worker_cls", "additional_config")
"""Arguments that make an engine a traced one."""
PROMPT = [1, 2, 3]
"""Too short to be cached."""
REQUEST_ID = "1"
"""The tracing scheduler takes numbers only."""


@asynccontextmanager
async def product_engine(data_dir: str = "") -> AsyncIterator[EngineRun]:
    """Start as EngineHost does, to the first token; ended after. vLLM's compile cache
    knows an engine by its ``data_dir`` too; without one it has one of its own."""
    with tempfile.TemporaryDirectory(prefix="servelab-bench-") as directory:
        run = EngineRun(_config(data_dir or directory), number=1)
        try:
            await run.start()
            await first_token(run.llm, run.sampling(1, 0.0, ignore_eos=True))
            run.finish_start()
            yield run
        finally:
            run.close()


@asynccontextmanager
async def plain_engine(**more: Any) -> AsyncIterator[tuple[Any, EngineConfig]]:
    """AsyncLLM with the product's arguments and ``more``, without tracing."""
    from vllm.engine.arg_utils import AsyncEngineArgs
    from vllm.v1.engine.async_llm import AsyncLLM

    with tempfile.TemporaryDirectory(prefix="servelab-bench-") as directory:
        run = EngineRun(_config(directory), number=1)
        try:
            arguments = {**run.arguments(), **more}
            for name in OURS:
                del arguments[name]
            run.llm = AsyncLLM.from_engine_args(AsyncEngineArgs(**arguments))
            yield run.llm, run.config
        finally:
            run.close()


async def first_token(llm: Any, sampling: Any) -> None:
    """One request, to its end."""
    async for _ in llm.generate({"prompt_token_ids": PROMPT}, sampling, REQUEST_ID):
        pass


def _config(directory: str) -> EngineConfig:
    """The settings; what a start leaves behind goes into ``directory``."""
    return replace(EngineConfig.from_env(), data_dir=Path(directory))
