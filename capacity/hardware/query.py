"""What the calculator's form asks, read from a query: each fault one sentence."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from capacity.hardware.reader import Reader
from planning.catalog.gpus import gpu
from planning.errors import BadSetting
from planning.memory.architecture import model_from_config
from planning.memory.config_json import read_config
from planning.memory.drafter import MAX_TOKENS, Drafter, method_of
from planning.memory.engine_settings import (
    MAX_BATCHED_TOKENS,
    MAX_MODEL_LEN,
    MAX_PARALLEL,
    MAX_SEQS,
    MAX_USERS,
)
from planning.memory.kv_format import KV_FORMATS
from planning.memory.lora import MAX_LORAS, RANKS, LoraSlots
from planning.memory.model import Model
from planning.memory.model_catalog import model
from planning.memory.quantization import SCHEMES
from planning.memory.ranking import Need

IN_PARTS, WHOLE_EXPERTS = "parts", "whole"
"""A part of each expert on every GPU, or whole ones (expert parallelism)."""
NO_DRAFTER = "none"
DRAFTERS = (NO_DRAFTER, "ngram", "mtp", "eagle3", "draft_model")
UNTOLD = "untold"
RUNNERS = (UNTOLD, "1", "2")
COMPILED = {UNTOLD: None, "warm": False, "cold": True}
"""Whether the compile cache is empty at the start, as EngineSettings has it."""
OWN = "own"
"""The model's choice that stands for a config.json."""
AS_SHIPPED = "shipped"
CHEAPEST = "cheapest"
FEWEST = "fewest"
VERSIONS = ("0.32", "0.33", "0.26", "0.19", "0.16")
"""One of each regime: from 0.29, from 0.21, from 0.17, and from 0.8; and 0.33, whose
gated delta nets take other blocks."""
_RANKS = ("16", *(str(rank) for rank in RANKS if rank != 16))


@dataclass(frozen=True)
class HardwareQuery:
    """The form's fields by the names they have in the link; defaults are left out."""

    model: str = "llama-3.1-8b"
    config: str = ""
    """The compact config.json where ``model`` is "own"."""
    weights: str = AS_SHIPPED
    kv: str = "auto"
    context: int = 8_192
    users: int = 8
    gpu: str = CHEAPEST
    tp: str = FEWEST
    pp: int = 1
    utilization: float = 0.92
    version: str = VERSIONS[0]
    seqs: int | None = None
    tokens: int | None = None
    dp: int = 1
    experts: str = IN_PARTS
    drafter: str = NO_DRAFTER
    drafts: int = 3
    draft_model: str = "llama-3.2-1b"
    loras: int | None = None
    """Slots for adapters; None: started without them."""
    rank: int = 16
    runner: str = UNTOLD
    compiled: str = UNTOLD

    def link_fields(self) -> dict[str, str]:
        """The fields that are not the default, as texts."""
        plain = HardwareQuery()
        return {
            one.name: str(value)
            for one in fields(self)
            if (value := getattr(self, one.name)) != getattr(plain, one.name)
        }

    def the_model(self) -> Model:
        """From the catalog, or from the config.json; raises BadSetting."""
        if self.model != OWN:
            return model(self.model)
        return model_from_config(read_config(self.config))

    def need(self) -> Need:
        """What to plan for; raises BadSetting."""
        return Need(
            model=self.the_model(),
            scheme=None if self.weights == AS_SHIPPED else SCHEMES[self.weights],
            kv_cache_dtype=self.kv,
            context=self.context,
            num_users=self.users,
            gpu_memory_utilization=self.utilization,
            vllm_version=self.version,
            max_num_seqs=self.seqs,
            max_num_batched_tokens=self.tokens,
            dp=self.dp,
            is_expert_parallel=self.experts == WHOLE_EXPERTS,
            drafter=self.the_drafter(),
            loras=LoraSlots(self.loras, self.rank) if self.loras else None,
            model_runner=None if self.runner == UNTOLD else int(self.runner),
            is_cold=COMPILED[self.compiled],
        )

    def beyond_rates(self) -> str:
        """The first field that asks for what a worker's rates are not known with; ""
        where there is none."""
        asked = {
            "pp": self.pp > 1,
            "dp": self.dp > 1,
            "drafter": self.drafter != NO_DRAFTER,
            "loras": self.loras is not None,
        }
        return next((name for name, is_asked in asked.items() if is_asked), "")

    def the_drafter(self) -> Drafter | None:
        """What drafts tokens; raises BadSetting."""
        if self.drafter == NO_DRAFTER:
            return None
        method = method_of(self.drafter)
        drafting = model(self.draft_model) if method == "draft_model" else None
        return Drafter(method, self.drafts, drafting)


