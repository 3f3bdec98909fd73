"""A quantisation config as repositories have it: the format of each module.

In config.json under ``quantization_config`` (or ``compression_config``), or in a file
of its own, ``hf_quant_config.json`` of NVIDIA's ModelOpt. Read as vLLM 0.32 reads it:
model_executor/layers/quantization/.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from planning.errors import BadConfig
from planning.memory.config_json import Fields, shown
from planning.memory.module_names import (
    EXPERTS,
    LM_HEAD,
    Match,
    named_layers,
)
from planning.memory.quantization import (
    FP8,
    FP8_BLOCK,
    INT4,
    INT8,
    MXFP4_LINEAR,
    MXFP8,
    NF4,
    NVFP4,
    UNQUANTIZED,
    ModuleFormat,
    Scheme,
    scheme_of_method,
    with_group_size,
)
from planning.memory.quantization_quark import scheme_of_quark

IGNORED = (
    *("ignore", "modules_to_not_convert", "exclude_modules", "ignored_layers"),
    *("llm_int8_skip_modules", "exclude"),
)
"""Names of the lists of modules that stay in 16 bit."""
QUANT_FILE = "hf_quant_config.json"
"""The file that ModelOpt writes beside config.json."""
MAX_NAMES = 200_000
_MODELOPT = (
    ("MXFP8", MXFP8),
    ("NVFP4", NVFP4),
    ("MXFP4", MXFP4_LINEAR),
    ("W4A8", replace(INT4, name="4 bit, groups of 128")),
    ("W4A16", INT4),
    ("FP8_PB", FP8_BLOCK),
    ("FP8_BLOCK", FP8_BLOCK),
    ("FP8", FP8),
    ("INT8", INT8),
)
_MATCHES: dict[str, Match] = {
    "fp8": "exact",
    "fbgemm_fp8": "exact",
    "compressed-tensors": "regex",
    "modelopt": "glob",
    "modelopt_fp4": "glob",
}


def scheme_of_config(
    quantization: Fields | None, num_layers: int, expert_dtype: str = ""
) -> Scheme:
    """The format, with its exceptions by module; raises BadConfig.

    ``expert_dtype`` stands beside the quantisation (DeepSeek V4) and decides the
    experts' format.
    """
    if quantization is None:
        return UNQUANTIZED
    method = method_of(quantization)
    by_targets = list(_by_target(quantization, method))
    main = _main_scheme(quantization, method, by_targets)
    found: list[ModuleFormat] = []
    listed = _names(quantization, IGNORED)
    if listed:
        how = _MATCHES.get(method, "substring")
        is_moe_only = "moe_quant_algo" in quantization.config
        found += _exceptions(
            [] if is_moe_only else listed, how, UNQUANTIZED, num_layers
        )
    found += _of_dynamic(quantization, main, num_layers)
    for names, scheme in by_targets:
        how = "regex" if method == "compressed-tensors" else "exact"
        found += _exceptions(names, how, scheme, num_layers)
    experts = _expert_scheme(quantization, expert_dtype)
    if experts is not None:
        every = frozenset(range(num_layers))
        found.insert(0, ModuleFormat(EXPERTS, every, experts))
    if quantization.flag("lm_head", default=False):
        found.append(ModuleFormat(LM_HEAD, frozenset(range(num_layers)), main))
    return replace(main, exceptions=tuple(_kept(found, main)))


def method_of(quantization: Fields) -> str:
    """vLLM's name of the method; ModelOpt's files may leave it out."""
    producer = quantization.config.get("producer")
    maker = producer.get("name") if isinstance(producer, Mapping) else ""
    default = "modelopt" if maker == "modelopt" else "compressed-tensors"
    return quantization.text("quant_method", default=default)


def merged(
    config: Mapping[str, Any], quantization: Mapping[str, Any]
) -> dict[str, Any]:
    """A config.json with what its hf_quant_config.json says; raises BadConfig.

    The file wraps its fields in ``quantization`` and beside it names the producer.
    """
    inner = quantization.get("quantization", quantization)
    if not isinstance(inner, Mapping):
        reason = f"is an object, not {shown(inner)}."
        raise BadConfig(f"{QUANT_FILE} quantization", reason)
    known = ("quant_algo", "quant_method", "config_groups", "quantized_layers")
    if not any(name in inner for name in known):
        reason = "is missing: such a file says what ModelOpt made of the weights."
        raise BadConfig(f"{QUANT_FILE} quant_algo", reason)
    return {**config, "quantization_config": {"quant_method": "modelopt", **inner}}


def _main_scheme(
    quantization: Fields, method: str, by_targets: list[tuple[list[str], Scheme]]
) -> Scheme:
    algo = str(quantization.config.get("quant_algo") or "").upper()
    if by_targets and (algo == "MIXED_PRECISION" and method != "fp8"):
        return UNQUANTIZED
    if method == "compressed-tensors":
        return _of_groups(quantization)
    if method == "quark":
        return scheme_of_quark(quantization)
    if method.startswith("modelopt") and algo:
        found = _of_algo(algo, quantization)
    else:
        found = _of_method(quantization, method)
    bits = quantization.optional("bits", "w_bit", most=16, least=2)
    if bits and found.scale == "group" and not method.startswith("modelopt"):
        found = replace(found, bits=float(bits))
    group = quantization.optional("group_size", "q_group_size", most=65_536, least=-1)
    return with_group_size(found, group) if group else found


def _of_method(quantization: Fields, method: str) -> Scheme:
    found = scheme_of_method(method)
    if found is None:
        reason = f"is {shown(method)}, whose bytes a weight are not known here."
        raise BadConfig("quantization_config.quant_method", reason)
    if found is FP8 and quantization.config.get("weight_block_size"):
        return FP8_BLOCK
    if found is NF4 and quantization.flag("load_in_8bit", default=False):
        return replace(INT8, name="8 bit bitsandbytes")
    return found


def _of_algo(algo: str, quantization: Fields) -> Scheme:
    for word, scheme in _MODELOPT:
        if word in algo:
            return scheme
    reason = f"is {shown(algo)}, whose bytes a weight are not known here."
    raise BadConfig(quantization.prefix + "quant_algo", reason)


def _of_groups(quantization: Fields) -> Scheme:
    """Of the group whose target is a class, such as Linear; else of none."""
    groups = _groups(quantization)
    for group in groups:
        if any(name in _CLASSES for name in _targets(group)):
            return _of_weights(group)
    if groups and all(_targets(group) for group in groups):
        return UNQUANTIZED
    return _of_weights(groups[0]) if groups else FP8


_CLASSES = ("Linear", "LinearBase", "ColumnParallelLinear", "FusedMoE")


def _groups(quantization: Fields) -> list[Mapping[str, Any]]:
    groups = quantization.config.get("config_groups")
    if not isinstance(groups, Mapping):
        return []
    return [group for group in groups.values() if isinstance(group, Mapping)][:64]


def _targets(group: Mapping[str, Any]) -> list[str]:
    targets = group.get("targets")
    return (
        [t for t in targets if isinstance(t, str)] if isinstance(targets, list) else []
    )


def _of_weights(group: Mapping[str, Any]) -> Scheme:
    weights = group.get("weights")
    if not isinstance(weights, Mapping):
        return FP8
    fields = Fields(weights, "quantization_config.config_groups.weights.")
    bits = fields.whole("num_bits", most=16, least=2)
    is_float = fields.text("type", default="int") == "float"
    group_size = fields.optional("group_size", most=65_536, least=-1) or -1
    if bits == 16:
        return UNQUANTIZED
    if bits == 8 and is_float:
        if group_size == MXFP8.group_size:
            return MXFP8
        return FP8_BLOCK if weights.get("strategy") == "block" else FP8
    if bits == 8 and group_size < 1:
        return INT8
    if is_float:
        is_mx = group_size == MXFP4_LINEAR.group_size
        return MXFP4_LINEAR if is_mx else NVFP4
    scheme = replace(INT4, name=f"{bits} bit, groups of 128", bits=float(bits))
    return with_group_size(scheme, group_size)


def _by_target(quantization: Fields, method: str) -> Iterator[tuple[list[str], Scheme]]:
    """The modules that are named one by one, with their format."""
    layers = quantization.config.get("quantized_layers")
    if isinstance(layers, Mapping):
        _check_number("quantized_layers", layers)
        by_scheme: dict[Scheme, list[str]] = {}
        for name, one in layers.items():
            if isinstance(one, Mapping):
                algo = str(one.get("quant_algo", "")).upper()
                scheme = _of_algo(algo, quantization)
                by_scheme.setdefault(scheme, []).append(str(name))
        yield from ((names, scheme) for scheme, names in by_scheme.items())
        return
    if method != "compressed-tensors":
        return
    for group in _groups(quantization):
        names = [name for name in _targets(group) if name not in _CLASSES]
        if names:
            yield names, _of_weights(group)


def _of_dynamic(
    quantization: Fields, main: Scheme, num_layers: int
) -> Iterator[ModuleFormat]:
    """GPTQ's ``dynamic``: ``-:`` leaves modules out, ``+:`` gives them other bits; and
    auto-round's ``extra_config``, where 16 bits leave a module out."""
    for key in ("dynamic", "extra_config"):
        rules = quantization.config.get(key)
        if not isinstance(rules, Mapping):
            continue
        _check_number(key, rules)
        for name, rule in rules.items():
            scheme = UNQUANTIZED
            if not str(name).startswith("-:") and isinstance(rule, Mapping):
                scheme = _with_rule(main, Fields(rule, f"quantization_config.{key}."))
            yield from _of_rule(str(name), key, scheme, num_layers)


