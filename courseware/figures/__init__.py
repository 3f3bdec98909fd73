"""The chapter's figures; each draws one template.

A figure is a function without arguments that returns the context of
``courseware/figures/<name>.html``.
"""

from collections.abc import Callable
from functools import cache

from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from courseware.figures.batch_curve import batch_curve
from courseware.figures.cluster import cluster
from courseware.figures.drawn import (
    block_table,
    break_even,
    cards,
    cold_start,
    kv_waste,
    memory_layout,
    vram,
)
from courseware.figures.files import Context, claims_of, figure_json, forget_files
from courseware.figures.motif import home_motif
from courseware.figures.run import paged_or_contiguous
from courseware.figures.step_sharing import step_sharing

__all__ = [
    "FIGURES",
    "block_table",
    "break_even",
    "cards",
    "claims_of",
    "cold_start",
    "draw_figure",
    "figure_json",
    "forget_data",
    "home_motif",
    "kv_waste",
    "memory_layout",
    "paged_or_contiguous",
    "vram",
]


@cache
def draw_figure(name: str) -> SafeString:
    """The HTML of a figure: the same in every chapter that shows it."""
    return render_to_string(f"courseware/figures/{name}.html", FIGURES[name]())


def forget_data() -> None:
    """Read the files anew: one of them has changed."""
    draw_figure.cache_clear()
    forget_files()


FIGURES: dict[str, Callable[[], Context]] = {
    "kv-waste": kv_waste,
    "memory-layout": memory_layout,
    "paged-or-contiguous": paged_or_contiguous,
    "cards": cards,
    "block-table": block_table,
    "cold-start": cold_start,
    "break-even": break_even,
    "vram": vram,
    "cluster": cluster,
    "step-sharing": step_sharing,
    "batch-curve": batch_curve,
}
