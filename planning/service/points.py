"""Published speeds, and what the roofline says for each."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal, cast

from planning.catalog.gpus import Gpu, gpu
from planning.catalog.rows import CATALOG, Row, read_catalog, read_entries
from planning.memory.engine_settings import EngineSettings
from planning.memory.model_catalog import model
from planning.memory.quantization import SCHEMES
from planning.memory.sizing import estimate_memory
from planning.service.model_cost import ModelCost, model_cost
from planning.service.roofline import Roofline

What = Literal["itl_ms", "ttft_ms", "total_tokens_per_s", "output_tokens_per_s"]
Era = Literal["new", "old"]
WHATS = ("itl_ms", "ttft_ms", "total_tokens_per_s", "output_tokens_per_s")


@dataclass(frozen=True)
class Point:
    """One published figure and its conditions."""

    id: str
    gpu: Gpu
    num_gpus: int
    cost: ModelCost
    dtype: str
    """Of the arithmetic: fp16 or fp8."""
    pool_tokens: float
    """That the KV cache holds."""
    at_once: int
    """0: as many as the engine takes."""
    input: int
    output: float
    what: What
    value: float
    era: Era
    is_fitted: bool
    source: str
    note: str

    @property
    def context(self) -> float:
        """Mean tokens of a request while it decodes."""
        return self.input + self.output / 2

    @property
    def is_faster_if_larger(self) -> bool:
        """Whether it is a rate, not a time."""
        return not self.what.endswith("_ms")


@lru_cache(maxsize=2)
def load_points(path: Path = CATALOG / "service_points.yaml") -> tuple[Point, ...]:
    """All points; raises BrokenCatalog with line and reason."""
    root = read_catalog(path)
    root.value("as_of")
    named = root.row("sources")
    return read_entries(root, "points", lambda row: [_point(row, named)], "point")


def _point(row: Row, named: Row | None) -> Point:
    assert named is not None, "the catalog names its sources"
    card = gpu(row.text("gpu"))
    num_gpus = row.optional_whole("gpus", 1, 64) or 1
    weights, fitted = row.text("weights", ""), row.value("is_fitted")
    tokens, seqs = card.step_limits
    shape = model(row.text("model"))
    output = row.number("output", 1, 1e6)
    length = row.whole("input", 1, 10**6)
    settings = EngineSettings(
        model=shape,
        total_gib=card.visible_gib,
        tp=num_gpus,
        max_model_len=min(int(length + output) + 1, shape.longest_context),
        scheme=SCHEMES[weights] if weights else None,
        kv_cache_dtype=row.text("kv", "auto"),
        gpu_memory_utilization=0.9,
        max_num_seqs=seqs,
        max_num_batched_tokens=tokens,
        vllm_version="0.19",
        arch=card.arch,
    )
    estimate = estimate_memory(settings)
    return Point(
        id=row.text("id"),
        gpu=card,
        num_gpus=num_gpus,
        cost=model_cost(estimate.settings),
        dtype="fp8" if weights.startswith("fp8") else "fp16",
        pool_tokens=estimate.num_tokens.value,
        at_once=row.optional_whole("at_once", 1, 4096) or 0,
        input=length,
        output=output,
        what=cast(What, row.choice("what", WHATS)),
        value=row.number("value", 1e-3, 1e9),
        era=cast(Era, row.choice("era", ("new", "old")) if row.has("era") else "new"),
        is_fitted=fitted is not False,
        source=named.text(row.text("source")),
        note=row.text("note", ""),
    )


def predicted(point: Point, line: Roofline) -> float:
    """What the roofline says, in the point's unit."""
    budget, most = point.gpu.step_limits
    if point.what == "itl_ms":
        return 1e3 * line.step_s(point.at_once, point.context)
    if point.what == "ttft_ms":
        return 1e3 * line.prompt_s(point.input, budget)
    if point.what == "output_tokens_per_s":
        prompt = line.prompt_s(point.input, budget)
        each = line.step_s(1, point.context)
        return point.output / (prompt + (point.output - 1) * each)
    held = point.pool_tokens / (point.input + point.output)
    number = max(1, min(most, int(held)))
    decoding = (point.output - 1) * line.step_s(number, point.context) / number
    total = point.input + point.output
    return total / (line.crowded_prompt_s(point.input, budget) + decoding)
