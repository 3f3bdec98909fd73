"""vLLM's own scheduler and block pool without a model: requests in, traces out.

Outputs are made up, and one step is in flight at a time. What was traced is followed by
a PoolMirror and a Ledger, as an engine host does.
"""

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lab.live_state import LiveState
from lab.tracing.chronicle import Chronicle
from lab.tracing.ledger import Ledger
from lab.tracing.mirror import PoolMirror, RequestMirror
from lab.tracing.observation import Observer
from lab.tracing.replay_notes import is_replay_note
from lab.tracing.scheduler import TracingScheduler
from lab.tracing.tap import TapReader
from lab.tracing.trace import SteadyReader, StepTrace, decode
from tests.lab import engine_host


def make_scheduler(
    directory: Path,
    *,
    num_blocks: int = 40,
    block_size: int = 16,
    max_num_seqs: int = 8,
    budget: int = 256,
    max_model_len: int = 512,
    caches: bool = True,
    kind: type[TracingScheduler] = TracingScheduler,
) -> Any:
    """A scheduler that writes into ``directory``/tap."""
    import torch
    from vllm.engine.arg_utils import EngineArgs
    from vllm.v1.kv_cache_interface import (
        FullAttentionSpec,
        KVCacheConfig,
        KVCacheGroupSpec,
    )
    from vllm.v1.structured_output import StructuredOutputManager

    config = EngineArgs(
        model=str(engine_host.model_dir()),
        max_model_len=max_model_len,
        max_num_seqs=max_num_seqs,
        max_num_batched_tokens=budget,
        block_size=32,
        enforce_eager=True,
        enable_prefix_caching=caches,
        additional_config={"tap_path": str(directory / "tap")},
    ).create_engine_config()
    config.cache_config.block_size = block_size
    config.cache_config.num_gpu_blocks = num_blocks
    spec = FullAttentionSpec(
        block_size=block_size, num_kv_heads=1, head_size=1, dtype=torch.float32
    )
    return kind(
        vllm_config=config,
        kv_cache_config=KVCacheConfig(
            num_blocks=num_blocks,
            kv_cache_tensors=[],
            kv_cache_groups=[KVCacheGroupSpec(["layer"], spec)],
        ),
        structured_output_manager=StructuredOutputManager(config),
        block_size=block_size,
    )


class Driven:
    """A scheduler with whoever follows its traces."""

    def __init__(self, directory: Path, seed: int = 1, **settings: Any) -> None:
        from vllm.utils.hashing import sha256
        from vllm.v1.core.kv_cache_utils import init_none_hash

        init_none_hash(sha256)  # once: it may be another each time
        self.tap = TapReader(directory / "tap")
        self.scheduler = self.make(directory, **settings)
        self.block_size: int = self.scheduler.block_size
        pool = self.scheduler.kv_cache_manager.block_pool
        self.hash_size: int = pool.hash_block_size
        self.mirror = PoolMirror(pool.num_gpu_blocks, self.block_size)
        self.ledger = Ledger()
        self.records: list[bytes] = []
        self.replay_notes: list[bytes] = []
        self.traces: list[StepTrace] = []
        self.finished: list[RequestMirror] = []
        self._steady = SteadyReader()
        self._draw = random.Random(seed)
        self._next_short_id = 1

    def make(self, directory: Path, **settings: Any) -> Any:
        """The scheduler."""
        return make_scheduler(directory, **settings)

    def close(self) -> None:
        self.tap.close()

    def add(
        self,
        prompt: list[int],
        max_tokens: int = 1,
        salt: str | None = None,
        grammar: Any = None,
    ) -> int:
        """A request; its short id. ``grammar``: a Future of it, as vLLM compiles it."""
        from vllm import SamplingParams
        from vllm.sampling_params import StructuredOutputsParams
        from vllm.utils.hashing import sha256
        from vllm.v1.core.kv_cache_utils import get_request_block_hasher
        from vllm.v1.request import Request

        short_id, self._next_short_id = self._next_short_id, self._next_short_id + 1
        choices = None if grammar is None else StructuredOutputsParams(choice=["a"])
        sampling = SamplingParams(
            max_tokens=max_tokens, ignore_eos=True, structured_outputs=choices
        )
        request = Request(
            request_id=f"{short_id}-0123abcd",
            prompt_token_ids=prompt,
            sampling_params=sampling,
            pooling_params=None,
            cache_salt=salt,
            block_hasher=get_request_block_hasher(self.hash_size, sha256),
        )
        if grammar is not None:
            request.structured_output_request.grammar = grammar
        self.scheduler.add_request(request)
        return short_id

    def step(self) -> None:
        """One step, and what it told."""
        from vllm.v1.outputs import ModelRunnerOutput

        output = self.scheduler.schedule()
        req_ids = list(output.num_scheduled_tokens)
        requests = [self.scheduler.requests[req_id] for req_id in req_ids]
        sampled = [
            [self._draw.randrange(1000)] if one.num_computed_tokens >= one.num_tokens
            else []
            for one in requests
        ]  # fmt: skip
        index = {req_id: at for at, req_id in enumerate(req_ids)}
        model_output = ModelRunnerOutput(req_ids, index, sampled_token_ids=sampled)
        self.scheduler.update_from_output(output, model_output)
        self.follow()

    def follow(self) -> None:
        """Read the tap."""
        for record in self.tap.read():
            if is_replay_note(record):
                self.replay_notes.append(record)
                continue
            full = self._steady.expand(record)
            assert full is not None
            self.records.append(full)
            trace = decode(full)
            assert self.mirror.follows(trace)
            self.finished += self.mirror.apply(trace)
            self.ledger.note(trace, self.mirror)
            self.traces.append(trace)

    def state(self, own: Sequence[int] = (), block_id: int | None = None) -> LiveState:
        """What an engine host would say now."""
        mirror = PoolMirror(self.mirror.num_blocks, self.block_size)
        chronicle = Chronicle(mirror.num_blocks)
        for record in self.records:
            trace = decode(record)
            chronicle.note(trace, mirror.apply(trace), mirror)
        state = Observer("a", 1, mirror, chronicle).observe(own, block_id)
        assert state is not None
        return state

    def run(self, most_steps: int = 10_000) -> None:
        """Until nobody is left."""
        while self.scheduler.requests and most_steps:
            self.step()
            most_steps -= 1
        assert not self.scheduler.requests

    def serve(self, prompt: list[int], max_tokens: int = 1, **settings: Any) -> int:
        """One request, alone, to its end; its short id."""
        short_id = self.add(prompt, max_tokens, **settings)
        self.run()
        return short_id
