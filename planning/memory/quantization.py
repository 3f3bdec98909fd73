"""Bytes of a weight matrix in the formats that vLLM loads.

Embeddings, norms and routers stay in 16 bit in all of them, lm_head where no list
names it.
"""

import math
import re
from dataclasses import dataclass, replace
from typing import Literal

WHOLE_ROW = 1_000_000_000
"""A group size over any row: one scale a row."""

Scale = Literal["none", "tensor", "channel", "block128", "group"]
_EXPERTS, _LM_HEAD = "mlp.experts", "lm_head"


@dataclass(frozen=True)
class ModuleFormat:
    """Modules of some layers that have another format than the rest."""

    module: str
    """As in ``module_names``."""
    layers: frozenset[int]
    scheme: "Scheme"


@dataclass(frozen=True)
class Scheme:
    """One format. A matrix has ``rows`` outputs and ``columns`` inputs."""

    id: str
    name: str
    bits: float
    scale: Scale = "none"
    group_size: int = 0
    scale_bytes: float = 0
    zero_bits: float = 0
    """Bits of the zero points of one group."""
    experts_only: bool = False
    """Whether attention and dense MLPs stay in 16 bit."""
    column_padding: int = 1
    """The kernel pads the packed inputs (not their scales) to a multiple of this."""
    row_padding: int = 1
    """And the outputs, with their scales."""
    exceptions: tuple[ModuleFormat, ...] = ()
    """Modules with another format; of several for one module the first counts."""

    @property
    def title(self) -> str:
        """The name, and whether some modules have another format."""
        return f"{self.name}; other formats by module" if self.exceptions else self.name

    @property
    def is_quantized(self) -> bool:
        """Whether any module is: some have 16 bit in most and name the rest."""
        return self.bits < 16 or bool(self.exceptions)

    def of(self, module: str, layer: int = 0) -> "Scheme":
        """The format of that module in that layer (from 0)."""
        for one in self.exceptions:
            if one.module == module and layer in one.layers:
                return one.scheme
        if module == _LM_HEAD or (self.experts_only and module != _EXPERTS):
            return UNQUANTIZED
        return self

    def matrix_bytes(self, rows: int, columns: int) -> float:
        """Packed weights and their scales."""
        padded = math.ceil(columns / self.column_padding) * self.column_padding
        rows = math.ceil(rows / self.row_padding) * self.row_padding
        return rows * padded * self.bits / 8 + self._scale_bytes(rows, columns)

    def _scale_bytes(self, rows: int, columns: int) -> float:
        if self.scale == "channel":
            return rows * self.scale_bytes
        if self.scale == "tensor":
            return self.scale_bytes
        if self.scale == "block128":
            return math.ceil(rows / 128) * math.ceil(columns / 128) * self.scale_bytes
        if self.scale == "group":
            num_groups = rows * math.ceil(columns / self.group_size)
            return num_groups * (self.scale_bytes + self.zero_bits / 8)
        return 0.0


UNQUANTIZED = Scheme("bf16", "16 bit", 16)
FP8 = Scheme("fp8", "FP8, a scale a tensor or channel", 8, "channel", 0, 4)
FP8_BLOCK = Scheme("fp8-block", "FP8, a scale a 128 × 128 block", 8, "block128", 0, 4)
INT8 = Scheme("int8", "8 bit integers, a scale a channel", 8, "channel", 0, 4)
INT4 = Scheme("int4", "4 bit, groups of 128", 4, "group", 128, 2)
AWQ = Scheme("awq", "4 bit AWQ, groups of 128", 4, "group", 128, 2, 4)
GPTQ = Scheme("gptq", "4 bit GPTQ, groups of 128", 4, "group", 128, 2)
NVFP4 = Scheme("nvfp4", "NVFP4, groups of 16", 4, "group", 16, 1)
MXFP4 = Scheme(
    "mxfp4",
    "MXFP4, experts only",
    4,
    "group",
    32,
    1,
    experts_only=True,
    column_padding=256,
)
"""Padding as a log of gpt-oss-120b on an H100 has it: 64.38 GiB (vLLM issue 33155)."""
MXFP4_PADDED = replace(MXFP4, row_padding=256)
"""Marlin and TensorRT-LLM kernels (vLLM 0.32, fused_moe/oracle/mxfp4.py): 65.97 GiB of
gpt-oss-120b on one GPU (vLLM issue 23278), 17.22 on each of four A100s."""
MXFP4_LINEAR = Scheme("mxfp4-all", "MXFP4", 4, "group", 32, 1)
MXFP8 = Scheme("mxfp8", "MXFP8", 8, "group", 32, 1)
NF4 = Scheme("nf4", "4 bit bitsandbytes, groups of 64", 4, "group", 64, 4)

SCHEMES = {
    scheme.id: scheme
    for scheme in (
        UNQUANTIZED,
        FP8,
        FP8_BLOCK,
        INT8,
        INT4,
        AWQ,
        GPTQ,
        NVFP4,
        MXFP4,
        NF4,
    )
}

_BY_NAME = (
    (r"w4a16|int4|4-?bit", INT4),
    (r"w8a8|w8a16|int8", INT8),
    (r"nvfp4|fp4(?!.*mx)", NVFP4),
    (r"mxfp4", MXFP4),
    (r"awq", AWQ),
    (r"gptq", GPTQ),
    (r"bnb|nf4", NF4),
    (r"fp8|float8", FP8),
)
_METHODS = {
    "fp8": FP8,
    "fbgemm_fp8": FP8,
    "ptpc_fp8": FP8,
    "awq": AWQ,
    "awq_marlin": AWQ,
    "gptq": GPTQ,
    "gptq_marlin": GPTQ,
    "mxfp4": MXFP4,
    "gpt_oss_mxfp4": MXFP4,
    "bitsandbytes": NF4,
    "modelopt": FP8,
    "modelopt_fp4": NVFP4,
    "experts_int8": replace(INT8, experts_only=True),
    "mxfp8": MXFP8,
    "modelopt_mxfp8": MXFP8,
    "nvfp4": NVFP4,
    "auto_round": GPTQ,
    "inc": GPTQ,
}


def scheme_of_name(repository: str) -> Scheme | None:
    """What a repository's name says of its weights, such as -FP8 or w4a16."""
    name = repository.rsplit("/", 1)[-1].lower()
    for pattern, scheme in _BY_NAME:
        if re.search(rf"(?<![a-z]){pattern}" if pattern == "awq" else pattern, name):
            return scheme
    return None


def scheme_of_method(method: str) -> Scheme | None:
    """What vLLM's --quantization means for the weights; None where it does not say."""
    return _METHODS.get(method.strip().lower().replace("-", "_"))


def with_group_size(scheme: Scheme, group_size: int) -> Scheme:
    """The same format with other groups; a group of -1 spans a whole row."""
    if scheme.scale != "group" or group_size == scheme.group_size:
        return scheme
    return replace(
        scheme,
        name=re.sub(r"groups of \d+", f"groups of {group_size}", scheme.name),
        group_size=group_size if group_size > 0 else WHOLE_ROW,
    )
