"""Broker, channel layer, cache and status on real servers, by TLS or socket."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from launcher import valkey
from tests.config.tls_server import Authority, TlsServer

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parent.parent.parent
PASSWORD = "p/a@s#s:w%d?"
CODE = """
import asyncio, json, sys
import django
django.setup()
from channels.layers import get_channel_layer
from django.core.cache import cache
from config.celery import app
from lab import client

async def layer():
    layer = get_channel_layer()
    name = await layer.new_channel()
    await layer.group_add("g", name)
    await layer.group_send("g", {"type": "x"})
    assert (await asyncio.wait_for(layer.receive(name), 5))["type"] == "x"

def broker():
    with app.connection_for_write(connect_timeout=3) as connection:
        connection.ensure_connection(max_retries=1, timeout=3)
        queue = connection.SimpleQueue("servelab-try")
        queue.put({"n": 1})
        assert queue.get(timeout=5).payload == {"n": 1}
        queue.clear()
        queue.close()

def cached():
    cache.set("a", 1)
    assert cache.get("a") == 1

told = {}
tries = {"broker": broker, "cache": cached, "status": client.statuses,
         "layer": lambda: asyncio.run(layer())}
for name, use in tries.items():
    try:
        use()
        told[name] = "ok"
    except BaseException as error:
        told[name] = f"{type(error).__name__}: {error}"
