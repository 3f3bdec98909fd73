"""The activation peak of the profiling run: what torch held above the weights.

vLLM runs the model once with a full batch before it sizes the KV cache, and takes the
highest level that torch reached. Two moments compete for it:

- the sampler's warm-up: so many copies of ``max_num_seqs`` rows of logits at once, in
  units of rows × vocabulary × 4 bytes. It wins wherever the vocabulary is large.
- the widest layer of the forward pass over ``max_num_batched_tokens`` tokens: gate, up
  and their product in an MLP, and in MLA the keys and values of 65,536 tokens expanded
  to all heads. It wins for small vocabularies.

Since 0.17 experts add their two workspaces, which stay from the forward pass on. What
is left over was fitted to logs of vLLM 0.19 on an H100 (llm-d-planner, 2026-04): 0.115
GiB and one copy of the hidden states. Code read: vLLM 0.32,
v1/worker/gpu_model_runner.py and v1/worker/gpu/model_runner.py (profile_run),
fused_moe/experts/triton_moe.py (workspace_shapes), layers/attention/mla_attention.py.
"""

from planning.interval import GIB, Interval
from planning.memory.engine_settings import EngineSettings
from planning.memory.tensors import padded_vocab
from planning.memory.versions import V2, Regime, version_of

BASE_GIB = 0.115
"""Fitted: the activation peak that neither logits nor tokens explain."""
LOGITS_COPIES = {
    Regime.V0: 7.5,
    Regime.OLD_SAMPLER: 9.4,
    Regime.GRAPHS_OUTSIDE: 3.5,
    Regime.GRAPHS_BUDGETED: 3.5,
    Regime.NEW_RUNNER: 3.5,
}
V2_COPIES = 1.5
"""In units of 32-bit logits. 3.5 is one 16-bit and three 32-bit copies (logits,
probabilities, random numbers), 1.5 one of each: the second model runner. 9.4 is from
one published pair: Qwen3-14B 5.64 GiB up to 0.16, 2.23 GiB after. 7.5 lies amid 6.3 to
8.8, which excerpts of six logs of vLLM 0.6 and 0.7 gave (one with an address: vLLM
issue 15815)."""
DRAFTED_COPIES = 5.0
FLASHINFER_COPIES = 3.5
"""Where FlashInfer samples, nothing is sorted."""
FLASHINFER_DEFAULT_UNTIL = (0, 10)
"""So far FlashInfer sampled wherever it was installed; then only when asked to."""
V0_CHUNKED_FROM = 32_768
"""Contexts above it V0 prefilled in chunks, and its profile then sampled nothing."""
BEFORE_HOPPER = ("ampere", "ada")
MARLIN_SINCE = (0, 21)
MARLIN_GIB, MARLIN_DOUBT_GIB = 0.9, 0.4
"""Fitted: three logs of gpt-oss-20b on L4s (vLLM 0.29.0) have 0.7 to 1.0 GiB less than
is explained otherwise. No source names the cause."""
MLA_WORKSPACE_TOKENS = 65_536
_LOGIT = 4

DOUBT_GIB = 0.15
"""Half the interval for a dense text model; leaving each log out in turn, the largest
error was 0.06 GiB (tests/planning/memory/test_calibration.py)."""
DOUBT_SHARE = 0.04
UNLIKE_DOUBT_GIB = 0.25
VISION_DOUBT_GIB = 0.5
REGIME_DOUBT_SHARE = {
    Regime.V0: 0.15,
    Regime.OLD_SAMPLER: 0.05,
    Regime.GRAPHS_OUTSIDE: 0.0,
    Regime.GRAPHS_BUDGETED: 0.05,
    Regime.NEW_RUNNER: 0.1,
}
"""More of the peak for versions with fewer logs."""
OTHER_GPU_DOUBT_SHARE = 0.1


def activation_peak(settings: EngineSettings, rank: int = 0) -> Interval:
    """Bytes above the weights on one GPU of pipeline stage ``rank`` (from 0)."""
    peaks = [
        _peak(settings, rank, _copies(settings, r)) for r in settings.model_runners
    ]
    peak = peaks[0] + _marlin_bytes(settings)
    model = settings.model
    doubt = DOUBT_GIB * GIB + DOUBT_SHARE * peak
    if model.moe or model.mla or model.is_hybrid:
        doubt += UNLIKE_DOUBT_GIB * GIB
    doubt += REGIME_DOUBT_SHARE[settings.regime] * peak
    if not settings.is_calibrated_gpu or model.is_guessed:
        doubt += OTHER_GPU_DOUBT_SHARE * peak
    below = doubt
    if _may_be_flashinfer(settings):
        below += peak - _peak(settings, rank, FLASHINFER_COPIES)
    above = doubt + (VISION_DOUBT_GIB * GIB if model.vision_params else 0.0)
    below += peaks[0] - min(peaks)
    above += max(peaks) - peaks[0]
    above += _drafted_bytes(settings)
    below += _gathered_bytes(settings)
    if _marlin_bytes(settings):
        below, above = below + MARLIN_DOUBT_GIB * GIB, above + MARLIN_DOUBT_GIB * GIB
    return Interval.around(peak, below, above)


