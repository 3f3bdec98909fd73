"""GPU memory as NVML tells it, beside the engine's own split of it.

Where there is no GPU the same fields hold the memory of the engine's processes.
What cannot be read stays None, with a sentence in ``note``: never made up.
"""

import importlib
import json
import os
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil

from lab.messages import MemorySample
from lab.worker.cards import GONE, Cards, handles, memory_of, name_of

SHARED_NOTE = (
    "This card has no memory of its own: it shares the system's with the processor, "
    "and what is in use is so by all processes."
)
GONE_NOTE = (
    "The card does not answer any more ({reason}): its Xid is in the kernel's log "
    "(dmesg | grep Xid)."
)
UNSEEN_NOTE = "The memory of somebody else's engine is not seen from here."
CPU_NOTE = "CPU engine: this is the memory of its processes, there is no GPU."
CHILDREN_EVERY_S = 10.0
"""How often a running engine's processes are counted anew, or when one has gone."""


@dataclass(frozen=True)
class EngineSplit:
    """What the engine itself accounts for, in bytes; None where it does not tell."""

    weights_bytes: int | None = None
    kv_cache_bytes: int | None = None
    graphs_bytes: int | None = None
    """CUDA graphs: their pool and the driver's part."""
    activations_bytes: int | None = None
    """What else PyTorch holds: activations and its cache of them."""
    non_torch_bytes: int | None = None
    """What the process took past PyTorch since its card was ready."""
    at_start_bytes: int | None = None
    """In use on the card when it was ready: driver, CUDA context, other processes."""

    @classmethod
    def read(cls, path: Path) -> "EngineSplit":
        """The split that the worker wrote during its start; empty before that."""
        try:
            return cls(**json.loads(path.read_text()))
        except (OSError, ValueError, TypeError):
            return cls()


def gap(used: int | None, split: EngineSplit) -> int | None:
    """``used`` minus all that the engine accounts for; None when a part is unknown.

    On a card it holds what was in use ``at_start``.
    """
    if used is None or split.weights_bytes is None or split.kv_cache_bytes is None:
        return None
    others = (split.graphs_bytes, split.activations_bytes, split.non_torch_bytes)
    return used - split.weights_bytes - split.kv_cache_bytes - sum(filter(None, others))


class CpuMemory:
    """Resident memory of the engine host and of the processes it started."""

    def __init__(self, trouble: str = "", host: psutil.Process | None = None) -> None:
        """``trouble``: why a GPU engine's card cannot be asked. Weights and KV cache
        lie on that card then, so there is no gap to these processes' memory. ``host``
        is the engine host's process, this one by default."""
        self._host = host or psutil.Process()
        self._trouble = trouble
        self._children: list[psutil.Process] = []
        self._looked_at = float("-inf")
        psutil.cpu_percent()  # the first answer is about no time at all

    def follow(self, uuids: Sequence[str]) -> None:
        """There are no cards here that could be told apart."""

    def sample(self, engine_host_id: str, split: EngineSplit) -> MemorySample:
        """One sample; ``used_bytes`` is what the engine's processes hold."""
        is_starting = split.weights_bytes is None
        if is_starting or time.monotonic() - self._looked_at >= CHILDREN_EVERY_S:
            self._look()
        held = [_resident_bytes(process) for process in self._children]
        if None in held:
            self._look()
            held = [_resident_bytes(process) for process in self._children]
        used = sum(filter(None, [_resident_bytes(self._host), *held]))
        return MemorySample(
            engine_host_id=engine_host_id,
            stamp=time.time(),
            device="GPU engine" if self._trouble else "CPU engine",
            is_gpu=False,
            total_bytes=psutil.virtual_memory().total,
            used_bytes=used,
            process_bytes=used,
            utilisation_pct=psutil.cpu_percent(),
            **asdict(split),
            gap_bytes=None if self._trouble else gap(used, split),
            note=self._trouble or CPU_NOTE,
        )

    def _look(self) -> None:
        """Which processes there are: the system's whole table is read for that."""
        self._looked_at = time.monotonic()
        self._children = self._host.children(recursive=True)


def _resident_bytes(process: psutil.Process) -> int | None:
    """Resident bytes that are the process's own; None when it is gone."""
    try:
        memory = process.memory_info()
        return int(memory.rss - getattr(memory, "shared", 0))
    except psutil.Error:
        return None


