"""Tokens a second of a card and of one request, by how many share a step.

An upper bound from the card's published figures: ``planning.cluster.decode_step``.
"""

import math

from courseware.figures.files import Context
from courseware.plot import Axis, Plot
from planning.catalog.gpus import gpu
from planning.cluster.decode_step import BatchCurve, DecodeStep
from planning.cluster.decode_step import batch_curve as curve_of
from planning.memory.model_catalog import model
from planning.memory.ranking import Need, settings_for
from planning.memory.sizing import estimate_memory

MODEL, CARD, TOKENS_EACH = "llama-3.1-8b", "h100-sxm", 2_048
_BATCHES = (1, 2, 4, 8, 16, 30, 64, 128, 256, 512)
_PLOT = Plot(left=42, right=290, top=14, bottom=164)
_DECADES = (10, 100, 1_000, 10_000)


def batch_curve() -> Context:
    """Of the model and card that the chapter's sums are about."""
    return batch_curve_context(MODEL, CARD, TOKENS_EACH)


def batch_curve_context(model_id: str, gpu_id: str, tokens_each: int) -> Context:
    """Both curves over the batch, and what a step reads; up to what memory holds."""
    need, card = Need(model(model_id), context=tokens_each), gpu(gpu_id)
    most = int(estimate_memory(settings_for(need, card)).users.low)
    batches = [*(n for n in _BATCHES if n < most), most]
    curve = curve_of(need, card, batches, tokens_each)
    sizes = Axis.up_to(max(_read(step) for step in curve.steps) / 1e9)
    return {
        "model": need.model.name,
        "card": card.name,
        "tokens_each": f"{tokens_each:,}",
        "most": f"{most:,}",
        "plot": _PLOT,
        "across": [{"value": n, "at": _across(n, most)} for n in (1, 4, 16, 64, most)],
        "rates_up": [{"value": f"{n:,}", "at": _up(n)} for n in _DECADES],
        "all": _line([(s.batch, s.tokens_per_s) for s in curve.steps], most),
        "each": _line([(s.batch, s.tokens_per_s_each) for s in curve.steps], most),
        "sizes_up": sizes.ticks(_PLOT.up),
        "bars": _bars(curve, sizes),
        "rows": [_row(step, curve.steps[0]) for step in curve.steps],
        "sentence": _sentence(curve, most),
    }


def _across(batch: float, most: int) -> float:
    return _PLOT.across(math.log2(batch) / math.log2(max(2, most)))


def _up(rate: float) -> float:
    low, high = (math.log10(n) for n in (_DECADES[0], _DECADES[-1] * 2))
    return _PLOT.up((math.log10(rate) - low) / (high - low))


def _line(points: list[tuple[int, float]], most: int) -> Context:
    dots = [{"x": _across(batch, most), "y": _up(rate)} for batch, rate in points]
    return {
        "dots": dots,
        "path": "M" + "L".join(f"{dot['x']},{dot['y']}" for dot in dots),
        "middle": dots[len(dots) // 2],
    }


def _read(step: DecodeStep) -> float:
    return step.weight_bytes + step.kv_bytes


def _bars(curve: BatchCurve, sizes: Axis) -> list[Context]:
    """What each step reads: weights below, KV cache on top."""
    wide = (_PLOT.right - _PLOT.left) / len(curve.steps)
    bars = []
    for number, step in enumerate(curve.steps):
        tops = [
            _PLOT.up(sizes.share(n / 1e9)) for n in (step.weight_bytes, _read(step))
        ]
        x = round(_PLOT.left + number * wide + 2, 1)
        bars.append(
            {
                "x": x,
                "width": round(wide - 4, 1),
                "middle": round(x + wide / 2 - 2, 1),
                "batch": step.batch,
                "weights_y": tops[0],
                "weights_height": round(_PLOT.bottom - tops[0], 1),
                "kv_y": tops[1],
                "kv_height": round(tops[0] - tops[1], 1),
            }
        )
    return bars


def _row(step: DecodeStep, alone: DecodeStep) -> Context:
    return {
        "batch": step.batch,
        "weights_gb": f"{step.weight_bytes / 1e9:.1f}",
        "kv_gb": f"{step.kv_bytes / 1e9:.1f}",
        "read_ms": f"{1e3 * step.read_s:.1f}",
        "compute_ms": f"{1e3 * step.compute_s:.1f}",
        "times": f"{step.seconds / alone.seconds:.2f}",
        "all": f"{step.tokens_per_s:,.0f}",
        "each": f"{step.tokens_per_s_each:,.0f}",
    }


def _sentence(curve: BatchCurve, most: int) -> str:
    kv, arithmetic = curve.kv_overtakes_at, curve.arithmetic_overtakes_at
    said = "Reading the cache never outweighs reading the weights here"
    if kv is not None and kv <= most:
        said = f"From {kv:,} requests on a step reads more cache than weights"
    if arithmetic is None:
        return f"{said}, and its arithmetic never takes longer than its reading."
    if arithmetic > most:
        return f"{said}; arithmetic would take over at {arithmetic:,}, beyond memory."
    return f"{said}; from {arithmetic:,} on arithmetic takes longer than reading."
