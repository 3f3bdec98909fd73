"""The words of an own block where KV-cache groups have blocks of their own sizes."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from vllm.v1.kv_cache_interface import MambaSpec

from lab.engine.config import EngineConfig
from lab.engine.host import EngineHost
from lab.tracing.trace import decode
from lab.worker.listener import EngineListener
from tests.lab.tracing.driven_groups import GroupsDriven

pytestmark = [pytest.mark.engine, pytest.mark.scheduler]

PROMPT = list(range(500, 570))


class Outlet:
    """Stands for the Publisher."""

    def __init__(self, *_: Any) -> None:
        """Nothing is published here."""

    def recording(self, *_: Any) -> None:
        """Nothing is recorded here."""


class Host(EngineHost):
    """Its engine is the test's."""

    run: Any = None


@pytest.fixture
def listener() -> Iterator[EngineListener]:
    config = dataclasses.replace(EngineConfig.from_env(), engine_host_id="host-a")
    made = EngineListener(config, host_class=Host, publisher_class=Outlet)  # type: ignore[arg-type]
    yield made
    made.host.loop.close()


@pytest.mark.parametrize("shape", ["windows of two block sizes", "full and a state"])
def test_each_block_has_the_words_of_its_own_tokens(
    shape: str, listener: EngineListener, tmp_path: Path
) -> None:
    """As many as vLLM's own tables have blocks with tokens, and of a state none."""
    driven = GroupsDriven(tmp_path, shape=shape, num_blocks=None)
    short_id = driven.add(PROMPT, max_tokens=4)
    driven.step()
    run: Any = SimpleNamespace(
        number=1,
        num_blocks=driven.mirror.num_blocks,
        block_size=driven.block_size,
        decode=lambda tokens: " ".join(map(str, tokens)),
    )
    listener.host.run = run  # type: ignore[misc]
    mirror = type(driven.mirror)(run.num_blocks, run.block_size)
    listener.on_engine_start(run, mirror)
    for record in driven.records:
        trace = decode(record)
        listener.on_trace(record, trace, mirror.apply(trace))
    listener.host.prompts.add(short_id, PROMPT)
    told = listener.why([], [short_id], short_id)
    driven.close()
    assert told is not None
    cache = driven.scheduler.kv_cache_manager
    sizes = set()
    for manager in cache.coordinator.single_type_managers:
        if isinstance(manager.kv_cache_spec, MambaSpec):
            continue
        (blocks,) = manager.req_to_blocks.values()
        words = [
            list(map(int, one.split()))
            for one in told["blocks"][str(manager.block_size)]
        ]
        assert [token for block in words for token in block] == PROMPT
        assert [len(block) for block in words[:-1]] == [manager.block_size] * (
            len(blocks) - 1
        )
        sizes.add(str(manager.block_size))
    assert set(told["blocks"]) == sizes
