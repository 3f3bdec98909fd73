"""The two commands: setup installs, run installs and then becomes the stack."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from lab.engine.environment import Environment, data_dir_of
from lab.errors import SettingError
from launcher import install
from launcher.machine import this_machine
from launcher.stages import LaunchError, refuse

ROOT = Path(__file__).resolve().parent.parent
USAGE = "python3 -m launcher run | setup"


def main(arguments: Sequence[str]) -> int:
    """Exit code: 0, or 2 with one sentence on the error output."""
    if list(arguments) not in (["run"], ["setup"]):
        print(USAGE, file=sys.stderr)
        return 2
    try:
        python = install.ensure(ROOT, data_dir(), this_machine())
    except (LaunchError, SettingError, OSError) as error:
        return refuse(error)
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
    try:
        return data_dir_of(Environment(os.environ))
    except SettingError as error:
        raise LaunchError(str(error)) from error
