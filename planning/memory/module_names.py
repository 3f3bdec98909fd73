"""The names that a repository may give to the modules of a layer.

Lists of modules in a quantisation config name them as the checkpoint does, which
differs by family: ``model.layers.3.self_attn.q_proj``, ``layers.3.attn.wq_b``,
``model.language_model.layers.3.mlp.experts``. The calculator's modules have vLLM's
fused names; one that is fused answers to the name of each part.
"""

import math
import re
from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Literal

from planning.errors import BadConfig

QKV = "self_attn.qkv_proj"
OUT = "self_attn.o_proj"
Q_A = "self_attn.fused_qkv_a_proj"
Q_B = "self_attn.q_b_proj"
KV_B = "self_attn.kv_b_proj"
INDEXER = "self_attn.indexer"
OUT_A = "self_attn.wo_a"
UP = "mlp.gate_up_proj"
DOWN = "mlp.down_proj"
EXPERTS = "mlp.experts"
SHARED_UP = "mlp.shared_experts.gate_up_proj"
SHARED_DOWN = "mlp.shared_experts.down_proj"
LATENT = "mlp.latent_proj"
STATE = "linear_attn"
"""All projections of a layer with a state."""
LM_HEAD = "lm_head"
EMBEDDING = "embed_tokens"
IN_LAYERS = (
    *(QKV, OUT, Q_A, Q_B, KV_B, INDEXER, OUT_A, UP, DOWN, EXPERTS),
    *(SHARED_UP, SHARED_DOWN, LATENT, STATE),
)

Match = Literal["exact", "substring", "glob", "regex"]
"""exact: a whole name or its last components (fp8) · substring (AWQ, bitsandbytes) ·
glob: wildcards, or a substring (ModelOpt) · regex: ``re:`` or a whole name
(compressed-tensors). Source: vLLM 0.32, quantization/utils/quant_utils.py
(is_layer_skipped), modelopt.py (is_layer_excluded), compressed_tensors/utils.py
(should_ignore_layer)."""

_PREFIXES = (
    *("model.layers.", "model.language_model.layers.", "language_model.model.layers."),
    *("layers.", "backbone.layers."),
)
_PLAIN_PREFIX = re.compile(
    r"^(?:(?:model|language_model|text_model|backbone|transformer)\.)*(?:layers|h)\."
)
_ATTENTION = ("self_attn", "attn", "attention", "mixer")
_MLP = ("mlp", "block_sparse_moe", "feed_forward", "ffn", "mixer", "moe")
_GATE_UP = ("gate_proj", "up_proj", "gate_up_proj", "w1", "w3", "fc1", "c_fc")
_DOWN = ("down_proj", "w2", "fc2", "c_proj")
_LEAVES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    QKV: (
        _ATTENTION,
        ("q_proj", "k_proj", "v_proj", "qkv_proj", "query_key_value", "c_attn"),
    ),
    OUT: (_ATTENTION, ("o_proj", "out_proj", "dense", "wo_b", "c_proj")),
    Q_A: (
        _ATTENTION,
        ("q_a_proj", "kv_a_proj_with_mqa", "fused_qkv_a_proj", "wq_a", "wkv"),
    ),
    Q_B: (_ATTENTION, ("q_b_proj", "q_proj", "wq_b")),
    KV_B: (_ATTENTION, ("kv_b_proj",)),
    INDEXER: (_ATTENTION, ("indexer.wq_b", "indexer.wk", "indexer")),
    OUT_A: (_ATTENTION, ("wo_a",)),
    UP: (_MLP, _GATE_UP),
    DOWN: (_MLP, _DOWN),
    EXPERTS: (
        _MLP,
        ("experts", *(f"experts.0.{leaf}" for leaf in (*_GATE_UP, *_DOWN))),
    ),
    SHARED_UP: (
        tuple(f"{m}.{s}" for m in _MLP for s in ("shared_experts", "shared_expert")),
        _GATE_UP,
    ),
    SHARED_DOWN: (
        tuple(f"{m}.{s}" for m in _MLP for s in ("shared_experts", "shared_expert")),
        _DOWN,
    ),
    LATENT: (_MLP, ("fc1_latent_proj", "fc2_latent_proj")),
    STATE: (
        ("linear_attn", "mixer", "mamba", "conv", "self_attn"),
        ("in_proj", "in_proj_qkv", "in_proj_qkvz", "in_proj_z", "out_proj", "o_proj"),
    ),
}
_WHOLE = {
    LM_HEAD: ("lm_head", "model.lm_head", "language_model.lm_head", "head", "output"),
    EMBEDDING: (
        *("embed_tokens", "model.embed_tokens", "language_model.model.embed_tokens"),
        *("model.language_model.embed_tokens", "embed"),
    ),
}


