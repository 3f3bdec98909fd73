"""The port of the page, and the one that the embedded Redis server gets."""

import socket

import pytest

from launcher import valkey
from launcher.address import Address
from launcher.stages import LaunchError


def test_it_is_none_that_an_outgoing_connection_may_be_given() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        outgoing = [socket.create_connection(server.getsockname()) for _ in range(50)]
        given = {one.getsockname()[1] for one in outgoing}
        for one in outgoing:
            one.close()
    found = {valkey.free_port() for _ in range(50)}
    assert len(found) > 40, "by chance: others choose at the same time"
    assert max(found) < min(given)


def test_it_is_free() -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", valkey.free_port()))


def test_it_is_none_that_browsers_block(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = iter([80, 81])  # 10080, then its neighbour
    monkeypatch.setattr(valkey.secrets, "randbelow", lambda _: next(chosen))
    monkeypatch.setattr(valkey, "LOWEST_PORT", 10_000)
    assert valkey.free_port() == 10_081


@pytest.mark.parametrize(
    ("port", "other"), [(6000, 6001), (6665, 6670), (10080, 10081)]
)
def test_a_page_where_browsers_open_none_is_refused(port: int, other: int) -> None:
    with pytest.raises(LaunchError) as refusal:
        Address("127.0.0.1", port).require_usable()
    assert str(refusal.value) == (
        f"Port {port} cannot be used: browsers open no page there, since it belongs to "
        f"another protocol. Choose another with make run PORT={other}."
    )


def test_the_port_that_is_proposed_in_place_of_a_taken_one_is_not_blocked() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(LaunchError, match=f"make run PORT={port + 1}"):
            Address("127.0.0.1", port).require_usable()
