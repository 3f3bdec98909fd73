"""What one step of a model reads and computes: weights, KV cache, arithmetic.

Of the input embeddings a step looks up one row a token, so they count only where they
are the output head as well. Of experts it reads those that some token chose.
"""

from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache

from planning.catalog.gpus import Gpu
from planning.memory.engine_settings import EngineSettings
from planning.memory.kv_groups import Kind, Spec
from planning.memory.layer_caches import caches_of
from planning.memory.model import Model
from planning.memory.quantization import FP8, FP8_BLOCK
from planning.memory.split import Split
from planning.memory.tensors import Tensor, end_tensors, layer_tensors

_LOOKED_UP, _EXPERTS, _ROUTER = "embedding", "experts", "router"
FLOPS_PER_PARAMETER = 2
"""A multiplication and an addition, for each token."""


def active_params(model: Model) -> float:
    """Parameters that each token is multiplied with; of experts the chosen ones.

    The arithmetic of attention itself, which grows with the context, is not in it.
    """
    chosen = [t for t in _read(_with_experts(model)) if t.part != _ROUTER]
    routers = [t for t in _read(model) if t.part == _ROUTER]
    return sum(t.num_values for t in (*chosen, *routers))


def weight_read_bytes(model: Model, batch: int = 1, tp: int = 1) -> float:
    """Bytes of weights that one of ``tp`` GPUs reads in a step of ``batch`` tokens.

    Experts by the number that so many tokens are expected to choose among them, each
    ``top_k`` at random: n × (1 − (1 − k ÷ n)^batch). Routers that send most tokens to a
    few experts read less.
    """
    whole = _bytes_by_part(model, tp)
    moe = model.moe
    if moe is None or moe.num_experts <= moe.top_k:
        return sum(size for _, size in whole)
    sparse = dict(_bytes_by_part(_with_experts(model), tp))[_EXPERTS]
    rest = sum(size for part, size in whole if part != _EXPERTS)
    chosen = moe.num_experts * (1 - (1 - moe.top_k / moe.num_experts) ** batch)
    share = (chosen - moe.top_k) / (moe.num_experts - moe.top_k)
    return rest + sparse + share * (dict(whole)[_EXPERTS] - sparse)


def kv_read_bytes(settings: EngineSettings, num_tokens: int) -> float:
    """Bytes of cache that one GPU moves for the next token of a request so long.

    Windows read what they reach; states are read and written. Sparse
    attention is counted as if it read all.
    """
    model = settings.model
    found = 0.0
    for cache in caches_of(settings):
        if cache.spec.kind is Kind.STATE:
            assert model.state is not None
            found += 2 * model.state.state_bytes(settings.tp, settings.element_bytes)
        else:
            found += _attended(cache.spec, num_tokens) * _token_bytes(cache.spec)
    return found


def dense_flops(gpu: Gpu, model: Model) -> float:
    """FLOP/s of the card at the number format that the model is computed in.

    FP8 weights are computed in FP8 where the card can; formats of fewer bits and
    integers are counted as 16 bit, into which most kernels unpack them.
    """
    is_fp8 = model.scheme.id in (FP8.id, FP8_BLOCK.id)
    tflops = gpu.bf16_dense_tflops or gpu.fp16_dense_tflops
    if is_fp8 and gpu.fp8_dense_tflops:
        tflops = gpu.fp8_dense_tflops
    return tflops * 1e12


def _attended(spec: Spec, num_tokens: int) -> int:
    if spec.kind is Kind.WINDOW:
        return min(spec.reach, num_tokens)
    if spec.kind is Kind.CHUNK:
        return (num_tokens - 1) % spec.reach + 1
    return num_tokens


def _token_bytes(spec: Spec) -> float:
    return spec.page_bytes / spec.block_size


def _with_experts(model: Model) -> Model:
    """With as many experts as one token chooses."""
    if model.moe is None:
        return model
    return replace(model, moe=replace(model.moe, num_experts=model.moe.top_k))


def _read(model: Model, tp: int = 1) -> Iterable[Tensor]:
    """Tensors of one GPU that a step multiplies with; copies and tables hold none."""
    ends = end_tensors(model, Split(tp), is_padded=False)
    for tensor in (*layer_tensors(model, Split(tp)), *ends):
        is_looked_up = tensor.part == _LOOKED_UP and not model.tie_word_embeddings
        if tensor.num_values and not is_looked_up:
            yield tensor


@lru_cache(maxsize=256)
def _bytes_by_part(model: Model, tp: int) -> tuple[tuple[str, float], ...]:
    parts: dict[str, float] = {}
    for tensor in _read(model, tp):
        parts[tensor.part] = parts.get(tensor.part, 0.0) + tensor.num_bytes
    return tuple(parts.items())
