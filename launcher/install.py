"""The virtual environment: made once, filled from a complete lock, then stamped.

Only an environment with our stamp is ever removed, and never through a link.
Nothing here may import a package: it runs before there is one.
"""

import fcntl
import hashlib
import json
import os
import platform
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lab.engine.config import DEVICES
from lab.engine.environment import Environment
from launcher import packages
from launcher.machine import Machine
from launcher.packages import PackageSet
from launcher.stages import LaunchError, say, stage

UV = "uv==0.13.9"
STAMP_NAME = "servelab.json"
BUNDLE = "bundle"
"""The set of an environment that a bundle's install.sh made: it is left as it is."""
ADOPTED = {"adopted": "yes"}
"""In the stamp of an environment that we found and filled: it is never removed."""
NO_INDEX_SIGNS = (
    "dns error", "Failed to fetch", "Connection", "connect", "No matching distribution",
    "Could not find a version", "client error", "timed out", "not found in the",
    "no such host", "unreachable",
)  # fmt: skip


def ensure(root: Path, data_dir: Path, machine: Machine) -> Path:
    """Path of an interpreter with all packages; raises LaunchError, SettingError."""
    python = root / ".venv" / "bin" / "python"
    installed = _installed(python)
    if installed.get("set") == BUNDLE and python.exists():
        return python
    device = Environment(os.environ).choice("ENGINE_DEVICE", "auto", DEVICES)
    driver = machine.driver() if device == "auto" else None
    chosen, why = packages.choose(machine, device, driver, installed.get("set", ""))
    lock = root / "requirements" / chosen.lock
    stamp = _stamp(chosen, lock)
    if _is_current(python, stamp):
        return python
    with _only_one(data_dir / "install.lock"):
        if not _is_current(python, stamp):
            if why:
                say(f"  {why}")
            log = data_dir / "logs" / "install.log"
            if python.exists() and not _is_ours(root / ".venv"):
                stamp |= ADOPTED
            _install(machine, root, chosen, log)
            (root / ".venv" / STAMP_NAME).write_text(json.dumps(stamp))
    return python


def _stamp(chosen: PackageSet, lock: Path) -> dict[str, str]:
    return {
        "set": chosen.name,
        "lock": hashlib.sha256(lock.read_bytes()).hexdigest(),
        "python": _minor(platform.python_version()),
    }


def _minor(version: str) -> str:
    """3.11 of 3.11.9: what installed packages depend on."""
    return ".".join(version.split(".")[:2])


def _installed(python: Path) -> dict[str, str]:
    """The stamp in the virtual environment; empty without one."""
    try:
        found: dict[str, str] = json.loads(
            (python.parent.parent / STAMP_NAME).read_text()
        )
    except (OSError, ValueError):
        return {}
    return found


def _is_current(python: Path, stamp: dict[str, str]) -> bool:
    found = _installed(python)
    # Earlier stamps have the whole version.
    found["python"] = _minor(found.get("python", ""))
    return python.exists() and {**found, **ADOPTED} == {**stamp, **ADOPTED}


def _is_ours(venv: Path) -> bool:
    """Whether this launcher made the environment."""
    stamp = _installed(venv / "bin" / "python")
    return bool(stamp) and ADOPTED.items().isdisjoint(stamp.items())