print(json.dumps(told))
"""


def ask(data_dir: Path, **variables: str) -> dict[str, str]:
    """What each client says of a Redis."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("REDIS_")}
    answer = subprocess.run(
        [sys.executable, "-c", CODE],
        cwd=ROOT,
        env={
            **kept,
            "DATA_DIR": str(data_dir),
            "DJANGO_SETTINGS_MODULE": "config.settings",
            **variables,
        },
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert answer.returncode == 0, answer.stderr
    told: dict[str, str] = json.loads(answer.stdout.splitlines()[-1])
    return told


def is_well(told: dict[str, str]) -> bool:
    return set(told.values()) == {"ok"}


@pytest.fixture(scope="module")
def socket_path(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A server on a socket and a port, with an odd password."""
    directory = tmp_path_factory.mktemp("r")
    path, port = directory / "a b.sock", valkey.free_port()
    process = subprocess.Popen(
        [
            *(str(valkey.binary()), "--port", str(port), "--unixsocket", str(path)),
            *("--requirepass", PASSWORD, "--save", "", "--dir", str(directory)),
        ],
        stdout=subprocess.DEVNULL,
    )
    valkey.wait_until_ready(process, port, PASSWORD)
    yield path
    process.terminate()
    process.wait()


def test_a_unix_socket_serves_all_of_them(socket_path: Path, tmp_path: Path) -> None:
    url = f"unix://:{PASSWORD}@{socket_path}?db=1"
    told = ask(tmp_path, REDIS_URL=url)
    assert is_well(told), told


def test_each_use_may_have_a_server_of_its_own(
    socket_path: Path, tmp_path: Path
) -> None:
    url, nobody = f"unix://:{PASSWORD}@{socket_path}", "redis://127.0.0.1:1"
    names = ("layer", "cache", "broker")
    for own in names:
        others = {f"REDIS_{n.upper()}_URL": nobody for n in names if n != own}
        told = ask(tmp_path, REDIS_URL=url, **others)
        assert told["status"] == told[own] == "ok", told
        assert not [n for n in names if n != own and told[n] == "ok"], told


@pytest.fixture(scope="module")
def target() -> tuple[str, int]:
    """The server of all tests."""
    parts = urlsplit(os.environ["REDIS_URL"])
    return str(parts.hostname), int(parts.port or 0)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"), "ours")


@pytest.mark.parametrize(
    ("host", "days", "trusted", "says"),
    [
        ("localhost", 1, True, ""),
        ("localhost", -1, True, "expired"),
        ("elsewhere", 1, True, "mismatch"),
        ("localhost", 1, False, "certificate"),
    ],
)
def test_a_certificate_is_verified_by_all_of_them(
    target: tuple[str, int],
    authority: Authority,
    tmp_path: Path,
    host: str,
    days: int,
    trusted: bool,
    says: str,
) -> None:
    certificate = authority.certificate(host, days)
    other = authority if trusted else Authority(tmp_path, "theirs")
    check_what_is_said(ask_by_tls(tmp_path, certificate, other, target), says)


@pytest.mark.parametrize("is_sent", [True, False])
def test_who_signed_for_the_authority_is_sent_by_the_server_or_refused(
    target: tuple[str, int], authority: Authority, tmp_path: Path, is_sent: bool
) -> None:
    between = Authority(tmp_path, "between", authority)
    certificate = between.certificate("localhost")
    if is_sent:
        certificate.write_bytes(certificate.read_bytes() + between.path.read_bytes())
    told = ask_by_tls(tmp_path, certificate, authority, target)
    check_what_is_said(told, "" if is_sent else "unable to get local issuer")


def test_a_certificate_that_signs_itself_is_refused(
    target: tuple[str, int], tmp_path: Path
) -> None:
    alone, trusted = Authority(tmp_path, "localhost"), Authority(tmp_path, "trusted")
    certificate = alone.certificate("localhost")
    certificate.write_bytes(certificate.read_bytes() + alone.path.read_bytes())
    told = ask_by_tls(tmp_path, certificate, trusted, target)
    check_what_is_said(told, "self-signed")


def ask_by_tls(
    data_dir: Path, certificate: Path, trusted: Authority, target: tuple[str, int]
) -> dict[str, str]:
    """What each client says of a server that shows this certificate."""
    server = TlsServer(certificate, target)
    told = ask(
        data_dir,
        REDIS_HOST="localhost",
        REDIS_PORT=str(server.port),
        REDIS_PASSWORD=urlsplit(os.environ["REDIS_URL"]).password or "",
        REDIS_TLS="on",
        REDIS_CA=str(trusted.path),
    )
    server.close()
    return told


def check_what_is_said(told: dict[str, str], says: str) -> None:
    """By each client alike; "" is that all are well."""
    if not says:
        assert is_well(told), told
        return
    for name, sentence in told.items():
        if name != "status":  # a list, empty where there is no Redis
            assert says in sentence, (name, sentence)


@pytest.mark.parametrize("name", ["C# course", "what?", "50% off", "a b", "é'\"x"])
def test_a_data_dir_may_have_any_name(tmp_path: Path, name: str) -> None:
    directory = tmp_path / name
    code = "import django; django.setup(); from django.core.management import "
    code += "call_command; call_command('migrate', verbosity=0)"
    answer = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={
            **os.environ,
            "DATA_DIR": str(directory),
            "DJANGO_SETTINGS_MODULE": "config.settings",
        },
        capture_output=True,
        text=True,
    )
    assert answer.returncode == 0, answer.stderr
    assert (directory / "servelab.sqlite3").is_file()
    assert directory.stat().st_mode & 0o077 == 0
    command = valkey.command(valkey.free_port(), directory, "x", keeps=False)
    assert (
        f'dir "{directory}"'.replace("'\"x", "'\\\"x") in Path(command[-1]).read_text()
    )


@pytest.mark.parametrize("name", ["DATABASE_URL", "EMAIL_URL", "REDIS_URL"])
def test_a_refused_address_tells_no_password(tmp_path: Path, name: str) -> None:
    answer = subprocess.run(
        [sys.executable, "-c", "import config.settings"],
        cwd=ROOT,
        env={**os.environ, "DATA_DIR": str(tmp_path), name: "mysq://me:sesame/1@h:x/n"},
        capture_output=True,
        text=True,
    )
    assert answer.returncode == 1
    assert name in answer.stderr and "sesame" not in answer.stderr