LABELS = {
    "model": "Model",
    "config": "config.json",
    "weights": "Weights",
    "kv": "KV cache",
    "context": "Context",
    "users": "Users at once",
    "gpu": "GPU",
    "tp": "Tensor parallel",
    "pp": "Pipeline parallel",
    "utilization": "Share of the GPU",
    "version": "vLLM",
    "seqs": "Requests a step",
    "tokens": "Tokens a step",
    "dp": "Data parallel",
    "experts": "Experts",
    "drafter": "Speculative decoding",
    "drafts": "Drafted tokens",
    "draft_model": "Draft model",
    "loras": "LoRA slots",
    "rank": "LoRA rank",
    "runner": "Model runner",
    "compiled": "Compile cache",
}
FIELDS_OF_SETTINGS = {
    "max_model_len": "context",
    "num_users": "users",
    "kv_cache_dtype": "kv",
    "gpu_memory_utilization": "utilization",
    "max_num_seqs": "seqs",
    "max_num_batched_tokens": "tokens",
    "is_expert_parallel": "experts",
    "num_speculative_tokens": "drafts",
    "max_loras": "loras",
    "max_lora_rank": "rank",
    "model_runner": "runner",
}
"""The form's names for planning's."""


def read_query(values: Mapping[str, Any]) -> tuple[HardwareQuery, dict[str, str]]:
    """The fields and, by name, what is wrong; a wrong field keeps its default."""
    reader = Reader(values)
    query = HardwareQuery(
        model=reader.text("model", HardwareQuery.model),
        config=reader.config(),
        weights=reader.choice("weights", (AS_SHIPPED, *SCHEMES)),
        kv=reader.choice("kv", KV_FORMATS),
        context=reader.whole("context", MAX_MODEL_LEN) or HardwareQuery.context,
        users=reader.whole("users", MAX_USERS) or HardwareQuery.users,
        gpu=reader.text("gpu", HardwareQuery.gpu),
        tp=reader.count("tp", FEWEST, MAX_PARALLEL),
        pp=reader.whole("pp", MAX_PARALLEL) or HardwareQuery.pp,
        utilization=reader.share("utilization", HardwareQuery.utilization),
        version=reader.choice("version", VERSIONS),
        seqs=reader.whole("seqs", MAX_SEQS),
        tokens=reader.whole("tokens", MAX_BATCHED_TOKENS),
        dp=reader.whole("dp", MAX_PARALLEL) or HardwareQuery.dp,
        experts=reader.choice("experts", (IN_PARTS, WHOLE_EXPERTS)),
        drafter=reader.choice("drafter", DRAFTERS),
        drafts=reader.whole("drafts", MAX_TOKENS) or HardwareQuery.drafts,
        draft_model=reader.text("draft_model", HardwareQuery.draft_model),
        loras=reader.whole("loras", MAX_LORAS),
        rank=int(reader.choice("rank", _RANKS)),
        runner=reader.choice("runner", RUNNERS),
        compiled=reader.choice("compiled", tuple(COMPILED)),
    )
    return _known(query, reader.faults), reader.faults


def _known(query: HardwareQuery, faults: dict[str, str]) -> HardwareQuery:
    """With the defaults in place of a model or GPU that is not there."""
    if query.model != OWN:
        query = _or_default(query, "model", faults, lambda: model(query.model))
    if query.drafter == "draft_model":
        name = query.draft_model
        query = _or_default(query, "draft_model", faults, lambda: model(name))
    if query.gpu != CHEAPEST:
        query = _or_default(query, "gpu", faults, lambda: gpu(query.gpu))
    return query


def _or_default(
    query: HardwareQuery, name: str, faults: dict[str, str], look: Any
) -> HardwareQuery:
    try:
        look()
    except BadSetting as error:
        faults[name] = error.reason
        return replace(query, **{name: getattr(HardwareQuery(), name)})
    return query
