"""Memory besides weights and KV cache: what no config.json states, estimated.

The activation peak is in ``activations``; here are the CUDA context with the
buffers of communication, and the CUDA graphs. Read: vLLM 0.32, v1/worker/gpu_worker.py
(determine_available_memory); figures from llm-d-planner's logs of vLLM 0.15 to 0.19 on
H100s and from the other logs of catalog/vllm_logs_others.yaml.
"""

import math
from dataclasses import dataclass

from planning.interval import GIB, Interval
from planning.memory.activations import activation_peak
from planning.memory.engine_settings import EngineSettings
from planning.memory.model import Model
from planning.memory.versions import GRAPHS_IN_V2, V2, Regime, version_of
from planning.memory.weights import stage_layers

FUSED_SINCE = (0, 17)
PLAIN_UNTIL = (0, 11)
"""Between the two no log of several GPUs was read."""
FUSED_ARCHS = ("hopper", "blackwell")
"""Where vLLM fuses all-reduce and norm, with FlashInfer's workspace of 2 GiB."""
FUSED_NON_TORCH_GIB = {
    1: Interval(0.1, 0.26, 0.6),
    2: Interval(1.9, 2.08, 2.25),
    4: Interval(2.0, 2.17, 2.35),
    8: Interval(1.9, 2.3, 2.9),
}
"""CUDA context and communication by GPUs of a tensor-parallel group, H100 with NVLink,
vLLM 0.19: published 0.24 to 0.46, 2.06 to 2.10 and 2.13 to 2.21; eight by extension."""
PLAIN_NON_TORCH_GIB = {
    1: Interval(0.02, 0.13, 0.5),
    2: Interval(0.1, 0.45, 1.5),
    4: Interval(0.1, 0.6, 1.6),
    8: Interval(0.2, 0.9, 2.4),
}
"""Without that workspace: 0.13 on one H100 (vLLM 0.11 to 0.17), 0.54 and 0.55 on two;
0.30 on two L40S; 0.06 and 0.35 on an RTX 3090."""
NEWER_SINCE = (0, 21)
NEWER_NON_TORCH_GIB = {
    1: Interval(0.2, 0.43, 0.7),
    2: Interval(0.2, 0.75, 1.8),
    4: Interval(0.2, 0.9, 1.9),
    8: Interval(0.3, 1.2, 2.7),
}
"""The same since 0.21, which counts all that is consumed (torch's reserve too): 0.26 on
an A100 (0.31.0), 0.56 on an RTX 3090 under WSL2 (0.27.1). Fitted to the logs of
vllm_logs_2026.yaml; several cards by extension."""
UNKNOWN_NON_TORCH_GIB = Interval(0.2, 1.4, 2.4)
"""Several Hopper or Blackwell cards from 0.12 to 0.16: either may be."""
GROUPS_DOUBT_GIB = 1.0
"""Of data parallelism with experts, above: no log of it was read."""
STAGES_NON_TORCH_GIB = Interval(0.05, 0.2, 0.6)
"""Pipeline stages of one GPU: their buffers come after the profile; 0.07 published."""

GRAPHS_BASE_GIB = 0.45
GRAPHS_PER_LAYER_GIB = 0.0145
"""Fitted: 28 to 80 dense layers took 0.86 to 1.61 GiB in vLLM 0.19."""
GRAPHS_DOUBT_GIB = 0.25
MAX_CAPTURED = 512
"""Requests of the largest batch captured; mixed batches hold up to twice as many."""
GRAPHS_FIRST_SHARE = 0.15
"""Of it all, what the first capture takes however many follow."""
GRAPHS_EXPERTS_GIB = 0.8
"""How much more an MoE or MLA model may take: one took 1.57 with 27 layers."""
GRAPHS_DRAFTER_GIB = 0.5
"""How much more a drafter's own graphs may take; no log of it was read."""
GRAPHS_GUESSED_GIB = 0.35
"""vLLM's own guess, which it takes off, against the same formula: 17 logs, 0.57 GiB
more to 0.36 less."""


COLD_GIB = 1.13
"""What compiling at the start may leave, where the cache is cold: two starts with the
same settings had 4.34 and 5.47 GiB of KV cache (one pair of logs, after 0.21)."""
UNTOLD_COLD_GIB = COLD_GIB / 2
"""Where nobody says whether it is cold. A start on an A100 that did compile (0.31.0)
had only 0.2 GiB less than is estimated."""


@dataclass(frozen=True)
class Overhead:
    """Bytes on one GPU, each an estimate with its interval."""

    activation: Interval
    non_torch: Interval
    cuda_graphs: Interval
    are_graphs_budgeted: bool
    """Whether the graphs are taken off the KV cache, or come on top of it."""
    cold_start: Interval
    """What compiling leaves: nothing with a warm cache, which the estimate assumes."""

    @property
    def budgeted(self) -> Interval:
        """What vLLM takes off before it sizes the KV cache.

        The parts err independently of each other, so their doubts add up as squares;
        the logs left out lie within (tests/planning/memory/test_calibration.py).
        """
        parts = [self.activation, self.non_torch, self.cold_start]
        if self.are_graphs_budgeted:
            parts.append(self.cuda_graphs)
        return Interval.independent_sum(*parts)


