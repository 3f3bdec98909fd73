"""Memory besides weights and KV cache: what no config.json states, estimated.

vLLM runs the model once with a full batch before it sizes the KV cache, and takes the
highest level that torch reached. Two moments compete for it:

- the sampler's warm-up: of ``max_num_seqs`` rows of logits there are one 16-bit and
  three 32-bit copies at once (logits, probabilities, random numbers), 3.5 times
  rows × vocabulary × 4 bytes. It wins wherever the vocabulary is large.
- the widest layer of the forward pass over ``max_num_batched_tokens`` tokens: gate, up
  and their product in an MLP, and in MLA the keys and values of 65,536 tokens expanded
  to all heads. It wins for small vocabularies.

Experts add their two workspaces, which stay from the forward pass on. What is left over
was fitted to logs of vLLM 0.19 on an H100 (llm-d-planner, 2026-04): 0.115 GiB and one
copy of the hidden states. Code read: vLLM 0.32, v1/worker/gpu_model_runner.py
(profile_run), fused_moe/experts/triton_moe.py (workspace_shapes),
layers/attention/mla_attention.py.
"""

from dataclasses import dataclass

from lab.planning.interval import GIB, Interval
from lab.planning.model import Model
from lab.planning.settings import Regime, Settings
from lab.planning.weights import padded_vocab, stage_layers

BASE_GIB = 0.115
"""Fitted: the activation peak that neither logits nor tokens explain."""
LOGITS_COPIES = 3.5
"""In units of 32-bit logits, since v0.17."""
LOGITS_COPIES_OLD = 9.4
"""Up to v0.16, from one published pair: Qwen3-14B 5.64 GiB before, 2.23 GiB after."""
MLA_WORKSPACE_TOKENS = 65_536
_ELEMENT = 2
_LOGIT = 4

ACTIVATION_DOUBT_GIB = 0.15
"""Half the interval for a dense text model; leaving each log out in turn, the largest
error was 0.06 GiB (tests/lab/planning/test_calibration.py)."""
ACTIVATION_DOUBT_SHARE = 0.04
UNLIKE_DOUBT_GIB = 0.25
VISION_DOUBT_GIB = 0.5
REGIME_DOUBT_SHARE = {
    Regime.OLD_SAMPLER: 0.3,
    Regime.GRAPHS_OUTSIDE: 0.0,
    Regime.GRAPHS_BUDGETED: 0.1,
}
"""More of the peak for the versions whose logs were not read."""
OTHER_GPU_DOUBT_SHARE = 0.1

NON_TORCH_GIB = {
    1: Interval(0.2, 0.26, 0.6),
    2: Interval(1.9, 2.08, 2.25),
    4: Interval(2.0, 2.17, 2.35),
    8: Interval(1.9, 2.3, 2.9),
}
"""CUDA context and communication by GPUs, H100 with NVLink, vLLM 0.19: published
0.24 to 0.46, about 2.07 and 2.13 to 2.21; eight GPUs by extension."""
OTHER_NON_TORCH_GIB = {1: Interval(0.1, 0.26, 0.7), 2: Interval(0.3, 1.2, 2.4)}
"""Of cards without such logs: from 2 GPUs on little is known."""

GRAPHS_BASE_GIB = 0.45
GRAPHS_PER_LAYER_GIB = 0.0145
"""Fitted: 28 to 80 dense layers took 0.86 to 1.61 GiB in vLLM 0.19."""
GRAPHS_DOUBT_GIB = 0.25
GRAPHS_EXPERTS_GIB = 0.8
"""How much more an MoE or MLA model may take: one took 1.57 with 27 layers."""


@dataclass(frozen=True)
class Overhead:
    """Bytes on one GPU, each an estimate with its interval."""

    activation: Interval
    non_torch: Interval
    cuda_graphs: Interval
    are_graphs_budgeted: bool
    """Whether the graphs are taken off the KV cache, or come on top of it."""

    @property
    def budgeted(self) -> Interval:
        """What vLLM takes off before it sizes the KV cache."""
        both = self.activation + self.non_torch
        return both + self.cuda_graphs if self.are_graphs_budgeted else both


