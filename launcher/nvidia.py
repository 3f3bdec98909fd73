"""Which NVIDIA driver and cards answer here; standard library only.

NVML is asked in a process of its own, so that a driver that hangs or crashes takes
only that process along.

    python3 -m launcher.nvidia      prints what it found as JSON, null without a driver

What fails is told as a Failure, with NVML's reason: only where there is no library of
the driver's is there no driver.
"""

import ctypes
import json
import os
import signal
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
NOT_SUPPORTED, LOST, RESET_REQUIRED = 3, 15, 16
REASONS = {
    4: "no permission",
    8: "its power cables are not connected",
    9: "the driver is not loaded (modprobe nvidia)",
    10: "it does not answer in time",
    LOST: "the card is lost: its Xid is in the kernel's log (dmesg | grep Xid)",
    RESET_REQUIRED: "the card has to be reset",
    18: (
        "driver and library have different versions: after an update of the driver "
        "the machine has to be started again"
    ),
}
"""nvmlReturn_t in words; others by their number."""


def reason_of(code: int) -> str:
    """NVML's return value in words."""
    return REASONS.get(code, f"NVML error {code}")


@dataclass(frozen=True)
class Card:
    """One card; None where the driver does not tell."""

    name: str
    memory_bytes: int | None
    capability: tuple[int, int] | None
    """Compute capability, such as (9, 0) for Hopper."""
    uuid: str = ""
    is_unified: bool = False
    """The card has no memory of its own: ``memory_bytes`` are the system's."""

    def __str__(self) -> str:
        if self.memory_bytes is None:
            return self.name
        shared = " shared with the processor" if self.is_unified else ""
        return f"{self.name}, {self.memory_bytes / GIB:.0f} GiB{shared}"


@dataclass(frozen=True)
class Driver:
    """A driver that answers, with at least one card."""

    version: str
    cards: tuple[Card, ...]
    lost: tuple[str, ...] = ()
    """A sentence for each card that does not answer."""

    @property
    def major(self) -> int:
        """580 of 580.65.06; 0 where the version is no number."""
        first = self.version.partition(".")[0]
        return int(first) if first.isdigit() else 0

    def __str__(self) -> str:
        groups: dict[str, int] = {}
        for card in map(str, self.cards):
            groups[card] = groups.get(card, 0) + 1
        return ", ".join(
            card if number == 1 else f"{number} × {card}"
            for card, number in groups.items()
        )


@dataclass(frozen=True)
class Failure:
    """A driver that is there and does not work."""

    reason: str

    def __str__(self) -> str:
        return f"The NVIDIA driver is here and fails: {self.reason}."


def ask(
    timeout_s: float = TIMEOUT_S, module: str = "launcher.nvidia"
) -> Driver | Failure | None:
    """What answers within ``timeout_s``; None where there is no driver."""
    try:
        answer = subprocess.run(
            [sys.executable, "-S", "-m", module],
            cwd=Path(__file__).resolve().parent.parent,
            capture_output=True,
            encoding="utf-8",
            errors="replace",  # the driver's library may print what it likes
            timeout=timeout_s,
        )
    except OSError as error:
        return Failure(f"it cannot be asked ({error})")
    except subprocess.TimeoutExpired:
        return Failure(f"it has not answered within {timeout_s:.0f} s")
    if answer.returncode < 0:
        name = signal.Signals(-answer.returncode).name
        return Failure(f"it crashed when it was asked ({name})")
    try:
        return _parsed(json.loads(answer.stdout))
    except (ValueError, TypeError, KeyError):
        last = answer.stderr.strip().splitlines()[-1:] or ["it said nothing"]
        return Failure(f"what it answers cannot be read ({last[0]})")


def _parsed(found: Any) -> Driver | Failure | None:
    if found is None:
        return None
    if "reason" in found:
        return Failure(found["reason"])
    cards = tuple(
        Card(**{**card, "capability": tuple(card["capability"] or ()) or None})
        for card in found["cards"]
    )
    lost = tuple(found["lost"])
    if not cards:
        return Failure(" ".join(lost).removesuffix(".") or "it sees no card")
    return Driver(found["version"], cards, lost)


