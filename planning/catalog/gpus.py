"""The catalog of GPUs: memory that can be used, bandwidth, throughput, with sources."""

import re
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Literal, cast

from planning.catalog.as_of import AsOf, read_as_of
from planning.catalog.rows import CATALOG, Row, entry_of, read_catalog, read_entries
from planning.interval import Interval

Status = Literal["verified", "single", "recalled"]
CALIBRATED_ARCH = "hopper"
"""The overhead was fitted to logs of H100s."""
_MAX_GB = 10_000
_MAX_RATE = 1_000_000
BIG_GIB = 70
HUGE_GIB = 160
MIG_SLICES, MIG_SLICES_RTX = 7, 4
MIG_LEAST_SEEN = 0.9
_ARCHS = (
    (r"rtx ?50|rtx pro|gb10", "blackwell-rtx"),
    (r"b[23]00|blackwell", "blackwell"),
    (r"\bg?h(100|200|20|800)\b", "hopper"),
    (r"\bl40s?\b|\bl4\b|rtx ?40|ada", "ada"),
    (r"a100|a800|\ba10g?\b|a40\b|a6000|rtx ?30|ampere", "ampere"),
    (r"\bt4\b|rtx ?20|turing", "turing"),
    (r"v100|volta", "volta"),
    (r"\bmi\d|radeon|amd", "amd"),
)
"""Architectures by what logs call the cards."""


@dataclass(frozen=True)
class Gpu:
    """One card. None: no source states it."""

    id: str
    name: str
    vendor: str
    arch: str
    sm: int | None
    """CUDA compute capability times 10."""
    memory_gb: float
    """As the vendor prints it."""
    visible_gib: Interval
    """What an engine can see of it; an interval where no log was read."""
    mem_bw_gbs: float
    fp16_dense_tflops: float
    bf16_dense_tflops: float | None
    fp8_dense_tflops: float | None
    tdp_w: float | None
    """None for a slice: the card's power is shared."""
    status: Status
    sources: tuple[str, ...]
    as_of: AsOf | None
    device: str = ""
    """What the driver calls it, as in EngineStatus.device; "" where not known."""
    note: str = ""
    is_unified: bool = False
    """Whether the CPU's memory is the GPU's."""
    mig: tuple[str, ...] = ()
    """Slices that it can be divided into, by the names of nvidia-smi."""
    part_of: str = ""
    """Of a slice: the card."""
    compute_share: float = 1.0
    """Of a slice: of the card's multiprocessors."""

    @property
    def is_visible_published(self) -> bool:
        """Whether visible_gib was read in a log, or estimated."""
        return self.visible_gib.width == 0

    @property
    def is_calibrated(self) -> bool:
        """Whether the overhead was fitted to logs of this kind of card."""
        return self.arch == CALIBRATED_ARCH

    @property
    def has_bf16(self) -> bool:
        """Whether it computes in bfloat16; vLLM falls back to float16 by hand."""
        return self.bf16_dense_tflops is not None

    @property
    def step_limits(self) -> tuple[int, int]:
        """vLLM's defaults here: tokens and requests of one step."""
        return step_limits(self.visible_gib.value, self.id)


def step_limits(visible_gib: float, name: str) -> tuple[int, int]:
    """Tokens and requests of one step that vLLM's server takes by default.

    vLLM 0.32, engine/arg_utils.py (get_batch_defaults): by memory, and less on A100s.
    """
    if visible_gib >= HUGE_GIB:
        return 16_384, 1_024
    is_big = visible_gib >= BIG_GIB and "a100" not in name.lower()
    return (8_192, 1_024) if is_big else (2_048, 256)


def arch_of(name: str) -> str:
    """The architecture of a card by any of its names; "" where it is not known."""
    known = (arch for pattern, arch in _ARCHS if re.search(pattern, name.lower()))
    return next(known, "")


@lru_cache(maxsize=4)
def load_gpus(path: Path = CATALOG / "gpus.yaml") -> tuple[Gpu, ...]:
    """All cards in the file's order; raises BrokenCatalog with line and reason."""
    root = read_catalog(path)
    as_of, named = read_as_of(root), root.row("sources")
    return read_entries(root, "gpus", lambda row: [_gpu(row, named, as_of)], "GPU")


