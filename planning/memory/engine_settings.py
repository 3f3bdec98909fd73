"""What an engine is started with, as far as it decides memory; vLLM's names."""

import math
import re
from dataclasses import dataclass
from enum import Enum

from planning.catalog.gpus import CALIBRATED_ARCH
from planning.errors import BadSetting
from planning.interval import Interval
from planning.memory.model import Model
from planning.memory.quantization import Scheme
from planning.memory.weights import Split

MAX_PARALLEL = 64
MAX_MODEL_LEN = 100_000_000
MAX_USERS = 1_000_000
MAX_SEQS = 65_536
MAX_BATCHED_TOKENS = 1_048_576
MAX_GPU_GIB = 10_000
_KV_BYTES = {"auto": 2, "bfloat16": 2, "float16": 2, "half": 2, "float32": 4}
KV_DTYPES = ("auto", "fp8")
OLD_ARCHS = ("volta", "turing")


class Regime(Enum):
    """How a range of vLLM versions counts memory besides weights and KV cache."""

    V0 = "up to 0.7"
    """The V0 engine: it profiles prompts of the whole context, and 256 requests."""
    OLD_SAMPLER = "0.8 to 0.16"
    """The sampler's warm-up sorts all logits: a peak about 2.5 times as high."""
    GRAPHS_OUTSIDE = "0.17 to 0.20"
    """CUDA graphs are captured after the KV cache is sized, beside it."""
    GRAPHS_BUDGETED = "0.21 to 0.28"
    """CUDA graphs are estimated first and taken off the KV cache, by the first model
    runner; which runner serves depends on the model (see model_runners)."""
    NEW_RUNNER = "0.29 and later"
    """The second model runner is the default, and budgets its graphs too."""


_FIRST_MINOR = (
    (29, Regime.NEW_RUNNER),
    (21, Regime.GRAPHS_BUDGETED),
    (17, Regime.GRAPHS_OUTSIDE),
    (8, Regime.OLD_SAMPLER),
    (0, Regime.V0),
)
V1, V2 = 1, 2
"""vLLM's model runners; the second one's warm-up skips top-k and top-p."""
FIRST_V2_DENSE, KNOWN_V2_DENSE = (0, 25), (0, 26)
"""From 0.26 on dense models have the second runner by default (config/vllm.py of 0.26,
_is_default_v2_model_runner_model); 0.25's file was not read."""
GRAPHS_IN_V2 = (0, 29)
"""Since then the second runner, too, estimates its graphs (in 0.26 it answers 0), and
it is the default of all models: https://github.com/vllm-project/vllm/releases/tag/v0.29.0
(opened 2026-11-26)."""
V0_REMOVED = (0, 11)
"""Up to the version before it, cards before Ampere ran the V0 engine."""


def version_of(version: str) -> tuple[int, int]:
    """Major and minor of a version such as 0.19.0; raises BadSetting."""
    match = re.match(r"v?(\d{1,4})\.(\d{1,4})", version.strip())
    if not match:
        reason = f"is a version of vLLM such as 0.32, not {version[:40]!r}."
        raise BadSetting("vllm_version", reason)
    return int(match[1]), int(match[2])


def regime_of(version: str) -> Regime:
    """From a version such as 0.19.0; raises BadSetting."""
    major, minor = version_of(version)
    if major > 0:
        return Regime.NEW_RUNNER
    return next(regime for first, regime in _FIRST_MINOR if minor >= first)


def kv_element_bytes(kv_cache_dtype: str) -> int:
    """Bytes of one cached value; raises BadSetting."""
    name = kv_cache_dtype.strip().lower()
    if name.startswith("fp8"):
        return 1
    if name not in _KV_BYTES:
        allowed = ", ".join((*_KV_BYTES, "fp8"))
        reason = f"is one of {allowed}, not {kv_cache_dtype[:40]!r}."
        raise BadSetting("kv_cache_dtype", reason)
    return _KV_BYTES[name]


