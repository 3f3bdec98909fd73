"""A Redis server of a test's own, that can be stopped and started again."""

import subprocess
from pathlib import Path

from launcher import valkey


class RedisServer:
    """Keeps its port and its password over restarts, not what it held."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._port, self._password = valkey.free_port(), "own"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return valkey.url(self._port, self._password)

    def start(self) -> None:
        self._process = subprocess.Popen(
            valkey.command(self._port, self._directory, self._password, keeps=False),
            stdout=subprocess.DEVNULL,
        )
        valkey.wait_until_ready(self._process, self._port, self._password)

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
