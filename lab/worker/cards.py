"""All cards of an engine host, one a rank; None where NVML does not tell."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from lab.messages import CardSample

NVLINK_SENT, NVLINK_RECEIVED = 138, 139
"""NVML_FI_DEV_NVLINK_THROUGHPUT_DATA_TX and _RX: KiB since the driver was loaded."""
ALL_LINKS = 0xFFFFFFFF
PCIE_SENT, PCIE_RECEIVED = 0, 1
"""NVML_PCIE_UTIL_TX_BYTES and _RX_BYTES: KB a second, over the last 20 ms."""
KIB, KB = 1024, 1000
NOT_SUPPORTED = 3
GONE = (15, 16)
"""NVML_ERROR_GPU_IS_LOST and NVML_ERROR_RESET_REQUIRED."""
CARD_NAME = "card-*.uuid"
"""Files in which the workers of a run say which cards they got, by rank."""


@dataclass(frozen=True)
class CardMemory:
    """Bytes of a card; ``is_unified``: they are the system's, which it shares."""

    total: int
    used: int
    is_unified: bool = False


def memory_of(nvml: Any, card: Any) -> CardMemory:
    """What NVML tells of a card's memory; raises NVMLError where it does not.

    A card of unified memory (GB10) has none of its own: NVML answers "not supported" or
    0 bytes, and the system's is meant (ollama/ollama pull request 12619, Syllo/nvtop
    pull request 411, read 2026-11-26).
    """
    try:
        told = nvml.nvmlDeviceGetMemoryInfo(card)
    except nvml.NVMLError as error:
        if error.value != NOT_SUPPORTED:
            raise
    else:
        if told.total:
            return CardMemory(int(told.total), int(told.used))
    system = psutil.virtual_memory()
    return CardMemory(system.total, system.total - system.available, True)


def name_of(nvml: Any, card: Any) -> str:
    """A card's name; under WSL2 it may be no text. Raises NVMLError."""
    try:
        name = str(nvml.nvmlDeviceGetName(card))
    except UnicodeDecodeError as error:
        name = error.object.decode("utf-8", "ignore")
    readable = "".join(sign for sign in name if sign.isprintable()).strip()
    return readable or "NVIDIA card, whose name cannot be read"


def engine_uuids(directory: Path) -> list[str]:
    """UUIDs of the cards of a run, in the order of the ranks; empty before it has them.

    CUDA may count cards in another order than NVML: only the UUID is the same.
    """
    found = {}
    for path in directory.glob(CARD_NAME):
        rank = path.stem.removeprefix("card-")
        if rank.isdigit() and (uuid := path.read_text().strip()):
            found[int(rank)] = uuid
    are_all = sorted(found) == list(range(len(found)))
    return [found[rank] for rank in sorted(found)] if are_all else []


def handles(nvml: Any, visible: str, number: int) -> list[Any]:
    """The first cards that CUDA sees: NVML counts all of them, also hidden ones.

    ``visible`` is CUDA_VISIBLE_DEVICES. Raises NVMLError for a card that is not there.
    """
    names = [name.strip() for name in visible.split(",") if name.strip()]
    if not names:
        return [nvml.nvmlDeviceGetHandleByIndex(index) for index in range(number)]
    return [_handle(nvml, name) for name in names[:number]]


def _handle(nvml: Any, name: str) -> Any:
    if name.startswith(("GPU-", "MIG-")):
        return nvml.nvmlDeviceGetHandleByUUID(name)
    return nvml.nvmlDeviceGetHandleByIndex(int(name) if name.isdigit() else 0)


class Cards:
    """Samples of some cards; link rates by NVLink need two of them."""

    def __init__(self, nvml: Any, cards: Sequence[Any]) -> None:
        self._nvml = nvml
        self._cards = cards
        self._links: dict[tuple[int, int], tuple[float, int]] = {}

    def sample(self) -> list[CardSample]:
        """One sample of each, in the order of the ranks."""
        return [self._card(rank, card) for rank, card in enumerate(self._cards)]

    def _card(self, rank: int, card: Any) -> CardSample:
        memory = self._or_none(memory_of, card)
        rates = self._ask("nvmlDeviceGetUtilizationRates", card)
        power_mw = self._ask("nvmlDeviceGetPowerUsage", card)
        celsius = self._ask("nvmlDeviceGetTemperature", card, 0)
        sent = self._ask("nvmlDeviceGetPcieThroughput", card, PCIE_SENT)
        received = self._ask("nvmlDeviceGetPcieThroughput", card, PCIE_RECEIVED)
        return CardSample(
            rank=rank,
            name=self._or_none(name_of, card) or "",
            total_bytes=None if memory is None else memory.total,
            used_bytes=None if memory is None else memory.used,
            utilisation_pct=None if rates is None else float(rates.gpu),
            power_w=None if power_mw is None else power_mw / 1000,
            temperature_c=None if celsius is None else float(celsius),
            pcie_sent_bytes_per_s=None if sent is None else sent * KB,
            pcie_received_bytes_per_s=None if received is None else received * KB,
            nvlink_sent_bytes_per_s=self._link_rate(rank, card, NVLINK_SENT),
            nvlink_received_bytes_per_s=self._link_rate(rank, card, NVLINK_RECEIVED),
        )

    def _ask(self, call: str, *arguments: Any) -> Any:
        return self._or_none(
            lambda nvml, *given: getattr(nvml, call)(*given), *arguments
        )

    def _or_none(self, read: Any, *arguments: Any) -> Any:
        try:
            return read(self._nvml, *arguments)
        except self._nvml.NVMLError:
            return None

    def _link_rate(self, rank: int, card: Any, field: int) -> float | None:
        """Bytes a second over all links since the last sample; None without links."""
        found = self._ask("nvmlDeviceGetFieldValues", card, [(field, ALL_LINKS)])
        if not found or found[0].nvmlReturn != 0:
            return None
        now, kib = time.monotonic(), int(found[0].value.ullVal)
        before = self._links.get((rank, field))
        self._links[rank, field] = now, kib
        if before is None or now <= before[0] or kib < before[1]:
            return None
        return (kib - before[1]) * KIB / (now - before[0])
