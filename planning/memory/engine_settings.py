"""What an engine is started with, as far as it decides memory; vLLM's names."""

import math
from dataclasses import dataclass

from planning.catalog.gpus import CALIBRATED_ARCH
from planning.interval import Interval
from planning.memory.drafter import Drafter
from planning.memory.lora import LoraSlots
from planning.memory.model import Model
from planning.memory.quantization import Scheme
from planning.memory.split import Split
from planning.memory.versions import (
    FIRST_V2_DENSE,
    GRAPHS_IN_V2,
    KNOWN_V2_DENSE,
    V0_REMOVED,
    V1,
    V2,
    Regime,
    regime_of,
    version_of,
)

MAX_PARALLEL = 64
MAX_MODEL_LEN = 100_000_000
MAX_USERS = 1_000_000
MAX_SEQS = 65_536
MAX_BATCHED_TOKENS = 1_048_576
MAX_GPU_GIB = 10_000
OLD_ARCHS = ("volta", "turing")


@dataclass(frozen=True)
class EngineSettings:
    """A model on ``tp`` × ``pp`` × ``dp`` equal GPUs, ``total_gib`` visible of each."""

    model: Model
    total_gib: Interval
    tp: int = 1
    pp: int = 1
    dp: int = 1
    """Engines side by side, which share out the requests and a model's experts."""
    is_expert_parallel: bool = False
    """Whether a GPU has whole experts instead of a part of each."""
    max_model_len: int = 8_192
    """The context: tokens of one request, prompt and answer together."""
    num_users: int = 1
    """Requests at once at that context."""
    loras: LoraSlots | None = None
    """Slots for adapters; None: started without --enable-lora."""
    drafter: Drafter | None = None
    """Speculative decoding; None: without."""
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
        return Split(self.tp, self.pp, self.dp, self.is_expert_parallel)

    @property
    def num_gpus(self) -> int:
        """GPUs of the whole."""
        return self.tp * self.pp * self.dp

    @property
    def users_of_an_engine(self) -> int:
        """Of those asked for, where data-parallel engines share them evenly."""
        return math.ceil(self.num_users / self.dp)

    @property
    def num_drafted_tokens(self) -> int:
        """A step, by the drafter."""
        return self.drafter.num_tokens if self.drafter else 0

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
