"""LoRA: what the slots for adapters take, which are there before any is loaded.

Beside each linear layer vLLM keeps two buffers for ``max_loras`` adapters of up to
``max_rank``, in 16 bit. With tensor parallelism one of the two is whole on each GPU,
for a layer is divided along one of its sides only:

    x ── A: rank × inputs, for each fused projection ── B: outputs × rank ── + layer(x)

Families whose class says so have them beside the embedding and lm_head too, there
whole on each GPU. Source: vLLM 0.32, lora/layers/ (create_lora_weights of base_linear,
column_parallel_linear, row_parallel_linear, fused_moe, logits_processor and
vocab_parallel_embedding) and lora/model_manager.py (_create_lora_modules).
"""

from collections.abc import Iterable
from dataclasses import dataclass

from planning.errors import BadSetting
from planning.interval import Interval
from planning.memory.model import Model
from planning.memory.split import Split
from planning.memory.tensors import ELEMENT_BYTES, Linear, layer_tensors

RANKS = (1, 8, 16, 32, 64, 128, 256, 320, 512)
"""What --max-lora-rank may be (config/lora.py, MaxLoRARanks)."""
MAX_LORAS = 4_096
MAX_VOCAB = 258_048
"""Above it vLLM refuses adapters beside lm_head."""
_BOTH = frozenset(
    "llama phi3 granite granitemoe granitemoehybrid nemotron nemotron-nas nemotron_h "
    "jamba mixtral phimoe qwen3 qwen3_moe qwen3_5_text qwen3_5_moe_text falcon_h1 lfm2 "
    "lfm2_moe".split()
)
"""Families with adapters beside the embedding and lm_head."""
_EMBEDDING = frozenset("cohere cohere2 smollm3 seed_oss olmo2 starcoder2 phi".split())
"""Beside the embedding alone."""
_NEITHER = frozenset(
    "mistral qwen2 falcon glm4 gemma gemma2 gemma3_text".split(),
)
_FUSED = frozenset("phi3 falcon".split())
"""Families whose checkpoints fuse q, k and v, or gate and up, themselves."""
SHARE_OF_DOUBT = 0.01
SHARE_OF_DOUBT_UNLIKE = 0.3
"""Of experts, states and MLA, whose fused projections differ by kernel."""


@dataclass(frozen=True)
class LoraSlots:
    """As --max-loras and --max-lora-rank have them."""

    max_loras: int = 1
    max_rank: int = 16

    def check(self, model: Model) -> None:
        """Raises BadSetting for what vLLM refuses at the start."""
        if not 1 <= self.max_loras <= MAX_LORAS:
            reason = f"is a whole number from 1 to {MAX_LORAS:,}, not {self.max_loras}."
            raise BadSetting("max_loras", reason)
        if self.max_rank not in RANKS:
            allowed = ", ".join(map(str, RANKS))
            raise BadSetting("max_lora_rank", f"is one of {allowed}.")
        if model.model_type in _BOTH and model.vocab_size > MAX_VOCAB:
            reason = (
                f"is for vocabularies of up to {MAX_VOCAB:,}: vLLM refuses adapters "
                f"beside the {model.vocab_size:,} of {model.name}."
            )
            raise BadSetting("max_loras", reason)


def slots_bytes(
    model: Model, slots: LoraSlots, split: Split, layers: range, *, is_first: bool
) -> Interval:
    """Of these layers on one GPU; the ends of the model go with the first stage."""
    tensors = layer_tensors(model, split, layers)
    linears = [one.linear for one in tensors if one.linear is not None]
    is_fused = model.model_type in _FUSED
    values = sum(_values(one, slots.max_rank, is_fused) for one in linears)
    ends = list(_ends(model)) if is_first else []
    rank = slots.max_rank
    sure = sum(_values(one, rank, False) for one in ends)
    known = model.model_type in (_BOTH | _EMBEDDING | _NEITHER)
    is_unlike = model.moe or model.state or model.mla or model.grouped_output
    share = SHARE_OF_DOUBT_UNLIKE if is_unlike else SHARE_OF_DOUBT
    value = values + (sure if known else 0.0)
    doubt = values * share
    each = Interval.around(value, doubt, doubt + (0.0 if known else sure))
    return each.times(slots.max_loras * ELEMENT_BYTES)


def _ends(model: Model) -> Iterable[Linear]:
    """Beside the embedding and lm_head; of a family not known, both."""
    if model.model_type in _NEITHER:
        return
    yield Linear(model.hidden_size, model.vocab_size)
    if model.model_type not in _EMBEDDING:
        yield Linear(model.vocab_size, model.hidden_size)


def _values(linear: Linear, rank: int, is_fused: bool) -> float:
    slices = 1 if is_fused else linear.num_slices
    return linear.number * rank * (slices * linear.columns + linear.rows)
