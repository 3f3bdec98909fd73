"""An answer that belongs to one browser is kept by no cache of many."""

import pytest

from config.protected import for_one

COOKIE = (b"Set-Cookie", b"sessionid=x")
VARY = (b"vary", b"Accept-Encoding, Cookie")


@pytest.mark.parametrize(
    ("headers", "value"),
    [
        ([COOKIE], b"private"),
        ([VARY], b"private"),
        ([COOKIE, (b"Cache-Control", b"max-age=3600")], b"private, max-age=3600"),
        ([VARY, (b"cache-control", b"public, max-age=9")], b"private, max-age=9"),
        ([VARY, (b"cache-control", b"no-store")], b"no-store"),
        ([VARY, (b"cache-control", b"private")], b"private"),
        ([(b"cache-control", b"public")], b"public"),
        ([(b"vary", b"Accept-Encoding")], None),
    ],
)
def test_what_a_cookie_makes_or_changes_is_private(
    headers: list[tuple[bytes, bytes]], value: bytes | None
) -> None:
    found = [v for name, v in for_one(headers) if name.lower() == b"cache-control"]
    assert found == ([] if value is None else [value])
