"""Stage: vLLM's scheduler and block pool set up without a model.

The scheduler is the lab's tracing one, so that a rehearsal tells of itself as an engine
does. Its configuration is that of a made-up model, of which the scheduler sees no more
than the longest length: nothing is loaded, and no memory for blocks is taken.
"""

import json
import logging
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from vllm import SamplingParams
from vllm.engine.arg_utils import EngineArgs
from vllm.v1.core.kv_cache_utils import BlockHash
from vllm.v1.kv_cache_interface import KVCacheConfig
from vllm.v1.request import Request
from vllm.v1.structured_output import StructuredOutputManager

from lab.rehearsal.group_stage import group_specs, set_cache_config
from lab.rehearsal.script import Part
from lab.tracing.replay_notes import ReplaySettings
from lab.tracing.scheduler import TracingScheduler
from lab.tracing.steady_steps import SteadySteps

STOP_TOKEN, OTHER_TOKEN = 1, 0
CONFIG_BLOCK_SIZE = 32
"""What every build takes; the scheduler gets the one that is asked for."""


class Tap:
    """The tap of a rehearsal: its records, in a list."""

    is_enabled = True
    is_snapshot_wanted = False

    def __init__(self) -> None:
        self.records: list[bytes] = []

    def is_calm(self) -> bool:
        """Whether what it gets so far is wanted."""
        return True

    def mark_snapshot_served(self) -> None:
        """It tells all once, as it begins."""

    def write(self, record: bytes) -> None:
        """One record."""
        self.records.append(record)


class RehearsedScheduler(TracingScheduler):
    """Writes into a list; says so from ``begin`` on."""

    def begin(self, tap: Tap, step: int) -> None:
        """Tell all that is, as of this call of schedule(), and then what changes."""
        self._tap = tap  # type: ignore[assignment]
        self._steps = SteadySteps(tap, step)
        self._follow_switch()


def set_up(settings: ReplaySettings) -> RehearsedScheduler:
    """A scheduler with an empty pool."""
    logging.getLogger("vllm").setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory() as directory:
        config = _config(Path(directory), settings)
    size, num_blocks = settings.block_size, settings.num_blocks
    set_cache_config(config.cache_config, settings)
    config.cache_config.num_gpu_blocks = num_blocks
    config.scheduler_config.async_scheduling = bool(settings.is_async)
    if hasattr(config.scheduler_config, "watermark"):
        config.scheduler_config.watermark = settings.watermark_ppm / 1e6
    scheduler = RehearsedScheduler(
        vllm_config=config,
        kv_cache_config=KVCacheConfig(num_blocks, [], group_specs(settings)),
        structured_output_manager=StructuredOutputManager(config),
        block_size=size,
        hash_block_size=settings.hash_size,
    )
    scheduler.use_v2_model_runner = bool(settings.has_v2_runner)
    return scheduler


def _config(directory: Path, settings: ReplaySettings) -> Any:
    model = {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_size": 64,
        "intermediate_size": 64,
        "num_hidden_layers": 1,
        "num_attention_heads": 1,
        "num_key_value_heads": 1,
        "vocab_size": 128,
        "max_position_embeddings": settings.max_model_len,
        "torch_dtype": "float32",
    }
    (directory / "config.json").write_text(json.dumps(model))
    return EngineArgs(
        model=str(directory),
        skip_tokenizer_init=True,
        max_model_len=settings.max_model_len,
        max_num_seqs=settings.max_num_seqs,
        max_num_batched_tokens=settings.max_num_batched_tokens,
        block_size=CONFIG_BLOCK_SIZE,
        enable_prefix_caching=bool(settings.has_prefix_caching),
        enable_chunked_prefill=bool(settings.has_chunked_prefill),
        long_prefill_token_threshold=settings.long_prefill_token_threshold,
        scheduling_policy="priority" if settings.is_by_priority else "fcfs",
        enforce_eager=True,
    ).create_engine_config()


def request_of(part: Part, settings: ReplaySettings) -> Request:
    """The request with as many tokens, and hashes that are equal where the recorded
    ones were; what it said is not known here."""
    arrival = part.arrival
    sampling = SamplingParams(
        max_tokens=max(1, arrival.max_tokens),
        ignore_eos=True,
        detokenize=False,
        stop_token_ids=[STOP_TOKEN],
        skip_reading_prefix_cache=bool(arrival.flags & 1),
    )
    return Request(
        request_id=f"{arrival.short_id}-00000000",
        prompt_token_ids=[OTHER_TOKEN] * arrival.num_prompt_tokens,
        sampling_params=sampling,
        pooling_params=None,
        arrival_time=arrival.arrival_ns / 1e9,
        priority=arrival.priority,
        block_hasher=hasher_of(part, settings),
    )


def hasher_of(
    part: Part, settings: ReplaySettings
) -> Callable[[Request], list[BlockHash]]:
    """Gives each whole block the name of the beginning that ends with it."""
    size = settings.hash_size
    per_block = size // settings.granule
    short_id, names = part.arrival.short_id, part.names

    def hashes(request: Request) -> list[BlockHash]:
        first = len(request.block_hashes)
        end = request.num_tokens // size
        return [hash_of(index) for index in range(first, end)]

    def hash_of(index: int) -> BlockHash:
        at = (index + 1) * per_block - 1
        if at < len(names):
            return named_hash(names[at])
        return BlockHash(b"own" + short_id.to_bytes(8) + index.to_bytes(21))

    return hashes


def named_hash(name: int) -> BlockHash:
    """The hash of all blocks that end the beginning of this name."""
    return BlockHash(name.to_bytes(32))