@lru_cache(maxsize=1)
def load_slices() -> tuple[Gpu, ...]:
    """All MIG slices of all cards."""
    return tuple(slice_of(card, name) for card in load_gpus() for name in card.mig)


def gpu(gpu_id: str) -> Gpu:
    """The card or slice of that id; raises BadSetting with the cards there are."""
    found = next((one for one in load_slices() if one.id == gpu_id), None)
    return found or entry_of(load_gpus(), gpu_id, "gpu", "GPU")


def gpu_of_device(device: str) -> Gpu | None:
    """The card or slice that a driver calls so; None where the catalog has none."""
    every = (*load_gpus(), *load_slices())
    return next((g for g in every if g.device and g.device == device), None)


def slice_of(card: Gpu, name: str) -> Gpu:
    """A MIG slice such as 2g.20gb: 2 of the compute slices, 20 GB in whole eighths.

    NVIDIA's MIG user guide, "Supported MIG profiles": memory goes by eighths (quarters
    where there are 4 compute slices). What is seen of a share is a little less than
    the share: 16.0 GiB of the 17.5 of 1g.18gb, 9.5 of the 9.9 of 1g.10gb.
    """
    match = re.fullmatch(r"(\d)g\.(\d+)gb", name)
    if match is None:
        raise ValueError(f"{name!r} is no name of a MIG slice.")
    num_slices = MIG_SLICES_RTX if card.arch == "blackwell-rtx" else MIG_SLICES
    compute = int(match[1]) / num_slices
    memory = max(1, round(8 * int(match[2]) / card.memory_gb)) / 8
    seen = card.visible_gib.times(memory)
    low = seen.low * MIG_LEAST_SEEN
    return replace(
        card,
        id=f"{card.id}-{name}",
        name=f"{card.name} MIG {name}",
        memory_gb=float(match[2]),
        visible_gib=Interval(low, (low + seen.high) / 2, seen.high),
        mem_bw_gbs=card.mem_bw_gbs * memory,
        fp16_dense_tflops=card.fp16_dense_tflops * compute,
        bf16_dense_tflops=_share(card.bf16_dense_tflops, compute),
        fp8_dense_tflops=_share(card.fp8_dense_tflops, compute),
        tdp_w=None,
        device=f"{card.device} MIG {name}" if card.device else "",
        mig=(),
        part_of=card.id,
        compute_share=compute,
    )


def _share(rate: float | None, share: float) -> float | None:
    return None if rate is None else rate * share


def _gpu(row: Row, named: Row | None, as_of: AsOf | None) -> Gpu:
    keys = row.texts("sources")
    sources = [named.text(key) if named and named.has(key) else key for key in keys]
    return Gpu(
        id=row.text("id"),
        name=row.text("name"),
        vendor=row.text("vendor"),
        arch=row.text("arch"),
        sm=row.optional_whole("sm", 10, 1_000),
        memory_gb=row.number("memory_gb", 1, _MAX_GB),
        visible_gib=_visible(row),
        mem_bw_gbs=row.number("mem_bw_gbs", 1, _MAX_RATE),
        fp16_dense_tflops=row.number("fp16_dense_tflops", 1, _MAX_RATE),
        bf16_dense_tflops=row.optional_number("bf16_dense_tflops", 1, _MAX_RATE),
        fp8_dense_tflops=row.optional_number("fp8_dense_tflops", 1, _MAX_RATE),
        tdp_w=row.number("tdp_w", 1, 100_000),
        status=cast(Status, row.choice("status", ("verified", "single", "recalled"))),
        sources=tuple(sources),
        as_of=read_as_of(row) or as_of,
        is_unified=row.flag("is_unified"),
        mig=row.texts("mig"),
        device=row.text("device", ""),
        note=row.text("note", ""),
    )


def _visible(row: Row) -> Interval:
    exact = row.optional_number("visible_gib", 0.1, _MAX_GB)
    if exact is not None:
        return Interval.exact(exact)
    limits = row.value("visible_gib_range")
    is_pair = isinstance(limits, list) and len(limits) == 2
    if not is_pair or not all(isinstance(side, int | float) for side in limits):
        reason = "is two numbers of GiB where visible_gib is not known."
        raise row.broken("visible_gib_range", reason)
    low, high = sorted(float(side) for side in limits)
    return Interval(low, (low + high) / 2, high)
