"""An installed tracing package, as vLLM loads it; without the lab, and without a model.

    python -I …/scheduler_alone.py MODEL PATH…

PATH…: what comes first in sys.path, the wheel and the vLLM among them. Says in a line
of JSON what vLLM is this, what was loaded, and the pool's blocks; ends at the end of
stdin. ALONE_VERSION has it take itself for another one; ALONE_SCHEDULER is what
``--scheduler-cls`` says in the stead of the package's own.
"""

import json
import os
import sys
from typing import Any

sys.path[:0] = sys.argv[2:]

import torch  # noqa: E402
import vllm  # noqa: E402

vllm.__version__ = os.environ.get("ALONE_VERSION", vllm.__version__)

from vllm import SamplingParams  # noqa: E402
from vllm.engine.arg_utils import EngineArgs  # noqa: E402
from vllm.utils.hashing import sha256  # noqa: E402
from vllm.v1.core.kv_cache_utils import (  # noqa: E402
    get_request_block_hasher,
    init_none_hash,
)
from vllm.v1.kv_cache_interface import (  # noqa: E402
    FullAttentionSpec,
    KVCacheConfig,
    KVCacheGroupSpec,
)
from vllm.v1.outputs import ModelRunnerOutput  # noqa: E402
from vllm.v1.request import Request  # noqa: E402
from vllm.v1.structured_output import StructuredOutputManager  # noqa: E402

BLOCK_SIZE, NUM_BLOCKS = 16, 24
NUM_REQUESTS = 30
SCHEDULER = "servelab_tracing.TracingScheduler"
OURS = ("lab", "django", "celery", "channels")


def loaded(model: str) -> Any:
    """The scheduler that ``--scheduler-cls`` names, made as EngineCore makes it."""
    config = EngineArgs(
        model=model,
        max_model_len=256,
        max_num_seqs=6,
        max_num_batched_tokens=128,
        block_size=32,
        enforce_eager=True,
        scheduler_cls=os.environ.get("ALONE_SCHEDULER", SCHEDULER),
    ).create_engine_config()
    config.cache_config.block_size = BLOCK_SIZE
    config.cache_config.num_gpu_blocks = NUM_BLOCKS
    spec = FullAttentionSpec(
        block_size=BLOCK_SIZE, num_kv_heads=1, head_size=1, dtype=torch.float32
    )
    return config.scheduler_config.get_scheduler_cls()(
        vllm_config=config,
        kv_cache_config=KVCacheConfig(
            num_blocks=NUM_BLOCKS,
            kv_cache_tensors=[],
            kv_cache_groups=[KVCacheGroupSpec(["layer"], spec)],
        ),
        structured_output_manager=StructuredOutputManager(config),
        block_size=BLOCK_SIZE,
    )


def step(scheduler: Any) -> None:
    """One step; who has read its prompt gets the token 7."""
    output = scheduler.schedule()
    req_ids = list(output.num_scheduled_tokens)
    requests = [scheduler.requests[req_id] for req_id in req_ids]
    sampled = [
        [7] if one.num_computed_tokens >= one.num_tokens else [] for one in requests
    ]
    index = {req_id: at for at, req_id in enumerate(req_ids)}
    made = ModelRunnerOutput(req_ids, index, sampled_token_ids=sampled)
    scheduler.update_from_output(output, made)


def request(number: int) -> Request:
    """Every third one begins as another, and all have names of their own."""
    return Request(
        request_id=f"cmpl-of-somebody-{number}",
        prompt_token_ids=[number % 3, *range(20 + 11 * number % 90)],
        sampling_params=SamplingParams(max_tokens=4 + number % 30, ignore_eos=True),
        pooling_params=None,
        block_hasher=get_request_block_hasher(BLOCK_SIZE, sha256),
    )


def main() -> None:
    init_none_hash(sha256)
    scheduler = loaded(sys.argv[1])
    for number in range(NUM_REQUESTS):
        scheduler.add_request(request(number))
        for _ in range(3):
            step(scheduler)
    blocks = scheduler.kv_cache_manager.block_pool.blocks
    told = {
        "vllm": vllm.__version__,
        "scheduler": f"{type(scheduler).__module__}.{type(scheduler).__name__}",
        "ours": sorted(set(OURS) & set(sys.modules)),
        "blocks": [[b.ref_cnt, b.block_hash is not None] for b in blocks],
    }
    print(json.dumps(told), flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
