"""Which NVIDIA driver and cards answer here; standard library only.

NVML is asked in a process of its own, so that a driver that hangs or crashes takes
only that process along.

    python3 -m launcher.nvidia      prints what it found as JSON, null without a driver
"""

import ctypes
import json
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

LIBRARY = "libnvidia-ml.so.1"
TIMEOUT_S = 15.0
"""A driver without persistence mode wakes its cards first, some seconds for each."""
GIB = 1 << 30
TEXT_BYTES = 96


@dataclass(frozen=True)
class Card:
    """One card; None where the driver does not tell."""

    name: str
    memory_bytes: int | None
    capability: tuple[int, int] | None
    """Compute capability, such as (9, 0) for Hopper."""

    def __str__(self) -> str:
        if self.memory_bytes is None:
            return self.name
        return f"{self.name}, {self.memory_bytes / GIB:.0f} GiB"


@dataclass(frozen=True)
class Driver:
    """A driver that answers, with at least one card."""

    version: str
    cards: tuple[Card, ...]

    @property
    def major(self) -> int:
        """580 of 580.65.06; 0 where the version is no number."""
        first = self.version.partition(".")[0]
        return int(first) if first.isdigit() else 0

    def __str__(self) -> str:
        cards = str(self.cards[0])
        return cards if len(self.cards) == 1 else f"{len(self.cards)} × {cards}"


def ask(timeout_s: float = TIMEOUT_S, module: str = "launcher.nvidia") -> Driver | None:
    """What answers within ``timeout_s``; None when nothing does."""
    try:
        answer = subprocess.run(
            [sys.executable, "-S", "-m", module],
            cwd=Path(__file__).resolve().parent.parent,
            capture_output=True,
            text=True,
            timeout=timeout_s,
        )
        found = json.loads(answer.stdout)
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return None
    if not found or not found["cards"]:
        return None
    cards = tuple(
        Card(
            card["name"],
            card["memory_bytes"],
            tuple(card["capability"]) if card["capability"] else None,
        )
        for card in found["cards"]
    )
    return Driver(found["version"], cards)


class Memory(ctypes.Structure):
    """nvmlMemory_t."""

    _fields_ = [
        ("total", ctypes.c_ulonglong),
        ("free", ctypes.c_ulonglong),
        ("used", ctypes.c_ulonglong),
    ]


def read(nvml: Any) -> Driver | None:
    """Driver and cards of a loaded NVML; None when it does not start."""
    if nvml.nvmlInit_v2():
        return None
    version = ctypes.create_string_buffer(TEXT_BYTES)
    count = ctypes.c_uint()
    nvml.nvmlSystemGetDriverVersion(version, ctypes.c_uint(TEXT_BYTES))
    nvml.nvmlDeviceGetCount_v2(ctypes.byref(count))
    cards = [_card(nvml, index) for index in range(count.value)]
    return Driver(version.value.decode(), tuple(card for card in cards if card))


def _card(nvml: Any, index: int) -> Card | None:
    handle, name = ctypes.c_void_p(), ctypes.create_string_buffer(TEXT_BYTES)
    if nvml.nvmlDeviceGetHandleByIndex_v2(ctypes.c_uint(index), ctypes.byref(handle)):
        return None
    nvml.nvmlDeviceGetName(handle, name, ctypes.c_uint(TEXT_BYTES))
    memory, major, minor = Memory(), ctypes.c_int(), ctypes.c_int()
    no_memory = nvml.nvmlDeviceGetMemoryInfo(handle, ctypes.byref(memory))
    no_capability = nvml.nvmlDeviceGetCudaComputeCapability(
        handle, ctypes.byref(major), ctypes.byref(minor)
    )
    return Card(
        name.value.decode(),
        None if no_memory else memory.total,
        None if no_capability else (major.value, minor.value),
    )


def main() -> None:
    """Print driver and cards as JSON."""
    try:
        found = read(ctypes.CDLL(LIBRARY))
    except OSError:
        found = None
    print(json.dumps(asdict(found) if found else None))


if __name__ == "__main__":
    main()