def overhead(settings: EngineSettings, rank: int = 0) -> Overhead:
    """On one GPU of pipeline stage ``rank`` (from 0)."""
    return Overhead(
        activation_peak(settings, rank),
        non_torch(settings),
        cuda_graphs(settings, rank),
        are_graphs_budgeted(settings),
        cold_start(settings),
    )


def are_graphs_budgeted(settings: EngineSettings, runner: int | None = None) -> bool:
    """Whether this version takes the graphs off before it sizes the KV cache.

    By the likeliest model runner where none is named.
    """
    if settings.regime not in (Regime.GRAPHS_BUDGETED, Regime.NEW_RUNNER):
        return False
    is_v2 = (runner or settings.model_runners[0]) == V2
    return not is_v2 or version_of(settings.vllm_version) >= GRAPHS_IN_V2


def cold_start(settings: EngineSettings) -> Interval:
    """None with a warm cache or without compiling; else up to COLD_GIB."""
    is_new = version_of(settings.vllm_version) >= NEWER_SINCE
    if settings.enforce_eager or settings.is_cold is False or not is_new:
        return Interval.exact(0)
    if settings.is_cold is None:
        return Interval(0.0, 0.0, UNTOLD_COLD_GIB).times(GIB)
    return Interval(0.0, COLD_GIB / 2, COLD_GIB).times(GIB)


def non_torch(settings: EngineSettings) -> Interval:
    """CUDA context and communication buffers."""
    version = version_of(settings.vllm_version)
    may_fuse = settings.arch in FUSED_ARCHS and settings.regime is not Regime.V0
    table = PLAIN_NON_TORCH_GIB
    if settings.tp == 1 and settings.pp > 1:
        return STAGES_NON_TORCH_GIB.times(GIB)
    if may_fuse and version >= FUSED_SINCE:
        table = FUSED_NON_TORCH_GIB
    elif version >= NEWER_SINCE:
        table = NEWER_NON_TORCH_GIB
    elif may_fuse and version > PLAIN_UNTIL and settings.tp > 1:
        return UNKNOWN_NON_TORCH_GIB.times(GIB)
    number = settings.split.num_expert_gpus if settings.model.moe else settings.tp
    known = max(size for size in table if size <= number)
    return _with_groups(settings, table[known]).times(GIB)


def _with_groups(settings: EngineSettings, size: Interval) -> Interval:
    """With the buffers of the groups that experts' tokens pass through.

    Data parallelism adds a group that is not the tensor-parallel one, and its fused
    all-reduce is missing where that has one GPU.
    """
    if settings.dp == 1 or not settings.model.moe:
        return size
    alone = PLAIN_NON_TORCH_GIB[1]
    low = alone.low if settings.tp == 1 else size.low
    return Interval(low, size.value, size.high + GROUPS_DOUBT_GIB)


def cuda_graphs(settings: EngineSettings, rank: int = 0) -> Interval:
    """Captured graphs of all batch sizes; none when eager."""
    if settings.enforce_eager:
        return Interval.exact(0)
    first, last = stage_layers(settings.model.num_hidden_layers, settings.pp)[rank]
    size = GRAPHS_BASE_GIB + GRAPHS_PER_LAYER_GIB * (last - first)
    more = GRAPHS_EXPERTS_GIB * _is_unlike_dense(settings.model)
    more += GRAPHS_DRAFTER_GIB if settings.drafter else 0.0
    more += size if settings.loras else 0.0  # captured with and without adapters
    doubt = GRAPHS_DOUBT_GIB
    if are_graphs_budgeted(settings):
        doubt = math.hypot(doubt, GRAPHS_GUESSED_GIB)
    is_sure = all(are_graphs_budgeted(settings, r) for r in settings.model_runners)
    share = GRAPHS_FIRST_SHARE + (1 - GRAPHS_FIRST_SHARE) * _captured(settings)
    below = doubt if is_sure or not are_graphs_budgeted(settings) else size
    return Interval.around(size, below, doubt + more).times(share * GIB)


def _captured(settings: EngineSettings) -> float:
    """Graphs of mixed and of decoding batches, as a share of the most there can be."""
    mixed = num_captured(2 * settings.max_num_seqs)
    return (mixed + num_captured(settings.max_num_seqs)) / (2 * num_captured())


def num_captured(most: int = MAX_CAPTURED) -> int:
    """Batch sizes that vLLM captures up to ``most``: 1, 2, 4, 8 … 248, 256, 272 … 512.

    vLLM 0.32, config/vllm.py (_set_cudagraph_sizes).
    """
    sizes = (1, 2, 4, *range(8, 256, 8), *range(256, MAX_CAPTURED + 1, 16))
    return sum(1 for size in sizes if size <= most)


def _is_unlike_dense(model: Model) -> bool:
    return bool(model.moe or model.mla or model.is_guessed)
