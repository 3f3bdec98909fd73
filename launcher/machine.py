"""This machine, as far as installing and starting ask it; tests bring another one.

Nothing here may import a package: it runs before there is one.
"""

import ctypes.util
import platform
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from launcher import nvidia

LIBRARIES = (
    "/usr/lib", "/usr/lib64", "/usr/lib/x86_64-linux-gnu",
    "/usr/lib/aarch64-linux-gnu", "/lib64",
)  # fmt: skip


@dataclass
class Machine:
    """System and processor by Python's names, and the commands that run there."""

    system: str
    processor: str
    has_avx2: bool = True

    def refusal(self, *, builds_for_cpu: bool = True) -> str | None:
        """Why vLLM cannot run on this machine, as a sentence; None where it can.

        ``builds_for_cpu``: whether vLLM's CPU build is meant, which asks more of the
        processor than the one for CUDA.
        """
        if self.system != "Linux":
            return f"vLLM runs on Linux only, and this system is {self.system}."
        if not builds_for_cpu:
            return None
        if self.processor not in {"x86_64", "aarch64", "arm64"}:
            return (
                "vLLM's CPU build does not support the processor type "
                f"{self.processor}."
            )
        if self.processor == "x86_64" and not self.has_avx2:
            return "vLLM's CPU build needs a processor with AVX2; this one has none."
        return None

    def driver(self) -> nvidia.Driver | nvidia.Failure | None:
        """The NVIDIA driver of this machine, or how it fails."""
        return nvidia.ask()

    def has_vllm(self) -> bool:
        """Whether it is installed for this Python."""
        return find_spec("vllm") is not None

    def has_flashinfer(self) -> bool:
        """Whether it is: a bundle for a host with its own torch leaves it out."""
        return find_spec("flashinfer") is not None

    def library(self, name: str) -> Path | None:
        """A shared library: in the virtual environment, else in the system."""
        for path in sorted((Path(sys.prefix) / "lib").glob(f"lib{name}.so*")):
            return path.resolve()
        soname = ctypes.util.find_library(name)
        if soname is None:
            return None
        paths = [Path(folder) / soname for folder in LIBRARIES]
        return next((path for path in paths if path.exists()), None)

    def free_bytes(self, folder: Path) -> int:
        """Space on the disk of ``folder``."""
        return shutil.disk_usage(folder).free

    def run(
        self,
        command: Sequence[str],
        log: Path,
        environment: Mapping[str, str] | None = None,
    ) -> bool:
        """Run a command whose output goes to the end of ``log``; whether it worked."""
        with log.open("a") as file:
            result = subprocess.run(command, stdout=file, stderr=file, env=environment)
        return result.returncode == 0

    def answer(self, command: Sequence[str]) -> str:
        """What a command prints; "" where it cannot be run."""
        try:
            found = subprocess.run(command, capture_output=True, text=True)
        except OSError:
            return ""
        return found.stdout.strip()


def this_machine() -> Machine:
    """The one that this process runs on."""
    cpuinfo = Path("/proc/cpuinfo")
    flags = cpuinfo.read_text() if cpuinfo.exists() else "avx2"
    return Machine(platform.system(), platform.machine(), "avx2" in flags)
