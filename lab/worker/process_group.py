"""The processes of a second engine: one group, found and ended whole.

vLLM's processes are forked and spawned by others in turn, and a parent that dies hands
its children to the system: a tree does not find them, their group does. A file says
which group it is, for the case that all who knew were killed.
"""

import contextlib
import json
import os
import signal
import threading
import time
from pathlib import Path

import psutil

SOFT_END_S = 6.0
CLOCK_S = 2.0
"""How far a process's start and our clock may lie apart."""


def members(group: int) -> list[psutil.Process]:
    """The processes of a group, the dead that nobody has waited for left out."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            is_dead = process.status() == psutil.STATUS_ZOMBIE
            if os.getpgid(process.pid) == group and not is_dead:
                found.append(process)
    return found


def kill(group: int) -> None:
    """All of it, now; none left is fine."""
    processes = members(group)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)
    psutil.wait_procs(processes, timeout=5.0)


def record(path: Path, group: int) -> None:
    """Write down which group it is; what runs is not ended by a disk that is full."""
    with contextlib.suppress(OSError):
        path.write_text(json.dumps({"group": group, "at": time.time()}))


def end_recorded(path: Path) -> None:
    """Kill what a killed worker left, and the record: nothing that began earlier, whose
    number may have been another's then."""
    try:
        kept = json.loads(path.read_text())
        group, began_at = int(kept["group"]), float(kept["at"])
    except (OSError, ValueError, KeyError, TypeError):
        return
    found = members(group)
    if found and all(p.create_time() > began_at - CLOCK_S for p in found):
        kill(group)
    path.unlink(missing_ok=True)


def resident_bytes(group: int) -> int:
    """Resident bytes of a group that are its processes' own."""
    return sum(map(_own_bytes, members(group)))


def _own_bytes(process: psutil.Process) -> int:
    try:
        memory = process.memory_info()
    except psutil.Error:
        return 0
    return int(memory.rss - getattr(memory, "shared", 0))


def end_with_parent() -> None:
    """In a second engine's process, the first of its group: end the group when the main
    host's process has gone, whose end of our input closes then."""
    threading.Thread(target=_wait_for_parent, daemon=True).start()


def _wait_for_parent() -> None:
    while os.read(0, 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(SOFT_END_S)
    os.killpg(0, signal.SIGKILL)