def names_of(module: str, layer: str, prefixes: Sequence[str]) -> list[str]:
    """The names that this module of that layer may have in a checkpoint."""
    if module in _WHOLE:
        return list(_WHOLE[module])
    parents, leaves = _LEAVES[module]
    return [
        f"{prefix}{layer}.{parent}.{leaf}"
        for prefix in prefixes
        for parent in parents
        for leaf in leaves
    ]


def named_layers(
    patterns: Sequence[str], how: Match, num_layers: int
) -> dict[str, frozenset[int]]:
    """By module, the layers (from 0) that a list of patterns names; raises BadConfig.

    A module outside the layers, such as lm_head, has all of them.
    """
    found: dict[str, set[int]] = {}
    budget = _Budget()
    for pattern in dict.fromkeys(p for p in patterns if _is_regex(p, how)):
        for module in (*IN_LAYERS, LM_HEAD):
            layers = _by_regex(module, pattern[3:], num_layers, budget)
            found.setdefault(module, set()).update(layers)
    texts = [p for p in patterns if not _is_regex(p, how)]
    for text, layers in _templates(texts, how, num_layers).items():
        for module in (*IN_LAYERS, LM_HEAD):
            names = names_of(module, _ANY, ("layers.",))
            if any(_is_match(text, name, how) for name in names):
                found.setdefault(module, set()).update(layers)
    return {module: frozenset(layers) for module, layers in found.items() if layers}


def _is_regex(pattern: str, how: Match) -> bool:
    return how == "regex" and pattern.startswith("re:")


def _templates(
    patterns: Sequence[str], how: Match, num_layers: int
) -> dict[str, set[int]]:
    """Patterns without the layer's number, and the layers they stand for."""
    found: dict[str, set[int]] = {}
    for pattern in patterns:
        text = one_expert(_PLAIN_PREFIX.sub("layers.", pattern))
        number = _LAYER.search(text)
        layers = set(range(num_layers))
        if number is not None:
            is_open = text[number.end() : number.end() + 1] == "*" and how == "glob"
            layers = _numbered(number[0], is_open, num_layers)
            text = f"{text[: number.start()]}{_ANY}{text[number.end() :]}"
        found.setdefault(text, set()).update(layers)
    return found


def one_expert(name: str) -> str:
    """The first expert stands for all."""
    return _EXPERT.sub("experts.0", name)


def _is_match(text: str, name: str, how: Match) -> bool:
    if how == "substring":
        return text in name
    if name == text or name.startswith(f"{text}."):
        return True
    if how == "exact":
        return name.endswith(f".{text}")
    return how == "glob" and (text in name or fnmatchcase(name, text))


def _numbered(text: str, is_open: bool, num_layers: int) -> set[int]:
    """The layers of ``3`` or ``{0-2,5}``; open, as in ``1*``, also 10 to 19."""
    if text.isdecimal():
        return {
            i
            for i in range(num_layers)
            if str(i) == text or (is_open and str(i).startswith(text))
        }
    layers: set[int] = set()
    for part in text.strip("{}").split(","):
        first, _, last = part.partition("-")
        layers |= set(range(int(first), min(int(last or first) + 1, num_layers)))
    return layers & set(range(num_layers))


