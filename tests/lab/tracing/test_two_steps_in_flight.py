"""The order of events that a GPU has: two steps in flight, made-up model outputs.

On the CPU asynchronous scheduling and the V2 model runner are off, so a green CPU
suite would hide that order. Here the real TracingScheduler runs with both, without a
model, and is compared with vLLM's block pool after every record: of the vLLM that is
installed, and of the other supported one (tests/everything.py).
"""

import random
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lab.tracing.tap import TapReader
from tests.lab import engine_host

pytestmark = [pytest.mark.engine, pytest.mark.scheduler]

BLOCK_SIZE, NUM_BLOCKS, MAX_MODEL_LEN = 16, 40, 256


@pytest.fixture
def tap(tmp_path: Path) -> Iterator[TapReader]:
    reader = TapReader(tmp_path / "tap")
    yield reader
    reader.close()


@pytest.fixture(
    params=[
        (runner, policy) for runner in ("v1", "v2") for policy in ("fcfs", "priority")
    ],
    ids="-".join,
)
def scheduler(request: pytest.FixtureRequest, tap: TapReader, tmp_path: Path) -> Any:
    """A CheckedScheduler with asynchronous scheduling and a small pool."""
    import torch
    from vllm.engine.arg_utils import EngineArgs
    from vllm.v1.kv_cache_interface import (
        FullAttentionSpec,
        KVCacheConfig,
        KVCacheGroupSpec,
    )
    from vllm.v1.structured_output import StructuredOutputManager

    from tests.lab.tracing.checked_scheduler import CheckedScheduler

    config = EngineArgs(
        model=str(engine_host.model_dir()),
        max_model_len=MAX_MODEL_LEN,
        max_num_seqs=8,
        max_num_batched_tokens=64,
        block_size=32,
        enforce_eager=True,
        scheduling_policy=request.param[1],
        additional_config={"tap_path": str(tmp_path / "tap")},
    ).create_engine_config()
    config.scheduler_config.async_scheduling = True
    config.cache_config.block_size = BLOCK_SIZE
    config.cache_config.num_gpu_blocks = NUM_BLOCKS
    spec = FullAttentionSpec(
        block_size=BLOCK_SIZE, num_kv_heads=1, head_size=1, dtype=torch.float32
    )
    made = CheckedScheduler(
        vllm_config=config,
        kv_cache_config=KVCacheConfig(
            num_blocks=NUM_BLOCKS,
            kv_cache_tensors=[],
            kv_cache_groups=[KVCacheGroupSpec(["layer"], spec)],
        ),
        structured_output_manager=StructuredOutputManager(config),
        block_size=BLOCK_SIZE,
    )
    made.use_v2_model_runner = request.param[0] == "v2"
    return made


def _request(
    short_id: int, prompt: list[int], max_tokens: int, priority: int = 0
) -> Any:
    from vllm import SamplingParams
    from vllm.utils.hashing import sha256
    from vllm.v1.core.kv_cache_utils import get_request_block_hasher, init_none_hash
    from vllm.v1.request import Request

    init_none_hash(sha256)
    sampling = SamplingParams(max_tokens=max_tokens, ignore_eos=True)
    return Request(
        request_id=f"{short_id}-0123abcd",
        prompt_token_ids=prompt,
        sampling_params=sampling,
        pooling_params=None,
        priority=priority,
        block_hasher=get_request_block_hasher(BLOCK_SIZE, sha256),
    )


def _output_of(step: Any, draw: random.Random, scheduler: Any) -> Any:
    """What a model would return: a token for each request past its prompt."""
    from vllm.v1.outputs import ModelRunnerOutput

    req_ids = list(step.num_scheduled_tokens)
    tokens = []
    for req_id in req_ids:
        request = scheduler.requests.get(req_id)
        is_done = request is None or not request.is_prefill_chunk
        tokens.append([draw.randrange(1000)] if is_done else [])
    index = {req_id: at for at, req_id in enumerate(req_ids)}
    return ModelRunnerOutput(req_ids, index, sampled_token_ids=tokens)


def test_trace_equals_the_pool_with_two_steps_in_flight(scheduler: Any) -> None:
    from vllm.v1.request import RequestStatus

    draw = random.Random(7)
    shared = [draw.randrange(1000) for _ in range(64)]
    in_flight: deque[tuple[Any, Any]] = deque()
    short_id = 0
    for turn in range(1500):
        if turn < 1400 and len(scheduler.requests) < 14:
            short_id += 1
            tail = [draw.randrange(1000) for _ in range(draw.randrange(1, 90))]
            prompt = shared[: draw.choice((0, 32, 64))] + tail
            length, priority = draw.randrange(1, 90), draw.randrange(3)
            scheduler.add_request(_request(short_id, prompt, length, priority))
        if turn % 23 == 22 and scheduler.requests:
            victim = draw.choice(list(scheduler.requests))
            scheduler.finish_requests(victim, RequestStatus.FINISHED_ABORTED)
        step = scheduler.schedule()
        in_flight.append((step, _output_of(step, draw, scheduler)))
        if len(in_flight) == 2:
            scheduler.update_from_output(*in_flight.popleft())
    check = scheduler.check
    header = check.mirror.header
    assert check.mismatches == []
    assert check.counts["blocks"] >= 50_000
    assert check.counts["finished"] >= 50
    assert check.counts["steady"] >= 50
    assert header.num_preemptions >= 5
    assert header.num_evictions >= 50
    assert header.prefix_hit_tokens >= 500


def test_whoever_is_served_before_the_queue_is_told_before_it(
    scheduler: Any, tap: TapReader
) -> None:
    """vLLM has two queues of waiting requests; the first has a name in each version."""
    from vllm.v1.request import RequestStatus

    scheduler.add_request(_request(1, [1, 2, 3], 5))
    served_first = _request(2, [4, 5, 6], 5)
    served_first.status = RequestStatus.WAITING_FOR_REMOTE_KVS
    scheduler.add_request(served_first)
    tap.ask_snapshot()
    scheduler.finish_requests("nobody", RequestStatus.FINISHED_ABORTED)
    check = scheduler.check
    assert check.mismatches == []
    assert check.mirror.waiting == [2, 1]
    assert check.mirror.header.num_waiting == 2
