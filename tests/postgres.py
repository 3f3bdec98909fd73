"""A PostgreSQL cluster of the tests' own, in a temporary directory.

initdb refuses to run as root: then the cluster belongs to the system's user postgres
or nobody.
"""

import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import psycopg

from launcher.valkey import free_port
from tests import tools
from tests.launcher.running import read_processes

PGSERVER = "pgserver==0.1.4"


def programs() -> Path:
    """Directory of initdb and postgres; brings a wheel where the system has none."""
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    versions = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    if paths := sorted(versions, key=lambda path: int(path.parts[-3])):
        return paths[-1].parent
    if importlib.util.find_spec("pgserver") is None:
        tools.install(PGSERVER)
        importlib.invalidate_caches()
    spec = importlib.util.find_spec("pgserver")
    assert spec is not None and spec.origin is not None
    return Path(spec.origin).parent / "pginstall" / "bin"


@contextmanager
def cluster() -> Iterator[str]:
    """A running server; yields DATABASE_URL and removes everything afterwards."""
    binaries, port, owner = programs(), free_port(), _owner()
    with tempfile.TemporaryDirectory(prefix="servelab-postgres-") as name:
        directory = Path(name)
        if owner:
            os.chown(directory, owner["user"], owner["group"])
        data = directory / "data"
        subprocess.run(
            [binaries / "initdb", "-D", data, "-U", "servelab", "-A", "trust",
             "--encoding=UTF8", "--locale=C", "--no-sync"],
            check=True, stdout=subprocess.DEVNULL, cwd=directory, **owner,
        )  # fmt: skip
        command = [
            binaries / "postgres", "-D", data, "-p", str(port), "-h", "127.0.0.1",
            "-k", directory, "-c", "fsync=off",
        ]  # fmt: skip
        options = {**owner, "cwd": directory, "stderr": subprocess.STDOUT}
        options["stdout"] = subprocess.DEVNULL
        url = f"postgres://servelab@127.0.0.1:{port}/postgres"
        _servers[url] = _Server(command, options, subprocess.Popen(command, **options))
        try:
            _wait(url, _servers[url].process)
            yield url
        finally:
            _signal(url, signal.SIGCONT)  # what a test left stopped would never end
            server = _servers.pop(url).process
            server.terminate()
            server.wait()


class _Server(NamedTuple):
    command: list[Any]
    options: dict[str, Any]
    """Of subprocess.Popen."""
    process: "subprocess.Popen[bytes]"


_servers: dict[str, _Server] = {}
"""Of each URL that cluster() has given."""


@contextmanager
def down(url: str) -> Iterator[None]:
    """The server of a cluster has died: its port refuses connections."""
    server = _servers[url]
    server.process.send_signal(signal.SIGQUIT)
    server.process.wait()
    try:
        yield
    finally:
        again = subprocess.Popen(server.command, **server.options)
        _servers[url] = server._replace(process=again)
        _wait(url, again)


@contextmanager
def frozen(url: str) -> Iterator[None]:
    """The server of a cluster takes connections and says nothing (SIGSTOP)."""
    try:
        _signal(url, signal.SIGSTOP)
        yield
    finally:
        _signal(url, signal.SIGCONT)


def _signal(url: str, number: signal.Signals) -> None:
    """Tell the server and what it started."""
    processes, port = read_processes(), urlsplit(url).port
    named = [i for i, one in processes.items() if f" -p {port} " in one.command]
    for server in [i for i in named if processes[i].parent not in named]:
        for process in [
            server,
            *(i for i in processes if processes[i].parent == server),
        ]:
            with suppress(ProcessLookupError):  # a backend may end by itself
                os.kill(process, number)


def _owner() -> dict[str, Any]:
    """Arguments for subprocess: an unprivileged user when this is root."""
    if os.geteuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        try:
            user = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    raise RuntimeError("PostgreSQL does not run as root: a user nobody is needed.")


def _wait(url: str, server: "subprocess.Popen[bytes]") -> None:
    end = time.monotonic() + 30
    while True:
        try:
            return psycopg.connect(url).close()
        except psycopg.OperationalError as error:
            if server.poll() is not None or time.monotonic() > end:
                raise RuntimeError("PostgreSQL did not start.") from error
        time.sleep(0.1)
