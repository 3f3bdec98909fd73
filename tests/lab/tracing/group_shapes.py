"""Schedulers of models whose layers do not all use full attention, without a model.

KV-cache groups as vLLM makes them of such models: what a group is decides which blocks
are taken and given up; no layer is computed.
"""

import random
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lab.tracing.scheduler import TracingScheduler
from tests.lab import engine_host
from tests.lab.tracing.checked_scheduler import CheckedScheduler

MAX_MODEL_LEN = 512
NUM_BLOCKS = 90
FEW_BLOCKS = 36
"""For a model that holds no more than a window of each request."""


def specs() -> dict[str, Callable[[], list[Any]]]:
    """By the shape's name: the spec of each of its groups."""
    import torch
    from vllm.v1.kv_cache_interface import (
        ChunkedLocalAttentionSpec,
        FullAttentionSpec,
        MambaSpec,
        SlidingWindowSpec,
    )

    def attention(kind: Any, block_size: int = 16, **more: Any) -> Any:
        return kind(
            block_size=block_size,
            num_kv_heads=1,
            head_size=1,
            dtype=torch.float32,
            **more,
        )

    def full(block_size: int = 16) -> Any:
        return attention(FullAttentionSpec, block_size)

    def window(tokens: int, block_size: int = 16) -> Any:
        return attention(SlidingWindowSpec, block_size, sliding_window=tokens)

    def state(mode: str, block_size: int) -> Any:
        return MambaSpec(
            block_size=block_size,
            shapes=((4,),),
            dtypes=(torch.float32,),
            mamba_cache_mode=mode,
        )

    def chunk() -> Any:
        return attention(ChunkedLocalAttentionSpec, attention_chunk_size=64)

    return {
        "window": lambda: [window(64)],
        "full and window": lambda: [full(), window(64)],
        "full and five windows": lambda: [full(), *[window(48)] * 5],
        "windows of two block sizes": lambda: [full(32), window(64)],
        "chunk": lambda: [chunk()],
        "full and chunk": lambda: [full(), chunk()],
        "full and states that are cached": lambda: [full(), state("align", 16)],
        "full, a window and states": lambda: [
            full(),
            window(64),
            state("align", 16),
        ],
        "full and a state": lambda: [full(), state("none", MAX_MODEL_LEN)],
    }


CACHES_NOTHING = {"full and a state"}


def make_scheduler(
    directory: Path,
    shape: str,
    *,
    num_blocks: int | None = None,
    kind: type[TracingScheduler] = CheckedScheduler,
) -> Any:
    """A scheduler that writes into ``directory``/tap."""
    from vllm.engine.arg_utils import EngineArgs
    from vllm.utils.hashing import sha256
    from vllm.v1.core.kv_cache_utils import (
        init_none_hash,
        resolve_kv_cache_block_sizes,
    )
    from vllm.v1.kv_cache_interface import KVCacheConfig, KVCacheGroupSpec
    from vllm.v1.structured_output import StructuredOutputManager

    init_none_hash(sha256)
    config = EngineArgs(
        model=str(engine_host.model_dir()),
        max_model_len=MAX_MODEL_LEN,
        max_num_seqs=8,
        max_num_batched_tokens=96,
        block_size=32,
        enforce_eager=True,
        enable_prefix_caching=shape not in CACHES_NOTHING,
        additional_config={"tap_path": str(directory / "tap")},
    ).create_engine_config()
    made = specs()[shape]()
    if num_blocks is None:
        num_blocks = NUM_BLOCKS if len(made) > 1 else FEW_BLOCKS
    config.scheduler_config.async_scheduling = True
    config.cache_config.num_gpu_blocks = num_blocks
    config.cache_config.block_size = made[0].block_size
    config.cache_config.mamba_cache_mode = getattr(made[-1], "mamba_cache_mode", "none")
    cache = KVCacheConfig(
        num_blocks=num_blocks,
        kv_cache_tensors=[],
        kv_cache_groups=[
            KVCacheGroupSpec([f"layer {at}"], spec) for at, spec in enumerate(made)
        ],
    )
    block_size, hash_block_size = resolve_kv_cache_block_sizes(cache, config)
    return kind(
        vllm_config=config,
        kv_cache_config=cache,
        structured_output_manager=StructuredOutputManager(config),
        block_size=block_size,
        hash_block_size=hash_block_size,
    )


class Drive:
    """Made-up requests and outputs, two steps in flight."""

    def __init__(self, scheduler: Any, seed: int = 7) -> None:
        self.scheduler = scheduler
        self._draw = random.Random(seed)
        self._shared = [self._draw.randrange(1000) for _ in range(256)]
        self._in_flight: deque[tuple[Any, Any]] = deque()
        self._num_requests = 0

    def turn(self, *, adds: bool = True) -> None:
        """One step, with another request where there is room for one."""
        if adds and len(self.scheduler.requests) < 14:
            self._add()
        step = self.scheduler.schedule()
        self._in_flight.append((step, self._output_of(step)))
        if len(self._in_flight) == 2:
            self.scheduler.update_from_output(*self._in_flight.popleft())

    def abort_one(self) -> None:
        """End one of the requests, whichever."""
        from vllm.v1.request import RequestStatus

        if self.scheduler.requests:
            victim = self._draw.choice(list(self.scheduler.requests))
            status = RequestStatus.FINISHED_ABORTED
            self.scheduler.finish_requests(victim, status)

    def _add(self) -> None:
        from vllm import SamplingParams
        from vllm.utils.hashing import sha256
        from vllm.v1.core.kv_cache_utils import get_request_block_hasher
        from vllm.v1.request import Request

        draw = self._draw
        self._num_requests += 1
        tail = [draw.randrange(1000) for _ in range(draw.randrange(1, 90))]
        hash_block_size = self.scheduler.hash_block_size
        request = Request(
            request_id=f"{self._num_requests}-0123abcd",
            prompt_token_ids=self._shared[: draw.choice((0, 96, 192, 256))] + tail,
            sampling_params=SamplingParams(
                max_tokens=draw.randrange(1, 120), ignore_eos=True
            ),
            pooling_params=None,
            block_hasher=get_request_block_hasher(hash_block_size, sha256),
        )
        self.scheduler.add_request(request)

    def _output_of(self, step: Any) -> Any:
        from vllm.v1.outputs import ModelRunnerOutput

        req_ids = list(step.num_scheduled_tokens)
        tokens = []
        for req_id in req_ids:
            request = self.scheduler.requests.get(req_id)
            is_done = request is None or not request.is_prefill_chunk
            tokens.append([self._draw.randrange(1000)] if is_done else [])
        index = {req_id: at for at, req_id in enumerate(req_ids)}
        return ModelRunnerOutput(req_ids, index, sampled_token_ids=tokens)