def _peak(settings: EngineSettings, rank: int, copies: float) -> float:
    hidden = _step_bytes(settings, settings.model.hidden_size)
    experts, stay = _expert_workspaces(settings), _do_workspaces_stay(settings)
    sampler = _sampler_bytes(settings, copies) if rank == settings.pp - 1 else 0.0
    forward = hidden + max(_forward_bytes(settings), 0.0 if stay else experts)
    peak = BASE_GIB * GIB + hidden + max(sampler, forward)
    if stay:
        peak += experts
    if settings.model.vision_params:
        peak += 2 * hidden  # embeddings of text and image, merged
    return peak


def _marlin_bytes(settings: EngineSettings) -> float:
    """What stays of repacking MXFP4 experts for cards before Hopper."""
    is_marlin = settings.model.scheme.experts_only and settings.arch in BEFORE_HOPPER
    is_new = version_of(settings.vllm_version) >= MARLIN_SINCE
    return MARLIN_GIB * GIB if is_marlin and is_new else 0.0


def _step_bytes(settings: EngineSettings, width: float) -> float:
    """Of one value of that width for each token of a step."""
    return settings.max_num_batched_tokens * width * settings.element_bytes


def _copies(settings: EngineSettings, runner: int) -> float:
    regime = settings.regime
    if runner == V2:
        return V2_COPIES + 0.5 if settings.is_float32 else V2_COPIES
    if regime is Regime.OLD_SAMPLER and settings.has_flashinfer_sampler:
        return FLASHINFER_COPIES
    if regime is Regime.V0 and settings.max_model_len > V0_CHUNKED_FROM:
        return 0.0
    copies = LOGITS_COPIES[regime]
    return copies + 0.5 if settings.is_float32 else copies


def _drafted_bytes(settings: EngineSettings) -> float:
    """What the warm-up of the check of drafts may take: two rows of logits a request,
    in 16 bit, 32 bit and as probabilities (v1/worker/gpu_model_runner.py,
    _dummy_sampler_run). No log of it was read."""
    if settings.drafter is None:
        return 0.0
    return _sampler_bytes(settings, DRAFTED_COPIES)


def _may_be_flashinfer(settings: EngineSettings) -> bool:
    is_untold = settings.has_flashinfer_sampler is None
    is_old = version_of(settings.vllm_version) <= FLASHINFER_DEFAULT_UNTIL
    return is_untold and is_old and settings.regime is Regime.OLD_SAMPLER


def _sampler_bytes(settings: EngineSettings, copies: float) -> float:
    rows = min(settings.max_num_seqs, settings.max_num_batched_tokens)
    return copies * rows * padded_vocab(settings.model) * _LOGIT


def _forward_bytes(settings: EngineSettings) -> float:
    """The widest layer: gate, up and product of an MLP, or MLA's expanded keys."""
    model = settings.model
    mlp = 0.0
    if model.moe is None or len(model.moe.layers) < model.num_hidden_layers:
        mlp = _step_bytes(settings, 3 * model.intermediate_size / settings.tp)
    return max(mlp, _mla_bytes(settings))


def _mla_bytes(settings: EngineSettings) -> float:
    mla = settings.model.mla
    if mla is None:
        return 0.0
    whole = max(8 * settings.max_model_len, 4 * settings.max_num_seqs * 16)
    tokens = min(whole, MLA_WORKSPACE_TOKENS)
    heads = settings.model.num_attention_heads / settings.tp
    width = mla.qk_nope_head_dim + mla.v_head_dim
    return tokens * heads * width * settings.element_bytes


def _expert_workspaces(settings: EngineSettings) -> float:
    model = settings.model
    if model.moe is None:
        return 0.0
    inner = model.moe.intermediate_size / settings.split.expert_tp
    width = max(2 * inner, model.hidden_size) + max(inner, model.hidden_size)
    return settings.dp * _step_bytes(settings, model.moe.top_k * width)


def _gathered_bytes(settings: EngineSettings) -> float:
    """What the workspaces may be smaller by: the tokens of all data-parallel engines
    meet at the experts, but how many a kernel has room for depends on the backend."""
    split = settings.split
    if split.num_expert_gpus == 1 or (split.dp == 1 and not split.is_expert_parallel):
        return 0.0
    share = 1 - 1 / split.num_expert_gpus
    return _expert_workspaces(settings) * share


def _do_workspaces_stay(settings: EngineSettings) -> bool:
    """The kernels of MXFP4 free theirs, as all did before they were shared."""
    is_new = settings.regime not in (Regime.V0, Regime.OLD_SAMPLER)
    return is_new and not settings.model.scheme.experts_only
