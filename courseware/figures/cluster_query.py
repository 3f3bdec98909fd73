"""What the cluster figure asks, read from a link: each fault one sentence."""

from collections.abc import Mapping
from dataclasses import dataclass

from planning.catalog.gpus import Gpu, gpu, load_gpus
from planning.errors import BadSetting
from planning.memory.engine_settings import MAX_MODEL_LEN, MAX_USERS
from planning.memory.model_catalog import load_models, model
from planning.memory.quantization import SCHEMES
from planning.memory.ranking import Need
from planning.written_numbers import plain_number

SHIPPED = "shipped"
"""The choice of weights that leaves them as the repository has them."""
KV_CHOICES = ("auto", "fp8")
"""Formats of the KV cache to choose from here; the calculator knows them all."""
_MAX_CHARS = 60
LABELS = {
    "model": "Model",
    "weights": "Weights",
    "kv": "KV cache",
    "gpu": "Card",
    "users": "Users at once",
    "context": "Tokens each",
}
Option = tuple[str, str]


@dataclass(frozen=True)
class ClusterQuery:
    """The form's fields by the names they have in the link."""

    model: str = "llama-3.1-70b"
    weights: str = "fp8"
    kv: str = "fp8"
    gpu: str = "h100-sxm"
    users: int = 200
    context: int = 4_096

    def need(self) -> Need:
        """What to arrange."""
        return Need(
            model(self.model),
            None if self.weights == SHIPPED else SCHEMES[self.weights],
            self.kv,
            self.context,
            self.users,
        )

    def card(self) -> Gpu:
        """On which cards."""
        return gpu(self.gpu)


CHECKLIST = {
    "llama-8b-16": ("llama-3.1-8b", "bf16"),
    "llama-13b-16": ("llama-2-13b", "bf16"),
    "llama-70b-4": ("llama-3.1-70b", "awq"),
    "llama-70b-16": ("llama-3.1-70b", "bf16"),
}
"""Model and weights for the choices of the figure ``cards``, which leads here."""
CHECKLIST_CARDS = {"A100 SXM": "a100-80-sxm"}
"""Cards that it calls otherwise than the catalog does."""


def from_checklist(values: Mapping[str, str]) -> dict[str, str]:
    """A link of that figure in this one's names; any other link as it is."""
    found = {name: str(values.get(name, "")) for name in LABELS}
    if found["model"] in CHECKLIST:
        chosen, weights = CHECKLIST[found["model"]]
        found |= {"model": chosen, "weights": weights, "kv": "auto"}
    by_name = {one.name: one.id for one in load_gpus()} | CHECKLIST_CARDS
    found["gpu"] = by_name.get(found["gpu"], found["gpu"])
    return found


def read_query(values: Mapping[str, str]) -> tuple[ClusterQuery, dict[str, str]]:
    """The fields and, by name, what is wrong; a wrong field keeps its default."""
    reader, plain = _Reader(from_checklist(values)), ClusterQuery()
    query = ClusterQuery(
        model=reader.known("model", plain.model, [one.id for one in load_models()]),
        weights=reader.known("weights", plain.weights, [SHIPPED, *SCHEMES]),
        kv=reader.known("kv", plain.kv, KV_CHOICES),
        gpu=reader.known("gpu", plain.gpu, [one.id for one in load_gpus()]),
        users=reader.whole("users", plain.users, MAX_USERS),
        context=reader.whole("context", plain.context, MAX_MODEL_LEN),
    )
    return query, reader.faults


def options() -> dict[str, list[Option]]:
    """What each menu of the form offers."""
    models = sorted(load_models(), key=lambda one: one.name.lower())
    weights = [(scheme.id, scheme.name) for scheme in SCHEMES.values()]
    return {
        "models": [(one.id, one.name) for one in models],
        "weights": [(SHIPPED, "as published"), *weights],
        "kv_dtypes": [("auto", "16 bit"), ("fp8", "FP8")],
        "gpus": [(one.id, one.name) for one in load_gpus()],
    }


def fault_of(error: BadSetting) -> tuple[str, str]:
    """The form's name of a field that planning refuses, and why."""
    names = {"max_model_len": "context", "num_users": "users", "kv_cache_dtype": "kv"}
    return names.get(error.field, error.field), error.reason


class _Reader:
    """Reads texts of a link and keeps what is wrong with them."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values
        self.faults: dict[str, str] = {}

    def known(
        self, name: str, default: str, allowed: tuple[str, ...] | list[str]
    ) -> str:
        value = self._text(name) or default
        if value in allowed:
            return value
        self.faults[name] = f"has no {value[:_MAX_CHARS]!r}: choose one of the menu."
        return default

    def whole(self, name: str, default: int, most: int) -> int:
        value = plain_number(self._text(name))
        if not value:
            return default
        is_whole = value.isascii() and value.isdecimal() and len(value) < 18
        if not is_whole or not 1 <= int(value) <= most:
            reason = (
                f"is a whole number from 1 to {most:,}, not {value[:_MAX_CHARS]!r}."
            )
            self.faults[name] = reason
            return default
        return int(value)

    def _text(self, name: str) -> str:
        return str(self._values.get(name, "")).strip()