@contextmanager
def _only_one(path: Path) -> Iterator[None]:
    """Two installations at once wait for each other."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _install(machine: Machine, root: Path, chosen: PackageSet, log: Path) -> None:
    lock = root / "requirements" / chosen.lock
    free_bytes = machine.free_bytes(root)
    if free_bytes < chosen.free_gb * 10**9:
        raise LaunchError(
            f"There is no space for the packages: {free_bytes / 10**9:.1f} GB are free "
            f"in {root}, and {chosen.free_gb} GB are needed."
        )
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text("")
    venv = root / ".venv"
    python = venv / "bin" / "python"
    if venv.is_symlink() and not _installed(python):
        raise LaunchError(_left_alone(venv, "it was not made by this launcher"))
    if why := _why_anew(machine, python, chosen):
        _make_room(venv, why)
        with stage("Making the virtual environment in .venv"):
            _make_venv(machine, venv, chosen, log)
    environment = _installer_environment(machine, python, chosen)
    with stage("Fetching the installer"):
        pip = [str(python), "-m", "pip", "-q", "install", "--retries", "2", UV]
        _run(machine, pip, environment, log)
    with stage(f"Installing {_count(lock)} pinned packages ({chosen.size})"):
        uv = [str(venv / "bin" / "uv"), "pip", "install", "--python", str(python)]
        options = ["--compile-bytecode", "--no-deps", "-r", str(lock)]
        _run(machine, [*uv, *options], environment, log)


def _count(lock: Path) -> int:
    return sum("==" in line for line in lock.read_text().splitlines())


def _why_anew(machine: Machine, python: Path, chosen: PackageSet) -> str:
    """Why the environment cannot be kept, as the end of a sentence; "" if it can."""
    if not python.exists():
        return "it has no interpreter"
    kept = _installed(python).get("set", "")
    if kept and kept != chosen.name:
        return f"it holds the packages for {kept}, and those for {chosen.name} are due"
    code = "import platform, pip; print(platform.python_version())"
    version = machine.answer([str(python), "-c", code])
    if not version:
        return "its Python or its pip does not run"
    if _minor(version) != _minor(platform.python_version()):
        return f"it is of Python {version}, and this is {platform.python_version()}"
    return ""


def _make_room(venv: Path, why: str) -> None:
    """Remove an environment of ours; raises LaunchError for one that is not."""
    if venv.is_symlink():
        raise LaunchError(_left_alone(venv, why))
    if not venv.exists():
        return
    if not venv.is_dir() or (any(venv.iterdir()) and not _is_ours(venv)):
        raise LaunchError(
            f"{venv} was not made by this launcher and is left as it is: {why}. Move "
            "it away, and the next start makes its own."
        )
    say(f"  Removing {venv}, since {why}")
    try:
        shutil.rmtree(venv)
    except OSError as error:
        raise LaunchError(f"{venv} cannot be removed ({error.strerror}).") from error


def _left_alone(venv: Path, why: str) -> str:
    return (
        f"{venv} is a link to {venv.resolve()}, which is left as it is: {why}. Remove "
        "the link, and the next start makes an environment here."
    )


def _make_venv(machine: Machine, venv: Path, chosen: PackageSet, log: Path) -> None:
    command = [sys.executable, "-m", "venv", str(venv)]
    if not machine.run(command, log):
        raise LaunchError(
            "Python cannot make a virtual environment here: install the system's "
            f"package python3-venv (details in {log})."
        )
    # Says that it is ours, also when the installation does not come to its end.
    (venv / STAMP_NAME).write_text(json.dumps({"set": chosen.name}))


def _run(
    machine: Machine, command: list[str], environment: dict[str, str], log: Path
) -> None:
    """Run one installer; its output goes to the log. Raises LaunchError."""
    if machine.run(command, log, environment):
        return
    text = log.read_text()
    if "No space left" in text:
        raise LaunchError(f"The disk became full while installing (details in {log}).")
    if any(sign in text for sign in NO_INDEX_SIGNS):
        raise LaunchError(
            "The packages cannot be fetched, since no package index answers or it has "
            "not all of them: check the network, or name an index in PIP_INDEX_URL or "
            f"a folder of wheels in PIP_FIND_LINKS (details in {log})."
        )
    raise LaunchError(f"The packages cannot be installed (details in {log}).")


def _installer_environment(
    machine: Machine, python: Path, chosen: PackageSet
) -> dict[str, str]:
    """What pip was told is told to uv too, and where torch's CPU build comes from."""
    environment = dict(os.environ)
    find_links = (
        environment.get("UV_FIND_LINKS")
        or environment.get("PIP_FIND_LINKS")
        or _configured(machine, python, "find-links")
    )
    if find_links:
        environment["UV_FIND_LINKS"] = find_links
    elif chosen is not packages.CUDA:
        environment["UV_TORCH_BACKEND"] = "cpu"
    index = environment.get("PIP_INDEX_URL") or _configured(
        machine, python, "index-url"
    )
    if index and not {"UV_INDEX_URL", "UV_DEFAULT_INDEX"} & environment.keys():
        environment["UV_DEFAULT_INDEX"] = index
    if "PIP_CERT" in environment:
        environment.setdefault("SSL_CERT_FILE", environment["PIP_CERT"])
    environment.setdefault("UV_HTTP_TIMEOUT", "180")
    return environment


def _configured(machine: Machine, python: Path, key: str) -> str:
    """A value from pip's configuration files, "" where there is none."""
    return machine.answer([str(python), "-m", "pip", "config", "get", f"global.{key}"])