class Memory(ctypes.Structure):
    """nvmlMemory_t."""

    _fields_ = [
        ("total", ctypes.c_ulonglong),
        ("free", ctypes.c_ulonglong),
        ("used", ctypes.c_ulonglong),
    ]


def read(nvml: Any) -> Driver | Failure:
    """Driver and cards of a loaded NVML."""
    if code := nvml.nvmlInit_v2():
        return Failure(reason_of(code))
    version = ctypes.create_string_buffer(TEXT_BYTES)
    count = ctypes.c_uint()
    nvml.nvmlSystemGetDriverVersion(version, ctypes.c_uint(TEXT_BYTES))
    if code := nvml.nvmlDeviceGetCount_v2(ctypes.byref(count)):
        return Failure(f"it does not count its cards ({reason_of(code)})")
    found = [_card(nvml, index) for index in range(count.value)]
    cards = tuple(card for card in found if isinstance(card, Card))
    lost = tuple(card for card in found if isinstance(card, str))
    return Driver(readable(version.value) or "unknown", cards, lost)


def readable(text: bytes) -> str:
    """What can be read of a name: under WSL2 it may be no text at all."""
    decoded = text.decode("utf-8", "ignore")
    return "".join(sign for sign in decoded if sign.isprintable()).strip()


def _card(nvml: Any, index: int) -> Card | str:
    """A card, or the sentence that says why it is none."""
    handle, name = ctypes.c_void_p(), ctypes.create_string_buffer(TEXT_BYTES)
    uuid = ctypes.create_string_buffer(TEXT_BYTES)
    memory, major, minor = Memory(), ctypes.c_int(), ctypes.c_int()
    code = nvml.nvmlDeviceGetHandleByIndex_v2(
        ctypes.c_uint(index), ctypes.byref(handle)
    )
    if code:
        return f"Card {index} does not answer ({reason_of(code)})."
    codes = [
        nvml.nvmlDeviceGetName(handle, name, ctypes.c_uint(TEXT_BYTES)),
        nvml.nvmlDeviceGetUUID(handle, uuid, ctypes.c_uint(TEXT_BYTES)),
        no_memory := nvml.nvmlDeviceGetMemoryInfo(handle, ctypes.byref(memory)),
        no_capability := nvml.nvmlDeviceGetCudaComputeCapability(
            handle, ctypes.byref(major), ctypes.byref(minor)
        ),
    ]
    # A card may be lost after its handle was given out.
    for code in (LOST, RESET_REQUIRED):
        if code in codes:
            return f"Card {index} does not answer ({reason_of(code)})."
    is_unified = no_memory == NOT_SUPPORTED or not (no_memory or memory.total)
    total = system_bytes() if is_unified else memory.total
    return Card(
        readable(name.value) or f"NVIDIA card {index}, whose name cannot be read",
        None if no_memory and not is_unified else total,
        None if no_capability else (major.value, minor.value),
        "" if codes[1] else readable(uuid.value),
        is_unified,
    )


def system_bytes() -> int:
    """The memory of this machine, which a card without its own shares.

    On unified memory (GB10, driver 580) NVML answers "not supported", or 0 bytes, and
    tools show the system's: ollama/ollama pull request 12619, Syllo/nvtop pull requests
    411 and 466 (read 2026-11-26).
    """
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def main() -> None:
    """Print driver and cards, or why there are none, as JSON."""
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as told:
        os.dup2(2, 1)  # what the library prints is not the answer
        try:
            found: Driver | Failure | None = read(ctypes.CDLL(LIBRARY))
        except OSError as error:
            is_absent = "No such file" in str(error)
            found = (
                None if is_absent else Failure(f"its library does not load ({error})")
            )
        json.dump(asdict(found) if found else None, told)


if __name__ == "__main__":
    main()
