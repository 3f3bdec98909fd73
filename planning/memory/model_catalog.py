"""The catalog of models: by id, or by the name of any repository of the same shape.

``catalog/models.yaml`` holds config.json fields; ``architecture`` reads them
as it reads an uploaded file.
"""

import re
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from planning.catalog.as_of import read_as_of
from planning.catalog.rows import CATALOG, Row, read_catalog, read_entries
from planning.errors import BadConfig, BadSetting
from planning.memory.architecture import model_from_config
from planning.memory.model import Model
from planning.memory.quantization import scheme_of_name

MAX_ID_CHARS = 200
_SAME_SHAPE = re.compile(
    r"instruct|chat|it|hf|base|meta|pt|fp8|dynamic|block|quantized.*|w\da\d.*|awq|gptq|"
    r"int[48]|[48]bit|bnb|nf4|nvfp4|fp4|mxfp4|bf16|fp16|kv|marlin|g128|128g|unsloth|ptpc"
)
"""Words between hyphens that do not change a model's shape."""


@lru_cache(maxsize=4)
def load_models(path: Path = CATALOG / "models.yaml") -> tuple[Model, ...]:
    """All models in the file's order; raises BrokenCatalog with line and reason."""
    root = read_catalog(path)
    return read_entries(root, "models", lambda row: [_model(row)], "model")


@lru_cache(maxsize=1)
def _config_fields() -> dict[str, dict[str, Any]]:
    rows = read_catalog(CATALOG / "models.yaml").rows("models")
    return {row.text("id"): dict(row.value("config")) for row in rows}


def config_fields(model_id: str) -> dict[str, Any]:
    """The fields of config.json that the catalog has of a model; raises BadSetting."""
    found = _config_fields().get(model_id)
    if found is None:
        raise _unknown(model_id)
    return dict(found)


def model(model_id: str) -> Model:
    """The model of that catalog id; raises BadSetting."""
    for one in load_models():
        if one.id == model_id:
            return one
    raise _unknown(model_id)


def _unknown(model_id: str) -> BadSetting:
    reason = f"there is no model {model_id[:60]!r} in the catalog: choose one of it."
    return BadSetting("model", reason)


def find_model(hf_id: str) -> Model:
    """The model of a Hugging Face repository, quantised as its name says.

    ``RedHatAI/Llama-3.3-70B-Instruct-FP8-dynamic`` is Llama 3.3 70B with FP8 weights.
    Raises BadSetting where the catalog has no model of that shape.
    """
    name = hf_id.strip()[:MAX_ID_CHARS]
    found = _by_repository().get(name.lower()) or _by_shape().get(shape_key(name))
    if found is None:
        reason = (
            f"the catalog has no model {hf_id[:60]!r}: give its config.json instead."
        )
        raise BadSetting("model", reason)
    scheme = scheme_of_name(name)
    if scheme is None or found.scheme.is_quantized:
        return replace(found, hf_id=name)
    return replace(found, hf_id=name, scheme=scheme)


def shape_key(hf_id: str) -> str:
    """A repository's name without its owner and the words that leave its shape."""
    name = hf_id.rsplit("/", 1)[-1].lower()
    words = re.split(r"[-_]|\.(?=[a-z])", name)
    return "-".join(word for word in words if not _SAME_SHAPE.fullmatch(word))


@lru_cache(maxsize=1)
def _by_repository() -> dict[str, Model]:
    models = load_models()
    named = {a.lower(): m for m in models for a in m.aliases}
    return named | {m.hf_id.lower(): m for m in models}


@lru_cache(maxsize=1)
def _by_shape() -> dict[str, Model]:
    found: dict[str, Model] = {}
    for repository, one in reversed(_by_repository().items()):
        found[shape_key(repository)] = one
    return found


def _model(row: Row) -> Model:
    config = row.value("config")
    if not isinstance(config, dict):
        raise row.broken("config", "is a mapping of config.json's fields.")
    try:
        described = model_from_config(config, id=row.text("id"), name=row.text("name"))
    except BadConfig as error:
        raise row.broken("config", str(error)) from error
    as_of = read_as_of(row)
    return replace(
        described,
        hf_id=row.text("hf_id"),
        aliases=row.texts("aliases"),
        vision_params=row.optional_whole("vision_params", 1, 10**11) or 0,
        published_params=row.optional_whole("published_params", 1, 10**14),
        source=f"{row.text('source')}, {as_of}",
        doubts=tuple(row.texts("doubts")) + described.doubts,
        note=row.text("note", ""),
    )
