"""What all sockets share: addresses, a token bucket, close codes."""

import re

import pytest
from django.test import RequestFactory

from courseware import sockets
from courseware.sockets import (
    TokenBucket,
    address_of_request,
    address_of_socket,
    network_of,
)
from tests.courseware.test_protection import ROOT


def test_a_token_bucket_grows_back():
    now = [0.0]
    bucket = TokenBucket(per_s=2.0, at_once=3, clock=lambda: now[0])
    assert [bucket.take() for _ in range(4)] == [True, True, True, False]
    now[0] = 1.0
    assert [bucket.take() for _ in range(3)] == [True, True, False]


def test_the_address_is_the_one_that_the_server_saw():
    headers = [(b"x-forwarded-for", b"198.51.100.1")]
    scope = {"client": ("203.0.113.5", 4711), "headers": headers}
    assert address_of_socket(scope) == "203.0.113.5"
    assert address_of_socket({"headers": []}) == ""
    request = RequestFactory().get(
        "/", REMOTE_ADDR="203.0.113.5", HTTP_X_FORWARDED_FOR="198.51.100.1"
    )
    assert address_of_request(request) == "203.0.113.5"


@pytest.mark.parametrize("seen", ["", "unix:", "<script>", "a" * 500, "1.2.3.4.5"])
def test_what_is_no_address_is_none(seen: str) -> None:
    assert address_of_socket({"client": (seen, 0)}) == ""
    assert address_of_request(RequestFactory().get("/", REMOTE_ADDR=seen)) == ""


def test_a_subscriber_of_ipv6_is_one_network() -> None:
    assert network_of("2001:db8:1:2:3::9") == network_of("2001:db8:1:2::1")
    assert network_of("203.0.113.5") == "203.0.113.5" and network_of("") == ""


def test_the_browser_knows_the_close_codes() -> None:
    script = (ROOT / "static" / "js" / "close_codes.js").read_text()
    told = dict(re.findall(r"export const (\w+) = (\d+);", script))
    assert told == {
        "NO_LEARNER": str(sockets.NO_LEARNER),
        "NOT_YOURS": str(sockets.NOT_YOURS),
    }
