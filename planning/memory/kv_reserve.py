"""What vLLM reserves for a request beyond its tokens: steps under way and states."""

from planning.interval import Interval
from planning.memory.engine_settings import EngineSettings
from planning.memory.state_layers import StateKind
from planning.memory.versions import version_of

SETTLED_SINCE = (0, 26)
"""Since then the blocks of steps under way count as held, two with asynchronous
scheduling; before, of one step (vLLM pull request 47728, 2026-07; 0.26.0 and 0.32)."""
STATE_CACHING_SINCE = (0, 27)
"""Since then prefix caching is on for layers with a state too, which takes two pages
(vLLM pull request 50991, merged 2026-08; read in 0.32, opt-in in 0.26.0)."""
STATES_READ = ((0, 26), (0, 32))
"""Versions whose pages of a state were read; between them either may hold."""
CHECKPOINTS_SINCE = (0, 33)
"""Since then FlashInfer's gated delta net hands out a state from inside a prefill: a
page more, and blocks that are multiples of its chunks (0.33.0, mamba/gdn/
qwen_gdn_linear_attn.py and platforms/interface.py, _align_hybrid_block_size)."""
CHECKPOINT_TOKENS = 64
_CHECKPOINT_KEYS = {"hopper": None, "blackwell": 128, "blackwell-rtx": 128}
"""Cards on which FlashInfer computes it, with CUDA 13 on Blackwell as vLLM's wheel has
it, and the size of a head's keys that it needs there; None: any."""
_NEW_RUNNER_SINCE = (0, 27)


def in_flight_tokens(settings: EngineSettings) -> int:
    """Tokens that may be scheduled and not yet settled.

    vLLM, config/vllm.py (max_concurrent_batches): two steps with asynchronous
    scheduling, one a stage and one more with several; the old model runner, which
    0.26 keeps for experts, has no asynchronous scheduling with several stages.
    """
    version = version_of(settings.vllm_version)
    if version < SETTLED_SINCE:
        return settings.max_num_batched_tokens
    is_old_runner = version < _NEW_RUNNER_SINCE and (
        settings.model.moe is not None or settings.model.state is not None
    )
    steps = settings.pp
    if settings.pp == 1 or not is_old_runner:
        steps += 1
    return steps * settings.max_num_batched_tokens


def state_pages(settings: EngineSettings) -> Interval:
    """Pages of a state that one request holds, with one for each drafted token."""
    drafted = Interval.exact(settings.num_drafted_tokens)
    return settled_pages(settings) + drafted


def settled_pages(settings: EngineSettings) -> Interval:
    """Without speculative decoding: of vLLM's modes none and align.

    vLLM, v1/kv_cache_interface.py (MambaSpec.max_memory_usage_bytes) and
    model_executor/models/config.py (MambaModelConfig).
    """
    model, version = settings.model, version_of(settings.vllm_version)
    if model.state is None or model.attention_layers == frozenset():
        return Interval.exact(1)
    is_cached = settings.enable_prefix_caching
    if is_cached is None:
        is_cached = version >= STATE_CACHING_SINCE
    if not is_cached:
        return Interval.exact(1)
    is_exported = model.state.kind in (StateKind.MAMBA2, StateKind.KDA)
    most = 2 + (is_exported or _has_checkpoints(settings))
    if version >= STATES_READ[1]:
        is_sure = model.state.kind is not StateKind.KDA
        return Interval.exact(most) if is_sure else Interval(2, most, most)
    if version <= STATES_READ[0]:
        return Interval.exact(2)
    least = 2 if settings.enable_prefix_caching else 1
    return Interval(least, 2, most)


def block_multiple(settings: EngineSettings) -> int:
    """Tokens that blocks beside states are a multiple of, for their checkpoints."""
    is_cached = settled_pages(settings).value > 1
    return CHECKPOINT_TOKENS if is_cached and _has_checkpoints(settings) else 1


def _has_checkpoints(settings: EngineSettings) -> bool:
    """Whether this card's gated delta net hands out states inside a prefill."""
    state = settings.model.state
    if state is None or state.kind is not StateKind.GATED_DELTA_NET:
        return False
    if version_of(settings.vllm_version) < CHECKPOINTS_SINCE:
        return False
    if settings.arch not in _CHECKPOINT_KEYS:
        return False
    return _CHECKPOINT_KEYS[settings.arch] in (None, state.state_size)
