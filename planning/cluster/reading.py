"""What one GPU reads in a step of decoding, and how fast it computes at most."""

from planning.catalog.gpus import Gpu
from planning.memory.engine_settings import EngineSettings
from planning.memory.kv_groups import Kind, Spec
from planning.memory.layer_caches import caches_of
from planning.memory.model import Model
from planning.memory.quantization import FP8, FP8_BLOCK
from planning.service.model_cost import weight_cost


def weight_read_bytes(model: Model, batch: int = 1, tp: int = 1) -> float:
    """Bytes of weights that one of ``tp`` GPUs reads in a step of ``batch`` tokens."""
    return weight_cost(model, tp).read_weights(batch) / tp


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
