"""Wheels: fetched for another Python than this one, and what one says of itself."""

import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from email.parser import HeaderParser
from functools import cache
from pathlib import Path

from packaging.requirements import Requirement
from packaging.tags import Tag, compatible_tags, cpython_tags
from packaging.utils import canonicalize_name, parse_wheel_filename
from packaging.version import Version

from bundle.errors import BundleError

INSTALLER = "pip==26.3"
"""Brought along: a host's own pip may be missing or broken."""
GLIBC = 35
"""Newest minor version of glibc 2 that a wheel may ask for (Ubuntu 22.04 has it)."""
PLATFORMS = (
    "linux_x86_64", "manylinux1_x86_64", "manylinux2010_x86_64",
    "manylinux2014_x86_64", *(f"manylinux_2_{n}_x86_64" for n in range(5, GLIBC + 1)),
)  # fmt: skip


@dataclass(frozen=True)
class Wheel:
    """One wheel and its metadata."""

    path: Path
    name: str
    version: Version
    requires: tuple[Requirement, ...]
    installed_bytes: int

    @classmethod
    def read(cls, path: Path) -> "Wheel":
        """Raises BundleError when the file is no wheel."""
        try:
            name, version, *_ = parse_wheel_filename(path.name)
            with zipfile.ZipFile(path) as archive:
                metadata = next(
                    entry
                    for entry in archive.namelist()
                    if entry.endswith(".dist-info/METADATA") and entry.count("/") == 1
                )
                text = archive.read(metadata).decode()
                size = sum(entry.file_size for entry in archive.infolist())
        except (ValueError, zipfile.BadZipFile, StopIteration) as error:
            raise BundleError(
                f"{path} is no wheel: remove it, and try again."
            ) from error
        lines = HeaderParser().parsestr(text).get_all("Requires-Dist", [])
        requires = tuple(Requirement(line) for line in lines)
        return cls(path, name, version, requires, size)


def pins(lock: Path) -> dict[str, str]:
    """Lines of a lock by package name."""
    lines = lock.read_text().split()
    return {canonicalize_name(line.partition("==")[0]): line for line in lines}


Download = Callable[[Sequence[str], Path, str], None]
"""Brings pinned packages as wheels into a folder, for a Python; raises BundleError."""


def download_with_pip(lines: Sequence[str], folder: Path, python: str) -> None:
    """A Download from the index that pip was told of."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    command += ["--only-binary", ":all:", "--dest", str(folder), "--no-input"]
    command += ["--python-version", python, "--implementation", "cp"]
    for platform in PLATFORMS:
        command += ["--platform", platform]
    answer = subprocess.run([*command, *lines], capture_output=True, text=True)
    if answer.returncode:
        errors = [line for line in answer.stderr.splitlines() if "ERROR" in line]
        last = errors[-1].removeprefix("ERROR: ") if errors else "pip said nothing"
        raise BundleError(
            f"The wheels cannot be fetched ({last.rstrip('.')}): name an index in "
            "PIP_INDEX_URL or a folder of wheels in PIP_FIND_LINKS."
        )


def fetch(
    lines: Iterable[str],
    folder: Path,
    python: str,
    download: Download = download_with_pip,
) -> dict[str, Wheel]:
    """Exactly these pinned packages as wheels in ``folder``, by name.

    What lies there already is not fetched again. Raises BundleError.
    """
    wanted = dict(map(_pin, lines))
    missing = {
        name: line
        for name, line in wanted.items()
        if not _stored(folder, name, line, python)
    }
    folder.mkdir(parents=True, exist_ok=True)
    if missing:
        download(list(missing.values()), folder, python)
    found = {}
    for name, line in wanted.items():
        path = _stored(folder, name, line, python)
        if path is None:
            raise BundleError(f"{line} was not fetched as a wheel for Python {python}.")
        found[name] = Wheel.read(path)
    return found


def _pin(line: str) -> tuple[str, str]:
    return canonicalize_name(line.partition("==")[0]), line


def _stored(folder: Path, name: str, line: str, python: str) -> Path | None:
    """The wheel of a pinned package that suits this Python."""
    wanted = Version(line.rpartition("=")[2])
    supported = _tags(python)
    for path in sorted(folder.glob("*.whl")):
        found, version, _, tags = parse_wheel_filename(path.name)
        if (found, version) == (name, wanted) and tags & supported:
            return path
    return None


@cache
def _tags(python: str) -> frozenset[Tag]:
    """What a wheel's name may say for this Python on PLATFORMS."""
    version = [int(part) for part in python.split(".")]
    interpreter = "cp" + python.replace(".", "")
    return frozenset(
        [
            *cpython_tags(version, platforms=PLATFORMS),
            *compatible_tags(version, interpreter, PLATFORMS),
        ]
    )
