"""DeepSeek V4's cache: compressed rows, windows and compressors packed into one block.

A layer keeps a window of whole rows. One of ratio 4 or 128 also keeps a row for so many
tokens, and what its compressor has not yet made a row of; ratio 4 has an indexer with
the same two. Pages differ, so vLLM packs them side by side. Layout: vLLM 0.32,
models/deepseek_v4/ (attention.py, compressor.py) in the format fp8_ds_mla, and
v1/core/kv_cache_utils.py (_get_packed_kv_cache_groups); 0.26.0,
_get_kv_cache_groups_uniform_groups and _get_kv_cache_config_packed.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace

from planning.memory.kv_groups import Cache, Group, Kind, Spec
from planning.memory.model import Compressed

ROW_BYTES = 584
"""Of a row of 512: 448 of 8 bit, 64 of 16 bit, and 8 bytes of scales."""
_ALIGNMENT = 576
_BLOCK, _WINDOW_BLOCK = 256, 64
_COMPRESSOR_BLOCKS = {4: 4, 128: 8}
_INDEX_SCALE_VALUES = 128
_STATE_BYTES = 4


def compressed_caches(model: Compressed, num_layers: int) -> Iterator[Cache]:
    """What each layer keeps on one GPU; all GPUs of a group keep the same."""
    index_row = model.index_head_dim + 4 * model.index_head_dim // _INDEX_SCALE_VALUES
    for i, ratio in enumerate(model.ratios[:num_layers]):
        yield Cache(i, _window(_WINDOW_BLOCK, ROW_BYTES, model.window))
        if ratio not in _COMPRESSOR_BLOCKS:
            continue
        states = _BLOCK // ratio
        yield Cache(i, _rows(states * ROW_BYTES))
        yield Cache(i, _compressor(ratio, model.head_dim))
        if ratio == 4:
            yield Cache(i, _rows(states * index_row))
            yield Cache(i, _compressor(ratio, model.index_head_dim))


def _rows(num_bytes: int) -> Spec:
    return Spec(Kind.FULL, _BLOCK, _aligned(num_bytes), is_row=True)


def _window(block_size: int, token_bytes: int, reach: int) -> Spec:
    page = _aligned(block_size * token_bytes)
    return Spec(Kind.WINDOW, block_size, page, reach, is_row=True)


def _compressor(ratio: int, head_dim: int) -> Spec:
    """Keys and scores of the tokens not yet compressed; of ratio 4 they overlap."""
    overlap = 2 if ratio == 4 else 1
    token_bytes = 2 * overlap * head_dim * _STATE_BYTES
    return _window(_COMPRESSOR_BLOCKS[ratio], token_bytes, overlap * ratio)


def _aligned(num_bytes: int) -> int:
    return math.ceil(num_bytes / _ALIGNMENT) * _ALIGNMENT


def packed_groups(caches: Sequence[Cache], *, is_old: bool) -> tuple[Group, ...]:
    """Those with all tokens in one group, the others split to about its layers.

    ``is_old``: up to 0.26, which brings pages to those of the first group.
    """
    buckets: defaultdict[tuple[bool, int, int], list[Cache]] = defaultdict(list)
    for one in caches:
        spec = one.spec
        buckets[spec.kind is Kind.WINDOW, spec.block_size, spec.reach].append(one)
    full, *others = (buckets[key] for key in sorted(buckets))
    if is_old:
        sizes = sorted({one.spec.page_bytes for one in full})
        others = [[_padded(one, sizes) for one in some] for some in others]
        repeats = _repeats([full, *others], least=_most_alike(full))
    else:
        mixed = [_most_alike(some) for some in others if _is_mixed(some)]
        repeats = _repeats(others, least=max(mixed, default=1))
    groups = [Group(tuple(full))]
    for some in others:
        number = math.ceil(_most_alike(some) / repeats)
        groups += [Group(_every(some, i, number)) for i in range(number)]
    return tuple(groups)


def slot_bytes(groups: Sequence[Group], layers: range) -> int:
    """Bytes of a block up to 0.26: of each size as many pages as any group has."""
    most: Counter[int] = Counter()
    for group in groups:
        mine = (one.spec.page_bytes for one in group.caches if one.layer in layers)
        most |= Counter(mine)
    return sum(size * number for size, number in most.items())


def _padded(one: Cache, sizes: Sequence[int]) -> Cache:
    page = min(size for size in sizes if size >= one.spec.page_bytes)
    return Cache(one.layer, replace(one.spec, page_bytes=page))


def _most_alike(caches: Sequence[Cache]) -> int:
    return max(Counter(one.spec.page_bytes for one in caches).values())


def _is_mixed(caches: Sequence[Cache]) -> bool:
    return len({one.spec.page_bytes for one in caches}) > 1


def _every(caches: Sequence[Cache], first: int, number: int) -> tuple[Cache, ...]:
    """Of each page size every ``number``-th."""
    alike: defaultdict[int, list[Cache]] = defaultdict(list)
    for one in caches:
        alike[one.spec.page_bytes].append(one)
    return tuple(one for some in alike.values() for one in some[first::number])


def _repeats(buckets: Sequence[Sequence[Cache]], least: int) -> int:
    """The number that pads all buckets least; of equals the largest."""
    numbers = [_most_alike(some) for some in buckets]
    tried = range(least, max(*numbers, least) + 1)
    return min(tried, key=lambda n: (sum(-number % n for number in numbers), -n))
