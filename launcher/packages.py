"""Which set of pinned packages this machine gets, and why.

Nothing here may import a package: it runs before there is one.
"""

from dataclasses import dataclass

from launcher.machine import Machine
from launcher.nvidia import Driver

OLDEST_DRIVER = 580
"""The first driver branch for CUDA 13, which vLLM and torch are built with."""
OLDEST_CAPABILITY = (7, 5)
"""CUDA 13 builds for Turing and newer."""
CUDA_MACHINE = "x86_64"
"""The CUDA lock is compiled for it."""


@dataclass(frozen=True)
class PackageSet:
    """One lock, and what it takes."""

    name: str
    lock: str
    size: str
    free_gb: int
    """Needed while installing: the packages, and the installer's copies of them."""


WEB = PackageSet("web", "lock-web.txt", "about 0.5 GB, without an engine", 2)
CPU = PackageSet("cpu", "lock-cpu.txt", "about 3 GB with the engine", 6)
CUDA = PackageSet("cuda", "lock-cuda.txt", "about 10 GB with vLLM for CUDA", 16)
SETS = {each.name: each for each in (WEB, CPU, CUDA)}


def choose(
    machine: Machine, device: str, driver: Driver | None, installed: str = ""
) -> tuple[PackageSet, str]:
    """The set for a machine and a sentence that says why; "" where it is plain.

    ``device`` is ENGINE_DEVICE, ``driver`` what answers here, ``installed`` the name
    of the set that is there already: a driver that is silent for once must not throw
    vLLM for CUDA away.
    """
    if machine.refusal(builds_for_cpu=False):
        return WEB, ""
    if device == "cuda":
        return CUDA, "ENGINE_DEVICE is cuda: vLLM for CUDA."
    without = WEB if machine.refusal() else CPU
    if device == "cpu":
        return without, ""
    if driver is None:
        if installed == CUDA.name:
            return CUDA, (
                "No NVIDIA driver answers, yet vLLM for CUDA is installed and stays "
                "(ENGINE_DEVICE=cpu installs the CPU's)."
            )
        return without, ""
    if trouble := _too_old(machine, driver):
        return without, f"{trouble} The engine runs on the CPU."
    return CUDA, f"An NVIDIA driver answers ({driver}): vLLM for CUDA."


def _too_old(machine: Machine, driver: Driver) -> str:
    """Why vLLM for CUDA 13 does not run with this driver and card; "" where it does."""
    if driver.major < OLDEST_DRIVER:
        return (
            f"The NVIDIA driver {driver.version} is too old for CUDA 13, which needs "
            f"{OLDEST_DRIVER} or newer."
        )
    capability = driver.cards[0].capability
    if capability and capability < OLDEST_CAPABILITY:
        return (
            f"{driver.cards[0].name} has compute capability "
            f"{capability[0]}.{capability[1]}, and CUDA 13 needs "
            f"{OLDEST_CAPABILITY[0]}.{OLDEST_CAPABILITY[1]} or newer."
        )
    if machine.processor != CUDA_MACHINE:
        return (
            f"The packages for CUDA are pinned for {CUDA_MACHINE}, and this processor "
            f"is {machine.processor}."
        )
    return ""