def _with_rule(main: Scheme, fields: Fields) -> Scheme:
    bits = fields.optional("bits", most=16, least=2) or main.bits
    if bits >= UNQUANTIZED.bits:
        return UNQUANTIZED
    group = fields.optional("group_size", most=65_536, least=-1)
    scheme = replace(main, bits=float(bits))
    return with_group_size(scheme, group) if group else scheme


def _of_rule(
    name: str, key: str, scheme: Scheme, num_layers: int
) -> Iterator[ModuleFormat]:
    is_plain = key == "extra_config" and not set(name) & set("*^$[(|\\")
    how: Match = "exact" if is_plain else "regex"
    pattern = name.removeprefix("-:").removeprefix("+:")
    names = [pattern if is_plain else f"re:{pattern}"]
    yield from _exceptions(names, how, scheme, num_layers)


def _expert_scheme(quantization: Fields, expert_dtype: str) -> Scheme | None:
    algo = str(quantization.config.get("moe_quant_algo") or "").upper()
    if algo:
        return _of_algo(algo, quantization)
    return MXFP4_LINEAR if expert_dtype == "fp4" else None


def _names(quantization: Fields, keys: tuple[str, ...]) -> list[str]:
    """All names in these lists."""
    found: list[str] = []
    for key in keys:
        listed = quantization.config.get(key)
        if listed is None:
            continue
        if not isinstance(listed, list):
            reason = f"is a list of modules, not {shown(listed)}."
            raise BadConfig(quantization.prefix + key, reason)
        _check_number(key, listed)
        found += [name for name in listed if isinstance(name, str) and name]
    return found


def _check_number(key: str, listed: Any) -> None:
    if len(listed) > MAX_NAMES:
        reason = f"names {len(listed):,} modules: at most {MAX_NAMES:,} are read."
        raise BadConfig(f"quantization_config.{key}", reason)


def _exceptions(
    names: list[str], how: Match, scheme: Scheme, num_layers: int
) -> Iterator[ModuleFormat]:
    for module, layers in named_layers(names, how, num_layers).items():
        yield ModuleFormat(module, layers, scheme)


def _kept(found: list[ModuleFormat], main: Scheme) -> Iterator[ModuleFormat]:
    """Without those that change nothing."""
    for one in found:
        if one.scheme != main.of(one.module):
            yield one
