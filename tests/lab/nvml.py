"""A double of NVML: answers with set values, or refuses single calls as NVML does."""

from types import SimpleNamespace
from typing import Any

MIB = 1 << 20


class NVMLError(Exception):
    """As pynvml's: its text is the driver's word for the code."""


class Nvml:
    """One card of 80 GB with an engine on it; ``refuse`` names calls that fail."""

    NVMLError = NVMLError

    def __init__(self) -> None:
        self.refusals: dict[str, str] = {}
        self.opened: list[tuple[str, Any]] = []
        self.processes: list[Any] = [
            SimpleNamespace(pid=4242, usedGpuMemory=70_112 * MIB),
            SimpleNamespace(pid=17, usedGpuMemory=512 * MIB),
        ]
        self._answers: dict[str, Any] = {
            "nvmlInit": None,
            "nvmlSystemGetDriverVersion": "570.86.15",
            "nvmlDeviceGetName": "NVIDIA H100 80GB HBM3",
            "nvmlDeviceGetMemoryInfo": SimpleNamespace(
                total=81_559 * MIB, used=71_304 * MIB, free=10_255 * MIB
            ),
            "nvmlDeviceGetUtilizationRates": SimpleNamespace(gpu=87, memory=41),
            "nvmlDeviceGetPowerUsage": 412_345,
            "nvmlDeviceGetTemperature": 56,
        }

    def refuse(self, call: str, why: str = "Not Supported") -> "Nvml":
        """From now on ``call`` raises NVMLError."""
        self.refusals[call] = why
        return self

    def __getattr__(self, call: str) -> Any:
        if not call.startswith("nvml"):
            raise AttributeError(call)
        return lambda *arguments: self._answer(call, *arguments)

    def _answer(self, call: str, *arguments: Any) -> Any:
        if call in self.refusals:
            raise NVMLError(self.refusals[call])
        if call.startswith("nvmlDeviceGetHandleBy"):
            self.opened.append((call.removeprefix("nvmlDeviceGetHandleBy"), *arguments))
            return "handle"
        is_of_card = call.startswith("nvmlDevice")
        assert arguments[:1] == (("handle",) if is_of_card else ())
        if call == "nvmlDeviceGetComputeRunningProcesses":
            return self.processes
        return self._answers[call]
