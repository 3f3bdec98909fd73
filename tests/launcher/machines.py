"""Machines that the tests bring: what they are, what answers, what was run on them."""

import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from launcher.machine import Machine
from launcher.nvidia import Driver, Failure


@dataclass
class MachineWithoutCard(Machine):
    """Commands are run, and no driver answers."""

    def driver(self) -> Driver | None:
        return None


@dataclass
class MadeUpMachine(Machine):
    """Every command works, and python -m venv leaves an interpreter behind."""

    system: str = "Linux"
    processor: str = "x86_64"
    answering: Driver | Failure | None = None
    free: int = 10**11
    is_vllm_installed: bool = True
    is_flashinfer_installed: bool = True
    commands: list[list[str]] = field(default_factory=list)
    environments: list[Mapping[str, str]] = field(default_factory=list)

    @property
    def locks(self) -> list[str]:
        """What was installed, by the name of its lock."""
        return [Path(command[-1]).name for command in self.commands if "-r" in command]

    @property
    def num_environments_made(self) -> int:
        return sum("venv" in command for command in self.commands)

    def driver(self) -> Driver | Failure | None:
        return self.answering

    def has_vllm(self) -> bool:
        return self.is_vllm_installed

    def has_flashinfer(self) -> bool:
        return self.is_flashinfer_installed

    def library(self, name: str) -> Path | None:
        return Path(f"/usr/lib/lib{name}.so")

    def free_bytes(self, folder: Path) -> int:
        return self.free

    def run(
        self,
        command: Sequence[str],
        log: Path,
        environment: Mapping[str, str] | None = None,
    ) -> bool:
        self.commands.append(list(command))
        self.environments.append(environment or {})
        if "venv" in command:
            python = Path(command[-1]) / "bin" / "python"
            python.parent.mkdir(parents=True, exist_ok=True)
            python.touch()
        return True

    def answer(self, command: Sequence[str]) -> str:
        is_version = "-c" in command and Path(command[0]).exists()
        return platform.python_version() if is_version else ""