class GpuMemory:
    """The engine's cards through NVML; what the first one refuses is in the note."""

    def __init__(self, nvml: Any, visible: str = "", num_cards: int = 1) -> None:
        """``visible`` is CUDA_VISIBLE_DEVICES: the engine has the first ``num_cards``
        of them, and the memory told in full is that of the first."""
        self._nvml = nvml
        self._uuids: list[str] = []
        self._is_slice = visible.strip().startswith("MIG-")
        self._take(handles(nvml, visible, num_cards))

    def _take(self, found: list[Any]) -> None:
        self._handle = found[0]
        self._cards = Cards(self._nvml, found)
        self._name = name_of(self._nvml, self._handle)

    def follow(self, uuids: Sequence[str]) -> None:
        """From now on tell of these cards, the engine's by its own word; what NVML does
        not know leaves the cards as they are, and so does a slice, named by its own."""
        if not uuids or list(uuids) == self._uuids or self._is_slice:
            return
        self._uuids = list(uuids)
        try:
            self._take([self._nvml.nvmlDeviceGetHandleByUUID(uuid) for uuid in uuids])
        except self._nvml.NVMLError:
            return

    def sample(self, engine_host_id: str, split: EngineSplit) -> MemorySample:
        """One sample of the card."""
        refused: list[str] = []
        self._gone = ""
        memory = self._or_none("memory", refused, memory_of, self._nvml, self._handle)
        rates = self._ask("utilisation", "nvmlDeviceGetUtilizationRates", refused)
        power_mw = self._ask("power", "nvmlDeviceGetPowerUsage", refused)
        celsius = self._ask("temperature", "nvmlDeviceGetTemperature", refused, 0)
        used = None if memory is None else memory.used
        return MemorySample(
            engine_host_id=engine_host_id,
            stamp=time.time(),
            device=self._name,
            is_gpu=True,
            total_bytes=None if memory is None else memory.total,
            used_bytes=used,
            process_bytes=self._process_bytes(refused),
            utilisation_pct=None if rates is None else float(rates.gpu),
            power_w=None if power_mw is None else power_mw / 1000,
            temperature_c=None if celsius is None else float(celsius),
            **asdict(split),
            gap_bytes=gap(used, split),
            note=self._note(refused, memory is not None and memory.is_unified),
            cards=self._cards.sample(),
        )

    def _note(self, refused: Sequence[str], is_unified: bool) -> str:
        if self._gone:
            return GONE_NOTE.format(reason=self._gone)
        untold = f"The driver does not tell {', '.join(refused)}." if refused else ""
        return " ".join(filter(None, [SHARED_NOTE if is_unified else "", untold]))

    def _or_none(
        self, what: str, refused: list[str], read: Any, *arguments: Any
    ) -> Any:
        try:
            return read(*arguments)
        except self._nvml.NVMLError as error:
            if error.value in GONE:
                self._gone = str(error)
            refused.append(what)
            return None

    def _ask(self, what: str, call: str, refused: list[str], *arguments: Any) -> Any:
        read = getattr(self._nvml, call)
        return self._or_none(what, refused, read, self._handle, *arguments)

    def _process_bytes(self, refused: list[str]) -> int | None:
        """Memory of all compute processes on the card (ids may be another
        namespace's in a container, so they are not told apart)."""
        processes = self._ask(
            "the processes' memory", "nvmlDeviceGetComputeRunningProcesses", refused
        )
        if processes is None:
            return None
        used = [process.usedGpuMemory for process in processes]
        if not used or None in used:
            # In a container the list may be empty, or without the figures.
            refused.append("the processes' memory")
            return None
        return sum(map(int, used))


class UnseenMemory:
    """Of an engine that others own."""

    def follow(self, uuids: Sequence[str]) -> None:
        """Which cards it has is not told."""

    def sample(self, engine_host_id: str, split: EngineSplit) -> MemorySample:
        """Nothing is known, and that is said."""
        return MemorySample(
            engine_host_id=engine_host_id,
            stamp=time.time(),
            device="",
            is_gpu=False,
            note=UNSEEN_NOTE,
        )


Memory = CpuMemory | GpuMemory | UnseenMemory


def open_memory(
    device: str,
    nvml: Any = None,
    package: str = "pynvml",
    num_cards: int = 1,
    is_unseen: bool = False,
) -> Memory:
    """NVML for "cuda"; the processes' memory for "cpu" or where NVML is missing.

    ``nvml`` stands for the module in ``package`` (tests).
    """
    if is_unseen:
        return UnseenMemory()
    if device != "cuda":
        return CpuMemory()
    if nvml is None:
        try:
            nvml = importlib.import_module(package)
        except ImportError as error:
            return _without_nvml(error)
    try:
        nvml.nvmlInit()
        return GpuMemory(nvml, os.environ.get("CUDA_VISIBLE_DEVICES", ""), num_cards)
    except nvml.NVMLError as error:
        return _without_nvml(error)


def free_bytes(device: str) -> int | None:
    """Bytes that a further process may take: of the card, else of this machine or of
    the container it runs in; None where a card does not tell."""
    if device == "cuda":
        sample = open_memory("cuda").sample("", EngineSplit())
        known = sample.is_gpu and None not in (sample.total_bytes, sample.used_bytes)
        return (sample.total_bytes or 0) - (sample.used_bytes or 0) if known else None
    return min([int(psutil.virtual_memory().available), *_container_room()])


def _container_room(root: Path = Path("/sys/fs/cgroup")) -> list[int]:
    """What a container's limit leaves; nothing where there is none."""
    try:
        limit = int((root / "memory.max").read_text())
        return [limit - int((root / "memory.current").read_text())]
    except (OSError, ValueError):  # "max": no limit
        return []


def card_in_words(nvml: Any = None) -> str:
    """The card and its driver, e.g. "NVIDIA H100 80GB HBM3, driver 570.86.15"; "" where
    NVML does not tell. ``nvml`` stands for the module pynvml (tests)."""
    try:
        nvml = nvml or importlib.import_module("pynvml")
        nvml.nvmlInit()
        (handle,) = handles(nvml, os.environ.get("CUDA_VISIBLE_DEVICES", ""), 1)
        driver = nvml.nvmlSystemGetDriverVersion()
        return f"{name_of(nvml, handle)}, driver {driver}"
    except ImportError:
        return ""
    except nvml.NVMLError:
        return ""


def _without_nvml(error: Exception) -> CpuMemory:
    return CpuMemory(
        f"The NVIDIA driver does not answer ({error}): GPU memory is not known; this "
        "is the memory of the engine's processes."
    )
