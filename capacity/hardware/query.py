"""What the calculator's form asks, read from a query: each fault one sentence."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from planning.catalog.gpus import gpu
from planning.errors import BadSetting
from planning.memory.architecture import model_from_config
from planning.memory.compact import MAX_CHARS
from planning.memory.config_json import read_config
from planning.memory.engine_settings import (
    MAX_BATCHED_TOKENS,
    MAX_MODEL_LEN,
    MAX_PARALLEL,
    MAX_SEQS,
    MAX_USERS,
)
from planning.memory.kv_format import KV_FORMATS
from planning.memory.model import Model
from planning.memory.model_catalog import model
from planning.memory.quantization import SCHEMES
from planning.memory.ranking import Need

OWN = "own"
"""The model's choice that stands for a config.json."""
AS_SHIPPED = "shipped"
CHEAPEST = "cheapest"
FEWEST = "fewest"
VERSIONS = ("0.32", "0.26", "0.19", "0.16")
"""One of each regime: 0.29 and later, from 0.21, from 0.17, and from 0.8."""
_MAX_TEXT = 60


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
        )


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
}
FIELDS_OF_SETTINGS = {
    "max_model_len": "context",
    "num_users": "users",
    "kv_cache_dtype": "kv",
    "gpu_memory_utilization": "utilization",
    "max_num_seqs": "seqs",
    "max_num_batched_tokens": "tokens",
}
"""The form's names for planning's."""


def read_query(values: Mapping[str, Any]) -> tuple[HardwareQuery, dict[str, str]]:
    """The fields and, by name, what is wrong; a wrong field keeps its default."""
    reader = _Reader(values)
    query = HardwareQuery(
        model=reader.text("model", HardwareQuery.model),
        config=reader.config(),
        weights=reader.choice("weights", (AS_SHIPPED, *SCHEMES)),
        kv=reader.choice("kv", KV_FORMATS),
        context=reader.whole("context", MAX_MODEL_LEN) or HardwareQuery.context,
        users=reader.whole("users", MAX_USERS) or HardwareQuery.users,
        gpu=reader.text("gpu", HardwareQuery.gpu),
        tp=reader.parallel(),
        pp=reader.whole("pp", MAX_PARALLEL) or HardwareQuery.pp,
        utilization=reader.share("utilization"),
        version=reader.choice("version", VERSIONS),
        seqs=reader.whole("seqs", MAX_SEQS),
        tokens=reader.whole("tokens", MAX_BATCHED_TOKENS),
    )
    return _known(query, reader.faults), reader.faults


def _known(query: HardwareQuery, faults: dict[str, str]) -> HardwareQuery:
    """With the defaults in place of a model or GPU that is not there."""
    if query.model != OWN:
        query = _or_default(query, "model", faults, lambda: model(query.model))
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


class _Reader:
    """Reads texts of a query and keeps what is wrong with them."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.values = values
        self.faults: dict[str, str] = {}

    def text(self, name: str, default: str) -> str:
        value = str(self.values.get(name, "")).strip()
        if len(value) > _MAX_TEXT:
            self.faults[name] = f"has at most {_MAX_TEXT} characters."
            return default
        return value or default

    def config(self) -> str:
        value = str(self.values.get("config", ""))
        if len(value) > MAX_CHARS:
            self.faults["config"] = (
                f"has at most {MAX_CHARS:,} characters in a link: upload the file."
            )
            return ""
        return value

    def choice(self, name: str, allowed: tuple[str, ...]) -> str:
        value = self.text(name, allowed[0])
        if value not in allowed:
            listed = ", ".join(allowed)
            self.faults[name] = f"is one of {listed}, not {value!r}."
            return allowed[0]
        return value

    def whole(self, name: str, most: int) -> int | None:
        value = self.text(name, "").replace(",", "").replace("\u202f", "")
        if not value:
            return None
        if not value.isdecimal() or len(value) > 18 or not 1 <= int(value) <= most:
            reason = f"is a whole number from 1 to {most:,}, not {value!r}."
            self.faults[name] = reason
            return None
        return int(value)

    def parallel(self) -> str:
        if self.text("tp", FEWEST) == FEWEST:
            return FEWEST
        number = self.whole("tp", MAX_PARALLEL)
        return FEWEST if number is None else str(number)

    def share(self, name: str) -> float:
        value = self.text(name, str(HardwareQuery.utilization))
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if not 0 < number <= 1:
            self.faults[name] = f"is a number over 0 and up to 1, not {value!r}."
            return HardwareQuery.utilization
        return number
