"""How words are read, where the host has packages of its own."""

import os
import subprocess
import sys
from pathlib import Path

from tests.repository import ROOT

ASKS = "import courseware.words, sys; print('jax' in sys.modules)"


def test_a_jax_of_the_host_is_not_started(tmp_path: Path) -> None:
    """It would take three quarters of the card's memory in each process."""
    (tmp_path / "jax.py").write_text("raise SystemExit('jax was started')")
    paths = os.pathsep.join([str(tmp_path), str(ROOT)])
    said = subprocess.run(
        [sys.executable, "-c", ASKS],
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
    )
    assert (said.returncode, said.stdout.strip()) == (0, "False"), said.stderr
