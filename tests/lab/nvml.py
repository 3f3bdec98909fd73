"""NVML replayed: what a driver answered to the calls of lab.worker.memory, from a file.

    python -m tests.lab.nvml FILE      records the driver of this machine into FILE

A file holds the answer or the error of each call, and where it is from. The errors are
pynvml's own classes, so what is caught here is what a driver raises.
"""

import datetime
import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pynvml

MIB = 1 << 20
RECORDED = Path(__file__).resolve().parent.parent / "data" / "nvml"
OF_A_CARD: dict[str, tuple[Any, ...]] = {
    "nvmlDeviceGetName": (),
    "nvmlDeviceGetMemoryInfo": (),
    "nvmlDeviceGetUtilizationRates": (),
    "nvmlDeviceGetPowerUsage": (),
    "nvmlDeviceGetTemperature": (0,),
    "nvmlDeviceGetComputeRunningProcesses": (),
}
"""Calls with a handle, and what else they are given."""
FIELDS = ("total", "used", "free", "gpu", "memory", "pid", "usedGpuMemory")


class Nvml:
    """Stands for the module pynvml; ``refuse`` makes calls fail."""

    NVMLError = pynvml.NVMLError

    def __init__(self, name: str = "h100-by-hand") -> None:
        self.answers = json.loads((RECORDED / f"{name}.json").read_text())["answers"]
        self.opened: list[tuple[str, Any]] = []

    def refuse(self, call: str, code: int = pynvml.NVML_ERROR_NOT_SUPPORTED) -> "Nvml":
        """From now on ``call`` raises NVMLError."""
        self.answers[call] = {"error": code}
        return self

    def __getattr__(self, call: str) -> Any:
        if not call.startswith("nvml"):
            raise AttributeError(call)
        return lambda *arguments: self._answer(call, *arguments)

    def _answer(self, call: str, *arguments: Any) -> Any:
        answer = self.answers.get(call)
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, dict) and "error" in answer:
            raise pynvml.NVMLError(answer["error"])
        if call.startswith("nvmlDeviceGetHandleBy"):
            self.opened.append((call.removeprefix("nvmlDeviceGetHandleBy"), *arguments))
            return "handle"
        is_of_card = call.startswith("nvmlDevice")
        assert arguments[:1] == (("handle",) if is_of_card else ())
        if isinstance(answer, list):
            return [SimpleNamespace(**one) for one in answer]
        return SimpleNamespace(**answer) if isinstance(answer, dict) else answer


def record(nvml: Any = pynvml) -> dict[str, Any]:
    """The answers of this machine's driver about its first card."""
    answers: dict[str, Any] = {"nvmlInit": _ask(nvml.nvmlInit)}
    source = "no driver"
    if answers["nvmlInit"] is None:
        version = nvml.nvmlSystemGetDriverVersion()
        answers["nvmlSystemGetDriverVersion"] = version
        source = f"driver {version}"
        handle = nvml.nvmlDeviceGetHandleByIndex(0)
        for call, more in OF_A_CARD.items():
            answers[call] = _ask(getattr(nvml, call), handle, *more)
    date = datetime.datetime.now(datetime.UTC).date().isoformat()
    return {"source": f"recorded, {source}, {date}", "answers": answers}


def _ask(call: Any, *arguments: Any) -> Any:
    try:
        return _plain(call(*arguments))
    except pynvml.NVMLError as error:
        return {"error": error.value}


def _plain(answer: Any) -> Any:
    if isinstance(answer, list):
        return [_plain(one) for one in answer]
    if answer is None or isinstance(answer, int | float | str):
        return answer
    return {name: getattr(answer, name) for name in FIELDS if hasattr(answer, name)}


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(json.dumps(record(), indent=1) + "\n")
