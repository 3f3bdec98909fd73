"""Installs Servelab from the bundle beside this file, without a network.

    sh install.sh [--into DIRECTORY] [--verify]

Standard library only. After an interruption or a mended part the same command goes on:
what is unpacked is not unpacked again, and wheels that are installed stay.
"""

from __future__ import annotations  # an older Python is to say that it is too old

import argparse
import hashlib
import importlib.metadata
import io
import json
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import time
from pathlib import Path
from typing import Any

SUMS = "SHA256SUMS"
STATE = ".bundle"
STAMP = "servelab.json"
SLACK_BYTES = 500 * 10**6
"""Room for compiled files and the first start."""
CHECK = """
import importlib, sys
for name in sys.argv[2:]:
    try:
        importlib.import_module(name)
    except BaseException as error:
        sys.exit(f"{name} ({type(error).__name__}: {error})")
if sys.argv[1]:
    import torch
    if str(torch.version.cuda).split(".")[0] != sys.argv[1]:
        sys.exit(f"torch (built for CUDA {torch.version.cuda}, not {sys.argv[1]})")
"""
CARDS = "from launcher import nvidia; print(nvidia.ask() or '')"


class InstallError(Exception):
    """What is in the way, as one sentence."""


def main(arguments: list[str]) -> int:
    """Exit code: 0, or 2 with one sentence on the error output."""
    parser = argparse.ArgumentParser(
        prog="install.sh",
        description="Install Servelab from this bundle; no network is used.",
        epilog="PYTHON=/path/to/python3 sh install.sh names another interpreter.",
    )
    parser.add_argument(
        "--into",
        type=Path,
        default=Path("servelab"),
        help="where Servelab is put (default: servelab in this directory)",
    )
    parser.add_argument(
        "--verify", action="store_true", help="only compare the files with SHA256SUMS"
    )
    options = parser.parse_args(arguments)
    folder = Path(__file__).resolve().parent
    try:
        verify(folder)
        if not options.verify:
            install(folder, options.into.expanduser().resolve())
    except InstallError as error:
        print(f"\n{error}", file=sys.stderr)
        return 2
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        print(f"\n{error.strerror}{where}.", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nStopped; the same command goes on from here.", file=sys.stderr)
        return 130
    return 0


def install(folder: Path, target: Path) -> None:
    """All steps after the checksums."""
    plan = json.loads((folder / "bundle.json").read_text())
    check_python(plan)
    check_host(folder, plan)
    check_space(target, plan)
    state = target / STATE
    state.mkdir(parents=True, exist_ok=True)
    python = target / ".venv" / "bin" / "python"
    stamp = {
        "set": "bundle",
        "profile": plan["profile"],
        "wheels": plan["wheels_id"],
        "interpreter": sys.executable,
    }
    needs_wheels = read_stamp(python) != stamp
    unpack(folder, target, plan, needs_wheels)
    if needs_wheels:
        make_environment(python, plan)
        install_wheels(folder / plan["pip"], state, python)
    check_imports(target, python, plan)
    (target / ".venv" / STAMP).write_text(json.dumps(stamp))
    shutil.rmtree(state / "wheels", ignore_errors=True)
    say_what_is_next(target, python, plan)


def verify(folder: Path) -> None:
    """Compare every file with SHA256SUMS; names all that are missing or damaged."""
    if not (folder / SUMS).exists():
        raise InstallError(f"{SUMS} is missing in {folder}: copy it again.")
    began, faults = time.monotonic(), []
    sums = read_sums(folder)
    for number, (name, digest) in enumerate(sums.items(), 1):
        show(f"Comparing {number} of {len(sums)} files with their checksums")
        path = folder / name
        if not path.exists():
            faults.append(f"{name} is missing")
        elif sha256(path) != digest:
            faults.append(f"{name} is damaged (its checksum differs)")
    show(f"Compared {len(sums)} files with their checksums", began)
    if faults:
        raise InstallError(f"{'; '.join(faults)}: copy that again, then repeat this.")


def read_sums(folder: Path) -> dict[str, str]:
    """Checksums of the bundle's files by name."""
    lines = (folder / SUMS).read_text().splitlines()
    return {name: digest for digest, name in (line.split("  ", 1) for line in lines)}


def sha256(path: Path) -> str:
    """Checksum of a file."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while True:
            piece = file.read(1 << 20)
            if not piece:
                return digest.hexdigest()
            digest.update(piece)


def check_python(plan: dict[str, Any]) -> None:
    """The wheels are for one version of Python."""
    found = "{}.{}".format(*sys.version_info[:2])
    if found != plan["python"]:
        raise InstallError(
            f"This bundle is for Python {plan['python']}, and {sys.executable} is "
            f"{platform.python_version()}: name another one with "
            f"PYTHON=/path/to/python{plan['python']} sh install.sh."
        )


def check_host(folder: Path, plan: dict[str, Any]) -> None:
    """What the bundle counts on is here, and goes with what the bundle brings."""
    sys.path.insert(0, str(folder / plan["pip"]))
    from pip._vendor.packaging.requirements import Requirement
    from pip._vendor.packaging.specifiers import SpecifierSet
    from pip._vendor.packaging.utils import canonicalize_name

    for name, specifier in plan["host"].items():
        try:
            distribution = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            raise InstallError(
                f"{name} is not installed for {sys.executable}, and this bundle counts "
                f"on it ({name}{specifier}): name the interpreter that has it with "
                "PYTHON=/path/to/python3 sh install.sh, or make a bundle for another "
                "kind of host."
            ) from None
        version = distribution.version
        if not SpecifierSet(specifier).contains(version, prereleases=True):
            raise InstallError(
                f"The host has {name} {version}, and this bundle needs "
                f"{name}{specifier}: make a bundle for another kind of host, or one "
                f"that brings {name} along (HAS)."
            )
        for line in distribution.requires or []:
            needed = Requirement(line)
            brought = plan["wheels"].get(canonicalize_name(needed.name))
            if needed.marker and not needed.marker.evaluate({"extra": ""}):
                continue
            if brought and not needed.specifier.contains(brought, prereleases=True):
                raise InstallError(
                    f"The host's {name} {version} needs {needed.name}"
                    f"{needed.specifier}, and the bundle brings {brought}: make one "
                    f"that brings {name} along (HAS)."
                )


def check_space(target: Path, plan: dict[str, Any]) -> None:
    """Unpacked wheels and what is installed from them, side by side."""
    needed = plan["archive_bytes"] + plan["installed_bytes"] + SLACK_BYTES
    place = target
    while not place.exists():
        place = place.parent
    has = sum(f.stat().st_size for f in target.glob(f"{STATE}/wheels/*"))
    if read_stamp(target / ".venv" / "bin" / "python"):
        has = needed
    free = shutil.disk_usage(place).free
    if free + has < needed:
        raise InstallError(
            f"There is no space: {free / 1e9:.1f} GB are free in {place}, and "
            f"{(needed - has) / 1e9:.1f} GB are needed (--into DIRECTORY puts Servelab "
            "elsewhere)."
        )


class Joined(io.RawIOBase):
    """The parts, read one after the other."""

    def __init__(self, paths: list[Path]) -> None:
        self._paths = list(paths)
        self._file: io.BufferedReader | None = None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while True:
            if self._file is None:
                if not self._paths:
                    return 0
                self._file = self._paths.pop(0).open("rb")
            count = self._file.readinto(buffer)
            if count:
                return count
            self._file.close()
            self._file = None


def unpack(
    folder: Path,
    target: Path,
    plan: dict[str, Any],
    needs_wheels: bool,
) -> None:
    """Wheels into the state directory, the project's files into their place.

    Files of an earlier bundle that this one does not have are removed.
    """
    state = target / STATE
    done = state / "unpacked.json"
    mark = {"sums": sha256(folder / SUMS), "wheels": needs_wheels}
    has_wheels = not needs_wheels or (state / "wheels").exists()
    if read_json(done).get("mark") == mark and has_wheels:
        return
    began = time.monotonic()
    earlier = set(read_json(done).get("files", []))
    done.write_text(json.dumps({"files": sorted(earlier)}))
    shutil.rmtree(state / "wheels", ignore_errors=True)
    files = []
    parts = [
        folder / name for name in sorted(read_sums(folder)) if name.startswith("part-")
    ]
    joined = io.BufferedReader(Joined(parts), 1 << 20)
    with joined, tarfile.open(fileobj=joined, mode="r|") as archive:
        for member in archive:
            kind, _, name = member.name.partition("/")
            if kind == "wheels" and not needs_wheels:
                continue
            member.name = f"{STATE}/wheels/{name}" if kind == "wheels" else name
            show(f"Unpacking {name}")
            extract(archive, member, target)
            if kind != "wheels":
                files.append(name)
    for name in earlier - set(files):
        (target / name).unlink(missing_ok=True)
    done.write_text(json.dumps({"mark": mark, "files": files}))
    wheels = f" and {len(plan['wheels'])} wheels" if needs_wheels else ""
    show(f"Unpacked {len(files)} files{wheels}", began)


def extract(archive: tarfile.TarFile, member: tarfile.TarInfo, target: Path) -> None:
    """One member, with the checks of newer Pythons where they exist."""
    if hasattr(tarfile, "data_filter"):
        archive.extract(member, target, filter="data")
    else:
        archive.extract(member, target)


def make_environment(python: Path, plan: dict[str, Any]) -> None:
    """A virtual environment that sees the host's packages where it counts on them.

    Always an empty one: an interrupted pip may have left half a package behind.
    """
    venv = python.parent.parent
    began = time.monotonic()
    options = ["--system-site-packages"] if plan["host"] else []
    command = [sys.executable, "-m", "venv", "--clear", "--without-pip", *options]
    answer = subprocess.run([*command, str(venv)], capture_output=True, text=True)
    if answer.returncode:
        raise InstallError(
            f"{sys.executable} cannot make a virtual environment "
            f"({last_line(answer)}): install the system's package python3-venv."
        )
    if plan["host"] and sys.prefix != sys.base_prefix:
        # The interpreter belongs to an environment itself: its packages are not the
        # system's, so they are named.
        folder = venv / "lib" / f"python{plan['python']}" / "site-packages"
        places = {str(find(name).locate_file("")) for name in plan["host"]}
        lines = [f"import site; site.addsitedir({place!r})" for place in sorted(places)]
        (folder / "host.pth").write_text("\n".join(lines) + "\n")
    show("Made the virtual environment in .venv", began)


def find(name: str) -> importlib.metadata.Distribution:
    """The installed package of this name."""
    return importlib.metadata.distribution(name)


def install_wheels(pip: Path, state: Path, python: Path) -> None:
    """With the pip that came along; nothing of the host's configuration is used."""
    began = time.monotonic()
    wheels = sorted(map(str, (state / "wheels").glob("*.whl")))
    show(f"Installing {len(wheels)} wheels")
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PIP_")}
    environment.update(PIP_CONFIG_FILE=os.devnull, PIP_NO_INDEX="1")
    command = [str(python), str(pip / "pip"), "install", "--no-index", "--no-deps"]
    command += ["--no-cache-dir", "--disable-pip-version-check", "--quiet"]
    answer = subprocess.run(
        [*command, *wheels], env=environment, capture_output=True, text=True
    )
    if answer.returncode:
        raise InstallError(f"The wheels cannot be installed: {last_line(answer)}.")
    show(f"Installed {len(wheels)} wheels", began)


def check_imports(target: Path, python: Path, plan: dict[str, Any]) -> None:
    """Load what the installation is for."""
    began = time.monotonic()
    show("Loading what was installed")
    environment = {**os.environ, "PYTHONPATH": str(target)}
    answer = subprocess.run(
        [str(python), "-c", CHECK, plan["cuda"], *plan["imports"]],
        cwd=str(target),
        env=environment,
        capture_output=True,
        text=True,
    )
    if answer.returncode:
        raise InstallError(
            f"What was installed does not load: {last_line(answer)}. It is in {target}."
        )
    show(f"Loaded {', '.join(plan['imports'])}", began)


def say_what_is_next(target: Path, python: Path, plan: dict[str, Any]) -> None:
    """Where it is, which cards answer, how to start it."""
    print(f"\nServelab is in {target} ({plan['summary']}).")
    if plan["left_out"]:
        print(f"Left out: {'; '.join(plan['left_out'])}.")
    if plan["cuda"]:
        answer = subprocess.run(
            [str(python), "-c", CARDS], cwd=str(target), capture_output=True, text=True
        )
        cards = answer.stdout.strip()
        print(f"Cards: {cards}." if cards else "No NVIDIA driver answers here yet.")
    print(
        f"\n  cd {target}\n"
        "  make run                            # everything on this machine\n"
        "  .venv/bin/python -m launcher.stack  # the same without make\n"
        "\ndocs/gpu.md and docs/running.md say how to run an engine host alone."
    )


def read_json(path: Path) -> dict[str, Any]:
    """What a file of ours holds; empty where it is missing or broken."""
    try:
        found: dict[str, Any] = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return found


def read_stamp(python: Path) -> dict[str, Any]:
    """The stamp of a finished installation; empty without one."""
    return read_json(python.parent.parent / STAMP) if python.exists() else {}


def last_line(answer: subprocess.CompletedProcess[str]) -> str:
    """What a process said last."""
    lines = (answer.stdout + answer.stderr).strip().splitlines()
    if not lines:
        return f"exit code {answer.returncode}"
    return lines[-1].strip().removeprefix("ERROR: ").rstrip(".")


def show(line: str, began: float | None = None) -> None:
    """Progress in one place of a terminal; a finished step stays, with its seconds."""
    if began is not None:
        clear = "\r\x1b[K" if sys.stdout.isatty() else ""
        print(f"{clear}  {line} ({time.monotonic() - began:.1f} s)", flush=True)
    elif sys.stdout.isatty():
        print(f"\r\x1b[K  {line[:70]} …", end="", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
