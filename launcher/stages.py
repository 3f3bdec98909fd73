"""What the terminal shows: one line a stage, with what it does and its seconds."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager


class LaunchError(Exception):
    """Something is in the way; ``str(error)`` is one sentence for the terminal."""


@contextmanager
def stage(name: str) -> Iterator[None]:
    """Show ``name`` while the block runs, then how long it took."""
    began = time.monotonic()
    sys.stdout.write(f"  {name} …")
    sys.stdout.flush()
    try:
        yield
    except BaseException:
        sys.stdout.write("\n")
        raise
    sys.stdout.write(f" {time.monotonic() - began:.1f} s\n")
    sys.stdout.flush()


def say(line: str) -> None:
    """One line now, also where the output is a pipe."""
    print(line, flush=True)


def refuse(error: Exception) -> int:
    """Say on the error output what is in the way; the exit code."""
    sentence = str(error)
    if isinstance(error, OSError):
        where = f" ({error.filename})" if error.filename else ""
        sentence = f"Something cannot be written or read: {error.strerror}{where}."
    print(f"\n{sentence}", file=sys.stderr)
    return 2
