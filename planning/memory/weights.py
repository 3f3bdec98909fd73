"""Bytes of a model's weights on one GPU, tensor by tensor as vLLM allocates them.

vLLM logs what torch has allocated after loading ("model loading took … GiB"), and that
is more than parameters × bytes by what these tensors are rounded up to, by the table of
rotary positions and by copies that MLA keeps. Layout: the model definitions of vLLM.
"""

import math
from collections import defaultdict
from dataclasses import replace
from functools import lru_cache

from planning.interval import Interval
from planning.memory.model import Model
from planning.memory.split import ALONE, Split
from planning.memory.tensors import ELEMENT_BYTES, end_tensors, layer_tensors

MIB = 2**20
SHARE_OF_DOUBT = 0.003
"""Half the interval of 16-bit weights of a known family: the logs of vLLM 0.19 that the
tests read agree within 0.1 %. Of formats and families that no log showed, more."""
SHARE_OF_DOUBT_QUANTIZED = 0.02
SHARE_OF_DOUBT_REPACKED = 0.035
"""Of 4-bit AWQ and GPTQ, whose kernels pack the weights anew: one log of 7B in AWQ
(vLLM 0.31.0, 5.38 GiB) is 2.9 % over what its tensors are; why is not known."""
_REPACKED = ("awq", "gptq")
SHARE_OF_DOUBT_UNKNOWN = 0.06
SHARE_OF_DOUBT_VISION = 0.2
"""Of the tower's own bytes, where no published total confirms them."""


def allocated_bytes(num_bytes: float) -> float:
    """What torch's caching allocator counts for a tensor.

    Small ones are rounded to 512 bytes; of 10 MiB and more to whole 2-MiB segments,
    whose rest of up to 1 MiB is not given to others. Source: PyTorch,
    c10/cuda/CUDACachingAllocator.cpp (kMinBlockSize, kRoundLarge, kSmallSize).
    """
    if num_bytes < MIB:
        return math.ceil(num_bytes / 512) * 512
    if num_bytes < 10 * MIB:
        return num_bytes
    segment = math.ceil(num_bytes / (2 * MIB)) * 2 * MIB
    return segment if segment - num_bytes <= MIB else num_bytes


def num_params(model: Model) -> int:
    """Parameters of the model, a tied embedding once, without padding."""
    tensors = (*layer_tensors(model), *end_tensors(model, ALONE, is_padded=False))
    values = sum(tensor.num_values for tensor in tensors if tensor.part != "rope")
    return round(values) + model.vision_params


def weight_bytes(model: Model, split: Split = ALONE, rank: int = 0) -> Interval:
    """Bytes on one GPU of pipeline stage ``rank`` (from 0), with the interval.

    It reaches down to the format that a repository's name promises where no config
    tells it, and leaves a tower out that no published total confirms: vLLM does not
    load it with --language-model-only.
    """
    parts = weight_bytes_by_part(model, split, rank)
    share = SHARE_OF_DOUBT
    if model.scheme.is_quantized:
        is_repacked = model.scheme.id in _REPACKED
        share = SHARE_OF_DOUBT_REPACKED if is_repacked else SHARE_OF_DOUBT_QUANTIZED
    if model.is_guessed or model.grouped_output:
        share = SHARE_OF_DOUBT_UNKNOWN
    total = sum(parts.values())
    below = above = total * share
    if model.published_params is None:
        tower = parts.get("vision", 0.0)
        below, above = below + tower, above + tower * SHARE_OF_DOUBT_VISION
    found = Interval.around(total, below, above)
    if model.possible_scheme is None:
        return found
    packed = replace(model, scheme=model.possible_scheme, possible_scheme=None)
    least = weight_bytes(packed, split, rank).low
    return Interval(min(found.low, least), found.value, found.high)


def weight_bytes_by_part(
    model: Model, split: Split = ALONE, rank: int = 0
) -> dict[str, float]:
    """Bytes by part: attention, MLP, experts, embedding, vision and the rest."""
    return dict(_bytes_by_part(model, split, rank))


@lru_cache(maxsize=512)
def _bytes_by_part(
    model: Model, split: Split, rank: int
) -> tuple[tuple[str, float], ...]:
    first, last = stage_layers(model.num_hidden_layers, split.pp)[rank]
    parts: defaultdict[str, float] = defaultdict(float)
    for tensor in layer_tensors(model, split, range(first, last)):
        parts[tensor.part] += allocated_bytes(tensor.num_bytes)
    for tensor in end_tensors(model, split, rank):
        parts[tensor.part] += allocated_bytes(tensor.num_bytes)
    if model.vision_params and rank == 0:
        parts["vision"] += ELEMENT_BYTES * model.vision_params / split.tp
    return tuple(parts.items())


def stage_layers(num_layers: int, pp: int) -> list[tuple[int, int]]:
    """First and one past the last layer of each pipeline stage.

    The layers left over go to the stages before the last, from the back (vLLM,
    distributed/utils.py, get_pp_indices).
    """
    sizes = [num_layers // pp] * pp
    for i in range(num_layers % pp):
        sizes[-(i + 2) if pp > 1 else 0] += 1
    ends = [sum(sizes[: i + 1]) for i in range(pp)]
    return list(zip([0, *ends[:-1]], ends, strict=True))