@dataclass(frozen=True)
class EngineSettings:
    """A model on ``tp`` x ``pp`` equal GPUs of ``total_gib`` visible memory each."""

    model: Model
    total_gib: Interval
    tp: int = 1
    pp: int = 1
    max_model_len: int = 8_192
    """The context: tokens of one request, prompt and answer together."""
    num_users: int = 1
    """Requests at once at that context."""
    scheme: Scheme | None = None
    """Other weights than the repository's; None: as it ships them."""
    kv_cache_dtype: str = "auto"
    gpu_memory_utilization: float = 0.92
    max_num_seqs: int = 1_024
    max_num_batched_tokens: int = 8_192
    block_size: int = 16
    enforce_eager: bool = False
    vllm_version: str = "0.32"
    arch: str = CALIBRATED_ARCH
    """Of the card, as in the catalog: turing, ampere, ada, hopper, blackwell …"""
    is_float32: bool = False
    """Whether weights and activations are kept in 32 bit."""
    is_v0: bool | None = None
    """Whether the V0 engine runs; None: by version and card."""
    has_flashinfer_sampler: bool | None = None
    """Whether FlashInfer samples, which sorts no logits; None: not told."""
    model_runner: int | None = None
    """1 or 2, as VLLM_USE_V2_MODEL_RUNNER or a log say; None: by version and model."""
    is_cold: bool | None = None
    """Whether the compile cache is empty at the start; None: not told."""

    enable_prefix_caching: bool | None = None
    """None: as this version does where nothing is said."""

    @property
    def split(self) -> Split:
        """How the model is divided."""
        return Split(self.tp, self.pp)

    @property
    def num_gpus(self) -> int:
        """GPUs of the whole."""
        return self.tp * self.pp

    @property
    def regime(self) -> Regime:
        """What counts in this version of vLLM, on this card."""
        regime = regime_of(self.vllm_version)
        is_v0 = self.is_v0
        if is_v0 is None:
            is_old = self.arch in OLD_ARCHS
            is_v0 = is_old and version_of(self.vllm_version) < V0_REMOVED
        return Regime.V0 if is_v0 else regime

    @property
    def model_runners(self) -> tuple[int, ...]:
        """Runners that may serve, the likeliest first: one where it is known.

        By the source of vLLM 0.26 and 0.32 and the notes of 0.29. Between them the
        change was made by degrees for models with experts. Since 0.29 some settings
        fall back to the first: one log of 0.29.0 does.
        """
        if self.model_runner is not None:
            return (self.model_runner,)
        version = version_of(self.vllm_version)
        if version < FIRST_V2_DENSE:
            return (V1,)
        if version >= GRAPHS_IN_V2:
            return (V2, V1)
        if self.model.moe:
            return (V1, V2)
        return (V2,) if version >= KNOWN_V2_DENSE else (V1, V2)

    @property
    def is_calibrated_gpu(self) -> bool:
        """Whether the card is of the kind whose logs the overhead was fitted to."""
        return self.arch == CALIBRATED_ARCH

    @property
    def element_bytes(self) -> int:
        """Of a value that passes between layers."""
        return 4 if self.is_float32 else 2

    @property
    def kv_bytes(self) -> int:
        """Of a value in the cache."""
        is_auto = self.kv_cache_dtype.strip().lower() == "auto"
        name = "float32" if is_auto and self.is_float32 else self.kv_cache_dtype
        return kv_element_bytes(name)


def check(settings: EngineSettings) -> None:
    """Raises BadSetting with the field, the value and what is allowed."""
    limits = {
        "tp": (settings.tp, MAX_PARALLEL),
        "pp": (settings.pp, MAX_PARALLEL),
        "max_model_len": (settings.max_model_len, MAX_MODEL_LEN),
        "num_users": (settings.num_users, MAX_USERS),
        "max_num_seqs": (settings.max_num_seqs, MAX_SEQS),
        "max_num_batched_tokens": (
            settings.max_num_batched_tokens,
            MAX_BATCHED_TOKENS,
        ),
        "block_size": (settings.block_size, 1_024),
    }
    for name, (value, most) in limits.items():
        if not 1 <= value <= most:
            reason = f"is a whole number from 1 to {most:,}, not {value:,}."
            raise BadSetting(name, reason)
    share = settings.gpu_memory_utilization
    if not (math.isfinite(share) and 0 < share <= 1):
        reason = f"is a number over 0 and up to 1, not {share:g}."
        raise BadSetting("gpu_memory_utilization", reason)
    total = settings.total_gib.value
    if not (math.isfinite(total) and 0 < total <= MAX_GPU_GIB):
        reason = f"is over 0 and up to {MAX_GPU_GIB:,} GiB, not {total:g}."
        raise BadSetting("total_gib", reason)
    if settings.model_runner not in (None, V1, V2):
        raise BadSetting("model_runner", f"is 1 or 2, not {settings.model_runner}.")
    _check_split(settings)
    kv_element_bytes(settings.kv_cache_dtype)


def _check_split(settings: EngineSettings) -> None:
    model = settings.model
    if model.num_attention_heads % settings.tp:
        reason = (
            f"is {settings.tp}: vLLM divides the {model.num_attention_heads} attention "
            f"heads of {model.name} among the GPUs, which leaves a rest."
        )
        raise BadSetting("tp", reason)
    kv_heads = model.num_key_value_heads
    if not model.mla and max(kv_heads, settings.tp) % min(kv_heads, settings.tp):
        reason = f"is {settings.tp}: {kv_heads} KV heads cannot be shared out so."
        raise BadSetting("tp", reason)
    if model.state and not model.state.is_divided_by(settings.tp):
        reason = (
            f"is {settings.tp}: the heads of {model.name}'s layers with a state "
            "cannot be shared out so."
        )
        raise BadSetting("tp", reason)
    if settings.pp > model.num_hidden_layers:
        reason = f"is {settings.pp}: the model has {model.num_hidden_layers} layers."
        raise BadSetting("pp", reason)
