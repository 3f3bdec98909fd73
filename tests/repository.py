"""What is in the repository, as git has it."""

import subprocess
from pathlib import Path, PurePath

ROOT = Path(__file__).resolve().parent.parent


def tracked() -> list[PurePath]:
    """Every file, relative to ROOT."""
    command = ["git", "ls-files", "-z"]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
    return [PurePath(name) for name in answer.stdout.decode().split("\0") if name]


def names_of(files: list[PurePath]) -> set[str]:
    """The files and all folders that hold one."""
    folders = {str(parent) for file in files for parent in file.parents}
    return {str(file) for file in files} | folders
