"""Which addresses a page may name, and the one that was named last.

Who names an address has a process of ours call it from within. So the operator lists
the hosts in ENGINE_ADDRESS_HOSTS; without that nothing can be named. What is called is
put together again from the parts that were checked, so that no two readers of an
address differ.
"""

import hashlib
import json
import re
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from lab.errors import SettingError

MOST_CHARS = 300
_PORTS = {"http": 80, "https": 443}
_PATH = re.compile(r"(?:/[\w.~-]++)*+/?", re.ASCII)
NONE_LISTED = (
    "No other address can be named: the engine host's ENGINE_ADDRESS_HOSTS lists none."
)


def checked(address: str, allowed: Iterable[str]) -> str:
    """The address as it may be called; raises SettingError with a sentence.

    ``allowed`` as host:port, or host for the port that the scheme has.
    """
    listed = {one.lower() for one in allowed}
    if not listed:
        raise SettingError(NONE_LISTED)
    parts = _parts(address)
    if parts is None:
        raise SettingError(
            "An address is http:// or https://, a host, and the path of its API, such "
            "as /v1: no user, no key, no ? and no #."
        )
    host, port = str(parts.hostname), parts.port or _PORTS[parts.scheme]
    name = f"[{host}]" if ":" in host else host
    is_usual = port == _PORTS[parts.scheme]
    if f"{name}:{port}" not in listed and not (is_usual and name in listed):
        raise SettingError(
            f"{name}:{port} is not listed: the engine host's ENGINE_ADDRESS_HOSTS "
            f"allows {', '.join(sorted(listed))}."
        )
    return f"{parts.scheme}://{name}{'' if is_usual else f':{port}'}{parts.path}"


def _parts(address: str) -> SplitResult | None:
    if len(address) > MOST_CHARS or not (address.isascii() and address.isprintable()):
        return None
    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    is_whole = parts.scheme in _PORTS and host and port != 0
    has_more = parts.username is not None or "?" in address or "#" in address
    is_plain = _PATH.fullmatch(parts.path) and ".." not in parts.path
    return parts if is_whole and is_plain and not has_more else None


def origin(address: str) -> tuple[str, str | None, int | None]:
    """Scheme, host and port: to whom a key is told."""
    parts = urlsplit(address)
    return parts.scheme, parts.hostname, parts.port or _PORTS.get(parts.scheme)


class Named:
    """The address that a page named for one host, over its restarts."""

    def __init__(self, data_dir: Path, engine_host_id: str) -> None:
        digest = hashlib.sha256(engine_host_id.encode()).hexdigest()[:12]
        self._path = data_dir / f"engine_address_{digest}.json"

    def read(self) -> str:
        """ "" where none is named."""
        try:
            named = json.loads(self._path.read_text())["address"]
        except (OSError, ValueError, LookupError, TypeError):
            return ""
        return named if isinstance(named, str) else ""

    def keep(self, address: str) -> None:
        """Raises OSError."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        whole = self._path.with_suffix(".new")
        whole.write_text(json.dumps({"address": address}))
        whole.replace(self._path)

    def forget(self) -> None:
        """The setting's holds again; raises OSError."""
        self._path.unlink(missing_ok=True)
