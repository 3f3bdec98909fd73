"""Which set of pinned packages this machine gets, and why.

Nothing here may import a package: it runs before there is one.
"""

from dataclasses import dataclass

from launcher.machine import Machine
from launcher.nvidia import Card, Driver, Failure

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
    machine: Machine,
    device: str,
    driver: Driver | Failure | None,
    installed: str = "",
) -> tuple[PackageSet, str]:
    """The set for a machine and a sentence that says why; "" where it is plain.

    ``device`` is ENGINE_DEVICE, ``driver`` what answers here, ``installed`` the name
    of the set that is there already: a driver that is silent or fails for once must
    not throw vLLM for CUDA away.
    """
    if machine.refusal(builds_for_cpu=False):
        return WEB, ""
    if device == "cuda":
        return CUDA, "ENGINE_DEVICE is cuda: vLLM for CUDA."
    without = WEB if machine.refusal() else CPU
    if device == "cpu":
        return without, ""
    if not isinstance(driver, Driver):
        fault = "No NVIDIA driver answers" if driver is None else str(driver)
        if installed == CUDA.name:
            return CUDA, (
                f"{fault.removesuffix('.')}; vLLM for CUDA is installed and stays "
                "(ENGINE_DEVICE=cpu installs the CPU's)."
            )
        return without, f"{driver} The engine runs on the CPU." if driver else ""
    if trouble := _too_old(machine, driver):
        return without, f"{trouble} The engine runs on the CPU."
    left_out = [fault for card in driver.cards if (fault := fault_of(card))]
    words = f"An NVIDIA driver answers ({driver}): vLLM for CUDA."
    return CUDA, " ".join(
        [words, *(f"{one} It is left out." for one in left_out), *driver.lost]
    )


def usable(driver: Driver) -> list[Card]:
    """Its cards that vLLM for CUDA runs on."""
    return [card for card in driver.cards if not fault_of(card)]


def fault_of(card: Card) -> str:
    """Why CUDA 13 does not run on a card; "" where it does, or may."""
    if not card.capability or card.capability >= OLDEST_CAPABILITY:
        return ""
    return (
        f"{card.name} has compute capability "
        f"{card.capability[0]}.{card.capability[1]}, and CUDA 13 needs "
        f"{OLDEST_CAPABILITY[0]}.{OLDEST_CAPABILITY[1]} or newer."
    )


def _too_old(machine: Machine, driver: Driver) -> str:
    """Why vLLM for CUDA 13 does not run with this driver and its cards; "" where it
    does with one of them."""
    if driver.major < OLDEST_DRIVER:
        return (
            f"The NVIDIA driver {driver.version} is too old for CUDA 13, which needs "
            f"{OLDEST_DRIVER} or newer."
        )
    if not usable(driver):
        return " ".join(dict.fromkeys(map(fault_of, driver.cards)))
    if machine.processor != CUDA_MACHINE:
        return (
            f"The packages for CUDA are pinned for {CUDA_MACHINE}, and this processor "
            f"is {machine.processor}."
        )
    return ""
