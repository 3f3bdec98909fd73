"""The layers of a stage: KV-cache groups of a made-up model, as a recording tells them.

Layers that were alike are alike here, and no two others; what else a layer has decides
about memory alone, of which none is taken.
"""

from typing import Any

import torch
from vllm.v1.kv_cache_interface import (
    ChunkedLocalAttentionSpec,
    FullAttentionSpec,
    KVCacheGroupSpec,
    MambaSpec,
    SlidingWindowSpec,
)

from lab.tracing.group_replay import STATE_MODES
from lab.tracing.groups import GroupKind
from lab.tracing.replay_notes import ReplayGroup, ReplaySettings


def group_specs(settings: ReplaySettings) -> list[Any]:
    """vLLM's description of each group; one of full attention where none is told."""
    plain = ReplayGroup(GroupKind.FULL, settings.block_size, 0, 0, 0)
    return [
        KVCacheGroupSpec([f"layer {at}"], _spec(group))
        for at, group in enumerate(settings.groups or (plain,))
    ]


def set_cache_config(config: Any, settings: ReplaySettings) -> None:
    """Where the scheduler looks at vLLM's CacheConfig."""
    states = [g for g in settings.groups if g.kind == GroupKind.STATE]
    sizes = [group.block_size for group in states or settings.groups]
    config.block_size = sizes[0] if sizes else settings.block_size
    if states:
        config.mamba_cache_mode = STATE_MODES[states[0].state_mode]


def _spec(group: ReplayGroup) -> Any:
    if group.kind == GroupKind.STATE:
        return MambaSpec(
            block_size=group.block_size,
            shapes=((group.alike + 1,),),
            dtypes=(torch.float32,),
            mamba_cache_mode=STATE_MODES[group.state_mode],
        )
    kinds: dict[int, tuple[Any, dict[str, int]]] = {
        GroupKind.FULL: (FullAttentionSpec, {"sliding_window": group.window}),
        GroupKind.WINDOW: (SlidingWindowSpec, {"sliding_window": group.window}),
        GroupKind.CHUNK: (
            ChunkedLocalAttentionSpec,
            {"attention_chunk_size": group.window},
        ),
    }
    kind, looks_at = kinds[group.kind]
    return kind(
        block_size=group.block_size,
        num_kv_heads=1,
        head_size=group.alike + 1,
        dtype=torch.float32,
        **{name: value for name, value in looks_at.items() if value},
    )
