"""The port that the embedded Redis server gets."""

import socket

from launcher import valkey


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
