"""What a model of the catalog takes: weights, KV cache, and what a step reads of it."""

from dataclasses import replace

from courseware.computed.shown import Value
from planning.catalog.gpus import gpu
from planning.cluster.decode_step import decode_step
from planning.cluster.reading import weight_read_bytes
from planning.errors import BadSetting
from planning.interval import GIB
from planning.memory.kv_cache import kv_layout
from planning.memory.model import Model
from planning.memory.model_catalog import model as model_of
from planning.memory.quantization import SCHEMES
from planning.memory.ranking import Need, settings_for
from planning.memory.split import Split
from planning.memory.tensors import end_tensors, layer_tensors
from planning.memory.weights import num_params

KIB = 2**10
GB = 1e9
ANY_CARD = "h100-sxm"
"""The bytes of a token are the same on each."""


def find_model(model: str, weights: str = "") -> Model:
    """A model of the catalog, with its own weights or another scheme's."""
    found = model_of(model)
    if not weights:
        return found
    if weights not in SCHEMES:
        known = ", ".join(SCHEMES)
        raise BadSetting("weights", f"there is no {weights!r}: known are {known}.")
    return replace(found, scheme=SCHEMES[weights])


def kv_bytes_per_token(model: Model, kv_cache_dtype: str = "auto") -> int:
    """Bytes of one token in all layers, while no window has passed over it."""
    need = Need(model=model, kv_cache_dtype=kv_cache_dtype, context=16)
    return kv_layout(settings_for(need, gpu(ANY_CARD))).bytes_per_token


def checkpoint_bytes(model: Model) -> float:
    """Bytes of all tensors as the files hold them: nothing padded, nothing rounded."""
    tensors = (*layer_tensors(model), *end_tensors(model, Split(), is_padded=False))
    made = ("rope", "attention copies")
    held = sum(tensor.num_bytes for tensor in tensors if tensor.part not in made)
    return held + 2 * model.vision_params


def kv_cache(
    model: str, tokens: int = 1, kv_cache_dtype: str = "auto"
) -> dict[str, Value]:
    """Bytes of KV cache, from the layers and KV heads of the model's configuration."""
    found = find_model(model)
    per_token = kv_bytes_per_token(found, kv_cache_dtype)
    return {
        "model": found.name,
        "layers": found.num_hidden_layers,
        "heads": found.num_attention_heads,
        "kv_heads": found.num_key_value_heads,
        "head_dim": found.head_dim,
        "bytes_per_token": per_token,
        "kib_per_token": per_token / KIB,
        "tokens": tokens,
        "gib": per_token * tokens / GIB,
    }


def weights(model: str, weights: str = "") -> dict[str, Value]:
    """Parameters and bytes of a model's weights, from its configuration."""
    found = find_model(model, weights)
    held, params = checkpoint_bytes(found), num_params(found)
    tables = embedding_params(found)
    return {
        "model": found.name,
        "weights": found.scheme.name,
        "billions": params / 1e9,
        "bits": found.scheme.bits,
        "gb_by_bits": params * found.scheme.bits / 8 / GB,
        "gb": held / GB,
        "gib": held / GIB,
        "embedding_billions": tables / 1e9,
        "other_billions": (params - tables) / 1e9,
        "other_bits": 8 * (held - 2 * tables) / (params - tables),
        "read_gb": weight_read_bytes(found) / GB,
    }


def two_models(small: str, large: str) -> dict[str, Value]:
    """Parameters and bytes of the weights of two models, from their configurations."""
    found: dict[str, Value] = {}
    for name, model in (("small", small), ("large", large)):
        for key, value in weights(model).items():
            found[f"{name}_{key}"] = value
    return found


def embedding_params(model: Model) -> int:
    """Parameters of the tables of tokens, once where input and output share one."""
    tables = 1 if model.tie_word_embeddings else 2
    return tables * model.vocab_size * model.hidden_size


def decode_bound(card: str, model: str, weights: str = "") -> dict[str, Value]:
    """Tokens a second of one answer if reading the weights were all that takes time."""
    found, on = find_model(model, weights), gpu(card)
    read_gb = weight_read_bytes(found) / GB
    return {
        "card": on.name,
        "model": found.name,
        "bandwidth_gb_s": on.mem_bw_gbs,
        "weights_gb": checkpoint_bytes(found) / GB,
        "read_gb": read_gb,
        "tokens_per_s": on.mem_bw_gbs / read_gb,
        "step_ms": 1000 * read_gb / on.mem_bw_gbs,
    }


def step_reads(model: str, requests: int, tokens: int) -> dict[str, Value]:
    """What a step of decoding reads for so many requests, against one of the same."""
    found = find_model(model)
    if found.moe is not None:
        raise BadSetting("model", f"{found.name} reads other experts for each token.")
    need, card = Need(model=found, context=tokens), gpu(ANY_CARD)
    one, many = (decode_step(need, card, batch) for batch in (1, requests))
    return {
        "model": found.name,
        "requests": requests,
        "tokens": tokens,
        "weights_gb": many.weight_bytes / GB,
        "kv_gb": many.kv_bytes / GB,
        "times_one": many.read_s / one.read_s,
    }
