"""Where the page is served, and that one start at a time does so."""

import fcntl
import json
import os
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from launcher.stages import LaunchError


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

    def require_free(self) -> None:
        """Raises LaunchError when something listens there already."""
        family = socket.AF_INET6 if ":" in self.bind else socket.AF_INET
        try:
            with socket.socket(family) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind((self.bind, self.port))
        except OSError as error:
            raise LaunchError(
                f"Port {self.port} of {self.bind} cannot be used "
                f"({error.strerror}): end what listens there, or choose another "
                f"with make run PORT={self.port + 1}."
            ) from error


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
