"""The guard's process: reads process groups from its input, ends them at its end."""

import signal
import sys
import time

from launcher.children import GRACE_S, signal_group


def main() -> None:
    """Lines "+group" and "-group" until the launcher is gone."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    groups: set[int] = set()
    for line in sys.stdin:
        (groups.add if line[0] == "+" else groups.discard)(int(line[1:]))
    for group in groups:
        signal_group(group, signal.SIGTERM)
    end = time.monotonic() + (GRACE_S if groups else 0)
    while groups and time.monotonic() < end:
        groups = {group for group in groups if _lives(group)}
        time.sleep(0.1)
    for group in groups:
        signal_group(group, signal.SIGKILL)


def _lives(group: int) -> bool:
    import os

    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


if __name__ == "__main__":
    main()
