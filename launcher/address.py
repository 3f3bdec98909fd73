"""Where the page is served, and that one start at a time does so."""

import fcntl
import json
import os
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from launcher.stages import LaunchError

# fmt: off
BLOCKED_PORTS = frozenset({
    1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95,
    101, 102, 103, 104, 109, 110, 111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161,
    179, 389, 427, 465, 512, 513, 514, 515, 526, 530, 531, 532, 540, 548, 554, 556, 563,
    587, 601, 636, 989, 990, 993, 995, 1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060,
    5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080,
})
# fmt: on
"""Other protocols', to which no browser connects: fetch.spec.whatwg.org/#bad-port."""


@dataclass(frozen=True)
class Address:
    """Where the page is served."""

    bind: str
    port: int

    @property
    def url(self) -> str:
        """What to type into the browser on this machine."""
        host = "127.0.0.1" if self.bind in {"0.0.0.0", "::"} else self.bind
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}/"

    def require_usable(self) -> None:
        """Raises LaunchError when browsers would not open it, or something listens
        there already."""
        if self.port in BLOCKED_PORTS:
            raise LaunchError(
                f"Port {self.port} cannot be used: browsers open no page there, since "
                f"it belongs to another protocol. {self._another()}"
            )
        family = socket.AF_INET6 if ":" in self.bind else socket.AF_INET
        try:
            with socket.socket(family) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind((self.bind, self.port))
        except OSError as error:
            raise LaunchError(
                f"Port {self.port} of {self.bind} cannot be used "
                f"({error.strerror}): end what listens there. {self._another()}"
            ) from error

    def _another(self) -> str:
        after = range(self.port + 1, 65_536)
        port = next((port for port in after if port not in BLOCKED_PORTS), 8000)
        return f"Choose another with make run PORT={port}."


def only_one(data_dir: Path, address: Address) -> TextIO:
    """The lock of this DATA_DIR; raises LaunchError when another start holds it."""
    file = (data_dir / "launcher.lock").open("a+")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.seek(0)
        try:
            holder = json.loads(file.read())
        except ValueError:  # it has just begun, or is no launcher
            raise LaunchError(
                f"A restore, or another start, is at work on {data_dir}: wait for its "
                "end."
            ) from error
        raise LaunchError(
            f"Servelab already runs from here (process {holder.get('pid')}): open "
            f"{holder.get('url')} or end it first."
        ) from error
    file.truncate(0)
    file.write(json.dumps({"pid": os.getpid(), "url": address.url}))
    file.flush()
    return file
