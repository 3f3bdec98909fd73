"""What all sockets share: addresses, a token bucket, close codes."""

import re
from typing import Any

from django.test import RequestFactory

from courseware import sockets
from courseware.sockets import TokenBucket, address_of_request, address_of_socket
from tests.courseware.test_protection import ROOT


def test_a_token_bucket_grows_back():
    now = [0.0]
    bucket = TokenBucket(per_s=2.0, at_once=3, clock=lambda: now[0])
    assert [bucket.take() for _ in range(4)] == [True, True, True, False]
    now[0] = 1.0
    assert [bucket.take() for _ in range(3)] == [True, True, False]


def test_the_address_is_the_sockets_own_without_a_proxy(settings: Any) -> None:
    settings.BEHIND_TLS = False
    headers = [(b"x-forwarded-for", b"198.51.100.1")]
    scope = {"client": ("203.0.113.5", 4711), "headers": headers}
    assert address_of_socket(scope) == "203.0.113.5"
    assert address_of_socket({"headers": []}) == ""


def test_behind_a_proxy_it_is_the_last_hop_that_the_proxy_wrote(settings: Any) -> None:
    settings.BEHIND_TLS = True
    forged = (b"x-forwarded-for", b"10.0.0.1")
    true = (b"x-forwarded-for", b"10.0.0.2, 203.0.113.5")
    scope = {"client": ("127.0.0.1", 1), "headers": [forged, true]}
    assert address_of_socket(scope) == "203.0.113.5"
    assert address_of_socket({"client": ("127.0.0.1", 1), "headers": []}) == ""


def test_a_page_knows_its_readers_address_as_a_socket_does(settings: Any) -> None:
    request = RequestFactory().get(
        "/", REMOTE_ADDR="203.0.113.5", HTTP_X_FORWARDED_FOR="10.0.0.2, 198.51.100.1"
    )
    settings.BEHIND_TLS = False
    assert address_of_request(request) == "203.0.113.5"
    settings.BEHIND_TLS = True
    assert address_of_request(request) == "198.51.100.1"


def test_the_browser_knows_the_close_codes() -> None:
    script = (ROOT / "static" / "js" / "close_codes.js").read_text()
    told = dict(re.findall(r"export const (\w+) = (\d+);", script))
    assert told == {
        "NO_LEARNER": str(sockets.NO_LEARNER),
        "NOT_YOURS": str(sockets.NOT_YOURS),
    }
