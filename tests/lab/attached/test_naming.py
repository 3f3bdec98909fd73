"""Which addresses may be named, and what a host does with one."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lab.attached.asking import ANOTHER, AddressedHost
from lab.attached.naming import NONE_LISTED, Named, checked
from lab.engine.config import EngineConfig
from lab.errors import SettingError
from lab.messages import MENTOR_FIRST
from tests.lab.attached.openai_server import Server, openai_server
from tests.lab.engine_host import Listener, question

WAIT_S = 60
KEY = "sk-of-the-setting-alone"
LISTED = ["gpu.example", "gpu:8000", "[fd00::7]:8000"]
GPU = "http://gpu.example"


@pytest.mark.parametrize(
    ("address", "called"),
    [
        ("https://gpu.example/v1", "https://gpu.example/v1"),
        ("HTTPS://GPU.example:443/v1/", "https://gpu.example/v1/"),
        ("http://gpu:8000/a/v1", "http://gpu:8000/a/v1"),
        ("http://[fd00::7]:8000/v1", "http://[fd00::7]:8000/v1"),
        ("http://gpu.example", "http://gpu.example"),
    ],
)
def test_what_is_listed_may_be_named(address: str, called: str) -> None:
    assert checked(address, LISTED) == called


@pytest.mark.parametrize(
    "address",
    [
        "", "gpu:8000", "file:///etc/passwd", "ftp://gpu.example/v1", "http://",
        "http://127.0.0.1/v1", "http://localhost:8000/v1", "http://169.254.169.254/v1",
        "http://gpu/v1", "http://gpu:8001/v1", "https://gpu.example:8443/v1",
        "http://me@gpu.example/v1", "http://me:pw@gpu.example/v1", "//gpu.example/v1",
        f"{GPU}@evil.example/v1", f"{GPU}:80@evil/v1", f"{GPU}\\@evil.example/v1",
        "http://evil.example#gpu.example", f"{GPU}.evil.example/v1", f"{GPU}/v1?key=1",
        f"{GPU}/v1?", f"{GPU}/v1#", f"{GPU}/../x", f"{GPU}./v1", f"{GPU}/%2e%2e/x",
        f"{GPU}/v1\n", f"{GPU}/v1 x", "http://gpu\t.example/v1", f"{GPU}:port/v1",
        f"{GPU}:0/v1", "http://[gpu/v1", "http://\uff47pu.example/v1",
        f"{GPU}/" + "a" * 400, f"{GPU}//evil.example/v1",
    ],
)  # fmt: skip
def test_what_is_not_listed_or_no_address_is_refused(address: str) -> None:
    with pytest.raises(SettingError):
        checked(address, LISTED)


def test_without_a_list_nothing_can_be_named() -> None:
    with pytest.raises(SettingError) as refused:
        checked("https://gpu.example/v1", ())
    assert str(refused.value) == NONE_LISTED


@pytest.fixture
def servers() -> Iterator[tuple[Server, Server]]:
    with openai_server() as one, openai_server() as other:
        other.models = {"data": [{"id": "other/model", "owned_by": "vllm"}]}
        other.version = {"version": "0.33.0"}
        yield one, other


@pytest.fixture
def listener() -> Listener:
    return Listener()


@pytest.fixture
def config(servers: tuple[Server, Server], tmp_path: Path) -> EngineConfig:
    one, other = servers
    return dataclasses.replace(
        EngineConfig.from_env(),
        address=one.address,
        address_key=KEY,
        address_hosts=(f"127.0.0.1:{other.server_port}",),
        data_dir=tmp_path,
    )


@pytest.fixture
def host(config: EngineConfig, listener: Listener) -> Iterator[AddressedHost]:
    made = AddressedHost(config, listener)
    made.start()
    listener.wait_for(lambda: made.status.model == "a-model", WAIT_S)
    yield made
    made.stop()


def name(host: AddressedHost, action: str, address: str = "") -> dict[str, Any]:
    return host.name_address(action, address).result(WAIT_S)


def test_another_is_tested_without_being_used_and_without_the_key(
    host: AddressedHost, servers: tuple[Server, Server]
) -> None:
    one, other = servers
    told = name(host, "test", other.address)
    assert told["is_ok"], told
    assert told["sentence"].endswith("serves other/model, vLLM 0.33.0.")
    assert told["address"] == told["setting"] == one.address
    assert set(other.keys) == {None} and set(one.keys) == {f"Bearer {KEY}"}
    assert KEY not in str(told)
    assert host.status.model == "a-model"


def test_another_is_used_over_a_restart_and_dropped_again(
    host: AddressedHost,
    config: EngineConfig,
    listener: Listener,
    servers: tuple[Server, Server],
) -> None:
    one, other = servers
    first = host.status.engine_run
    told = name(host, "use", other.address)
    assert told["is_ok"] and told["address"] == other.address
    listener.wait_for(lambda: host.status.model == "model", WAIT_S)
    assert host.status.state == "ready" and host.status.engine_run > first
    asked = host.submit(question("one", "Why?", 8, priority=MENTOR_FIRST))
    assert asked.result(WAIT_S).error is None
    assert len(other.asked) == 1 and one.asked == []
    assert set(other.keys) == {None}

    assert AddressedHost(config, Listener()).address == other.address
    unlisted = dataclasses.replace(config, address_hosts=())
    assert AddressedHost(unlisted, Listener()).address == one.address

    assert name(host, "drop")["address"] == one.address
    listener.wait_for(lambda: host.status.model == "a-model", WAIT_S)
    assert Named(config.data_dir, config.engine_host_id).read() == ""


def test_what_is_under_way_ends_and_is_told_why(
    host: AddressedHost, listener: Listener, servers: tuple[Server, Server]
) -> None:
    one, other = servers
    one.pause_s = 0.2
    one.events = ['{"choices": [{"delta": {"content": "word "}}]}'] * 2_000
    asked = host.submit(question("one", "Why?", 8, priority=MENTOR_FIRST))
    listener.wait_for(
        lambda: any(event.phase == "decode" for event in listener.events), WAIT_S
    )
    name(host, "use", other.address)
    report = asked.result(WAIT_S)
    assert (report.finish_reason, report.error) == ("interrupted", ANOTHER)


def test_what_is_not_listed_is_not_called(
    host: AddressedHost, servers: tuple[Server, Server]
) -> None:
    one, _ = servers
    with openai_server() as stranger:
        for action in ("test", "use"):
            told = name(host, action, stranger.address)
            assert not told["is_ok"] and "is not listed" in told["sentence"]
        assert stranger.keys == [] and stranger.asked == []
    assert name(host, "state")["address"] == one.address


@pytest.mark.parametrize("kept", ["", "[1]", '{"address": 7}', "nonsense"])
def test_a_file_that_names_nothing_is_none(tmp_path: Path, kept: str) -> None:
    named = Named(tmp_path, "host")
    named.keep("https://gpu.example/v1")
    (path,) = tmp_path.iterdir()
    path.write_text(kept)
    assert named.read() == ""