def overhead(settings: Settings, rank: int = 0) -> Overhead:
    """On one GPU of pipeline stage ``rank`` (from 0)."""
    return Overhead(
        activation_peak(settings, rank),
        non_torch(settings),
        cuda_graphs(settings, rank),
        settings.regime is Regime.GRAPHS_BUDGETED,
    )


def activation_peak(settings: Settings, rank: int = 0) -> Interval:
    """Highest level of torch's memory over the weights in the profiling run."""
    hidden = settings.max_num_batched_tokens * settings.model.hidden_size * _ELEMENT
    is_last = rank == settings.pp - 1
    sampler = _sampler_bytes(settings) if is_last else 0.0
    peak = BASE_GIB * GIB + hidden + _expert_workspaces(settings)
    peak += max(sampler, _forward_bytes(settings) + hidden)
    if settings.model.vision_params:
        peak += 2 * hidden  # embeddings of text and image, merged
    below, above = _activation_doubt(settings, peak)
    return Interval.around(peak, below, above)


def _sampler_bytes(settings: Settings) -> float:
    rows = min(settings.max_num_seqs, settings.max_num_batched_tokens)
    is_old = settings.regime is Regime.OLD_SAMPLER
    copies = LOGITS_COPIES_OLD if is_old else LOGITS_COPIES
    return copies * rows * padded_vocab(settings.model) * _LOGIT


def _forward_bytes(settings: Settings) -> float:
    """The widest layer: gate, up and product of an MLP, or MLA's expanded keys."""
    model, tokens = settings.model, settings.max_num_batched_tokens
    mlp = 0.0
    if model.moe is None or len(model.moe.layers) < model.num_hidden_layers:
        mlp = 3 * model.intermediate_size / settings.tp * tokens * _ELEMENT
    return max(mlp, _mla_bytes(settings))


def _mla_bytes(settings: Settings) -> float:
    mla = settings.model.mla
    if mla is None:
        return 0.0
    whole = max(8 * settings.max_model_len, 4 * settings.max_num_seqs * 16)
    tokens = min(whole, MLA_WORKSPACE_TOKENS)
    heads = settings.model.num_attention_heads / settings.tp
    return tokens * heads * (mla.qk_nope_head_dim + mla.v_head_dim) * _ELEMENT


def _expert_workspaces(settings: Settings) -> float:
    model = settings.model
    if model.moe is None:
        return 0.0
    inner = model.moe.intermediate_size / settings.tp
    width = max(2 * inner, model.hidden_size) + max(inner, model.hidden_size)
    rows = settings.max_num_batched_tokens * model.moe.top_k
    return rows * width * _ELEMENT


def _activation_doubt(settings: Settings, peak: float) -> tuple[float, float]:
    model = settings.model
    doubt = ACTIVATION_DOUBT_GIB * GIB + ACTIVATION_DOUBT_SHARE * peak
    if model.moe or model.mla or model.is_hybrid:
        doubt += UNLIKE_DOUBT_GIB * GIB
    doubt += REGIME_DOUBT_SHARE[settings.regime] * peak
    if not settings.is_calibrated_gpu or model.is_guessed:
        doubt += OTHER_GPU_DOUBT_SHARE * peak
    return doubt, doubt + (VISION_DOUBT_GIB * GIB if model.vision_params else 0.0)


def non_torch(settings: Settings) -> Interval:
    """CUDA context and communication buffers."""
    table = NON_TORCH_GIB if settings.is_calibrated_gpu else OTHER_NON_TORCH_GIB
    known = max(number for number in table if number <= settings.num_gpus)
    return table[known].times(GIB)


def cuda_graphs(settings: Settings, rank: int = 0) -> Interval:
    """Captured graphs of all batch sizes; none when eager."""
    if settings.enforce_eager:
        return Interval.exact(0)
    first, last = stage_layers(settings.model.num_hidden_layers, settings.pp)[rank]
    size = GRAPHS_BASE_GIB + GRAPHS_PER_LAYER_GIB * (last - first)
    more = GRAPHS_EXPERTS_GIB * _is_unlike_dense(settings.model)
    found = Interval.around(size, GRAPHS_DOUBT_GIB, GRAPHS_DOUBT_GIB + more)
    return found.times(GIB)


def _is_unlike_dense(model: Model) -> bool:
    return bool(model.moe or model.mla or model.is_guessed)
