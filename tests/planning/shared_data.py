"""Data that lies beside the checkout and is no part of it."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def shared(name: str) -> Path:
    """A file of ../shared/data, or of SERVELAB_SHARED_DATA; skips where it is not."""
    base = os.environ.get("SERVELAB_SHARED_DATA") or ROOT.parent / "shared" / "data"
    path = Path(base) / name
    if not path.exists():
        pytest.skip(f"{name} is not beside the checkout (SERVELAB_SHARED_DATA)")
    return path
