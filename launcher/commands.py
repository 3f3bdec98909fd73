"""The two commands: setup installs, run installs and then becomes the stack."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from lab.errors import SettingError
from launcher import install
from launcher.stages import LaunchError

ROOT = Path(__file__).resolve().parent.parent
USAGE = "python3 -m launcher run | setup"


def main(arguments: Sequence[str]) -> int:
    """Exit code: 0, or 2 with one sentence on the error output."""
    if list(arguments) not in (["run"], ["setup"]):
        print(USAGE, file=sys.stderr)
        return 2
    try:
        python = install.ensure(ROOT, data_dir())
    except (LaunchError, SettingError) as error:
        print(f"\n{error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nStopped while installing; the next start goes on from here.")
        return 130
    if arguments[0] == "run":
        os.chdir(ROOT)
        sys.stdout.flush()
        os.execv(python, [str(python), "-m", "launcher.stack"])
    return 0


def data_dir() -> Path:
    """DATA_DIR, made if it does not exist; raises LaunchError."""
    path = Path(os.environ.get("DATA_DIR", "").strip() or ROOT / "var")
    path = path.expanduser().resolve()
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LaunchError(
            f"DATA_DIR is {str(path)!r}: it cannot be made ({error.strerror})."
        ) from error
    return path