class _Budget:
    """Bounds the steps that a stranger's regular expressions may take."""

    def __init__(self) -> None:
        self.left = 100_000_000

    def spend(self, steps: int) -> None:
        self.left -= steps
        if self.left < 0:
            reason = "has regular expressions that would take too long to match."
            raise BadConfig("quantization_config", reason)


def _by_regex(module: str, pattern: str, num_layers: int, budget: _Budget) -> set[int]:
    """Only where it names numbers is it matched layer by layer."""
    compiled = _compiled(pattern)
    is_by_layer = bool(re.search(r"\d", _ANY_DIGITS.sub("", pattern)))
    repeats = max(0, len(re.findall(r"[*+{]", pattern)) - 1)
    ways = _ways(pattern)
    found: set[int] = set()
    for layer in range(num_layers if is_by_layer else 1):
        names = names_of(module, str(layer), _PREFIXES)
        budget.spend(len(names) * _LONGEST**repeats * ways)
        if any(compiled.match(name) for name in names):
            found.add(layer)
    return found if is_by_layer or not found else set(range(num_layers))


def _ways(pattern: str) -> int:
    """In how many ways, at most, alternatives and optional parts can be combined: a
    pattern that fails tries them all, such as 2**n of ``.?`` n times."""
    ways, choices = 1, [1]
    for piece in _PIECES.findall(pattern):
        if piece[0] == "(":
            choices.append(1)
        elif piece == "|":
            choices[-1] += 1
        elif piece == ")" and len(choices) > 1:
            ways *= choices.pop()
        elif piece == "?":
            ways *= 2
    return ways * math.prod(choices)


def _compiled(pattern: str) -> re.Pattern[str]:
    if len(pattern) > _MAX_REGEX or re.search(r"\)[*+{?]", pattern):
        reason = (
            f"has the pattern {pattern[:60]!r}: repeated groups, and patterns over "
            f"{_MAX_REGEX} characters, are not read."
        )
        raise BadConfig("quantization_config", reason)
    try:
        return re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        reason = f"has the pattern {pattern[:60]!r}, which is none ({error})."
        raise BadConfig("quantization_config", reason) from error


def folded(names: Sequence[str]) -> list[str]:
    """Names that differ in a layer's number only as one, such as ``a.{0-2,5}.b``."""
    groups: dict[tuple[str, str], set[int]] = {}
    kept: list[str] = []
    for name in names:
        found = _LAYER.search(name)
        is_open = found is not None and name[found.end() : found.end() + 1] == "*"
        is_plain = found is not None and found[0].isdecimal() and not is_open
        if found is None or not is_plain or name.startswith(("re:", "+:", "-:")):
            kept.append(name)
            continue
        key = (name[: found.start()], name[found.end() :])
        groups.setdefault(key, set()).add(int(found[0]))
    for (before, after), numbers in groups.items():
        kept.append(f"{before}{_ranges(sorted(numbers))}{after}")
    return kept


_ANY = "0"
"""Stands for any layer's number where text is matched."""
_LONGEST = 50
_MAX_REGEX = 300
_EXPERT = re.compile(r"experts\.\d{1,4}(?=\.|$)")
_PIECES = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*+\]|\(\??|[|)?]", re.S)
"""Escaped characters and sets as wholes, and what makes a choice."""
_ANY_DIGITS = re.compile(r"\\d|\[0-9\]")
_RANGES = r"\{\d{1,4}(?:-\d{1,4})?(?:,\d{1,4}(?:-\d{1,4})?){0,999}\}"
_LAYER = re.compile(rf"(?<=layers\.)(?:\d{{1,4}}(?=[.*]|$)|{_RANGES})")


def _ranges(numbers: list[int]) -> str:
    if len(numbers) == 1:
        return str(numbers[0])
    runs: list[list[int]] = []
    for number in numbers:
        if runs and runs[-1][-1] == number - 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    texts = (f"{run[0]}-{run[-1]}" if len(run) > 1 else str(run[0]) for run in runs)
    return "{" + ",".join(texts) + "}"
