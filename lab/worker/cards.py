"""All cards of an engine host, one a rank; None where NVML does not tell."""

import time
from collections.abc import Sequence
from typing import Any

from lab.messages import CardSample

NVLINK_SENT, NVLINK_RECEIVED = 138, 139
"""NVML_FI_DEV_NVLINK_THROUGHPUT_DATA_TX and _RX: KiB since the driver was loaded."""
ALL_LINKS = 0xFFFFFFFF
PCIE_SENT, PCIE_RECEIVED = 0, 1
"""NVML_PCIE_UTIL_TX_BYTES and _RX_BYTES: KB a second, over the last 20 ms."""
KIB, KB = 1024, 1000


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
        memory = self._ask("nvmlDeviceGetMemoryInfo", card)
        rates = self._ask("nvmlDeviceGetUtilizationRates", card)
        power_mw = self._ask("nvmlDeviceGetPowerUsage", card)
        celsius = self._ask("nvmlDeviceGetTemperature", card, 0)
        sent = self._ask("nvmlDeviceGetPcieThroughput", card, PCIE_SENT)
        received = self._ask("nvmlDeviceGetPcieThroughput", card, PCIE_RECEIVED)
        return CardSample(
            rank=rank,
            name=str(self._ask("nvmlDeviceGetName", card) or ""),
            total_bytes=None if memory is None else int(memory.total),
            used_bytes=None if memory is None else int(memory.used),
            utilisation_pct=None if rates is None else float(rates.gpu),
            power_w=None if power_mw is None else power_mw / 1000,
            temperature_c=None if celsius is None else float(celsius),
            pcie_sent_bytes_per_s=None if sent is None else sent * KB,
            pcie_received_bytes_per_s=None if received is None else received * KB,
            nvlink_sent_bytes_per_s=self._link_rate(rank, card, NVLINK_SENT),
            nvlink_received_bytes_per_s=self._link_rate(rank, card, NVLINK_RECEIVED),
        )

    def _ask(self, call: str, *arguments: Any) -> Any:
        try:
            return getattr(self._nvml, call)(*arguments)
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
