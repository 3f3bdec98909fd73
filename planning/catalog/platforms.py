"""Presets of the serverless platforms' autoscalers, as their vendors document them.

``catalog/platforms.yaml`` is the data. What is not known stays None and is named in
``Platform.unknown``; what no primary source confirms is named in ``unverified``.
"""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal, cast

from planning.catalog.as_of import AsOf, read_as_of
from planning.catalog.rows import CATALOG, Row, entry_of, read_catalog, read_entries

ScalerKind = Literal["queue_delay", "request_count", "load_target"]
"""queue_delay: add a worker when a request waits ``value`` seconds · request_count:
ceil((queued + in progress) / value) workers · load_target: keep the share of busy
concurrency at ``value`` (0 to 1)."""

BilledPhase = Literal["start", "execute", "idle"]

MAX_SECONDS = 31 * 86_400
MAX_WORKERS = 100_000
_DOCUMENTED = ("idle_timeout_s", "min_workers", "max_workers", "rounding_s")


@dataclass(frozen=True)
class Scaler:
    """A rule that adds and removes workers."""

    kind: ScalerKind
    value: float


@dataclass(frozen=True)
class Platform:
    """Defaults of one platform. Seconds; None is unknown, or (not in ``unknown``)
    a limit that the platform leaves off by default."""

    id: str
    name: str
    source: str
    as_of: AsOf | None
    idle_timeout_s: float | None
    min_workers: int | None
    max_workers: int | None
    scaler: Scaler | None
    scaler_alternative: Scaler | None
    billed_phases: tuple[BilledPhase, ...]
    """Empty: unknown."""
    rounding_s: float | None
    """Billed seconds are rounded up to a multiple of it."""
    buffer_workers: int | None
    """Idle workers kept beyond those in use."""
    gpus_per_worker: int | None
    execution_timeout_s: float | None
    job_ttl_s: float | None
    """How long a queued request is kept."""
    scale_up_window_s: float | None
    scale_down_window_s: float | None
    scale_to_zero_window_s: float | None
    scale_to_zero_window_min_s: float | None
    """The shortest scale_to_zero_window_s that may be set."""
    polling_s: float | None
    """Seconds between two decisions of the scaler."""
    cpu_target: float | None
    """Share of the CPU (0 to 1) that a second rule of the scaler keeps."""
    scale_down_delay_max_s: float | None
    has_snapshots: bool
    """Whether workers start from a snapshot by default (RunPod FlashBoot)."""
    unverified: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    """Names of the fields above that no source states."""
    note: str = ""


@lru_cache(maxsize=4)
def load_platforms(path: Path = CATALOG / "platforms.yaml") -> tuple[Platform, ...]:
    """All presets in the file's order; raises BrokenCatalog."""
    root = read_catalog(path)
    return read_entries(root, "platforms", lambda row: [_platform(row)], "platform")


def platform(platform_id: str) -> Platform:
    """The preset of that id; raises BadSetting with the ids there are."""
    return entry_of(load_platforms(), platform_id, "platform", "platform")


def _platform(row: Row) -> Platform:
    phases = row.texts("billed_phases")
    if not set(phases) <= {"start", "execute", "idle"}:
        raise row.broken("billed_phases", "allowed are start, execute and idle.")
    unknown = [name for name in _DOCUMENTED if not row.has(name)]
    unknown += [name for name in ("scaler", "billed_phases") if not row.has(name)]
    return Platform(
        id=row.text("id"),
        name=row.text("name"),
        source=row.text("source"),
        as_of=read_as_of(row),
        idle_timeout_s=_seconds(row, "idle_timeout_s"),
        min_workers=_workers(row, "min_workers"),
        max_workers=_workers(row, "max_workers"),
        scaler=_scaler(row, "scaler"),
        scaler_alternative=_scaler(row, "scaler_alternative"),
        billed_phases=cast(tuple[BilledPhase, ...], phases),
        rounding_s=_seconds(row, "rounding_s"),
        buffer_workers=_workers(row, "buffer_workers"),
        gpus_per_worker=_workers(row, "gpus_per_worker"),
        execution_timeout_s=_seconds(row, "execution_timeout_s"),
        job_ttl_s=_seconds(row, "job_ttl_s"),
        scale_up_window_s=_seconds(row, "scale_up_window_s"),
        scale_down_window_s=_seconds(row, "scale_down_window_s"),
        scale_to_zero_window_s=_seconds(row, "scale_to_zero_window_s"),
        scale_to_zero_window_min_s=_seconds(row, "scale_to_zero_window_min_s"),
        polling_s=_seconds(row, "polling_s"),
        cpu_target=row.optional_number("cpu_target", 0, 1),
        scale_down_delay_max_s=_seconds(row, "scale_down_delay_max_s"),
        has_snapshots=row.flag("has_snapshots"),
        unverified=row.texts("unverified"),
        unknown=tuple(unknown),
        note=row.text("note", ""),
    )


def _seconds(row: Row, name: str) -> float | None:
    return row.optional_number(name, 0, MAX_SECONDS)


def _workers(row: Row, name: str) -> int | None:
    return row.optional_whole(name, 0, MAX_WORKERS)


def _scaler(row: Row, name: str) -> Scaler | None:
    rule = row.row(name)
    if rule is None:
        return None
    kinds = ("queue_delay", "request_count", "load_target")
    found = Scaler(
        kind=cast(ScalerKind, rule.choice("kind", kinds)),
        value=rule.number("value", 0, MAX_SECONDS),
    )
    rule.finish()
    return found
