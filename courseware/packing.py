"""A page put together from parts, of which the one that is the same for all readers is
packed once.

A gzip stream is a row of deflate blocks (RFC 1951, 1952). What is packed by itself and
ended with a full flush ends on a byte and refers to nothing before it, so it can stand
between other parts; length and checksum at the end are those of all of them.
"""

import secrets
import struct
import zlib
from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.middleware.gzip import re_accepts_gzip
from django.utils.cache import patch_vary_headers

LEVEL, BEST = 6, 9
"""What is packed for one answer, and what is packed for many."""
_HEADER = b"\x1f\x8b\x08\x08" + bytes(4) + b"\x00\xff"
"""Deflate, a file name follows, no time, no word on level and system."""
MAX_NAME_BYTES = 100
"""The length of the name is random: whoever can measure answers learns less of what is
secret in them (BREACH). Django's GZipMiddleware does the same."""


@dataclass(frozen=True)
class Part:
    """Bytes of a page, and the same as deflate blocks."""

    content: bytes
    packed: bytes


def pack(content: bytes, level: int = BEST) -> Part:
    """Deflate blocks that may stand anywhere in a stream but at its end."""
    return Part(content, _deflated(content, level, zlib.Z_FULL_FLUSH))


def answer(request: HttpRequest, before: str, part: Part, after: str) -> HttpResponse:
    """``before``, the packed part and ``after`` as one page, gzipped if asked for."""
    head, tail = before.encode(), after.encode()
    if re_accepts_gzip.search(request.headers.get("Accept-Encoding", "")):
        response = HttpResponse(_gzipped(head, part, tail))
        response.headers["Content-Encoding"] = "gzip"
    else:
        response = HttpResponse(head + part.content + tail)
    patch_vary_headers(response, ("Accept-Encoding",))
    return response


def _gzipped(head: bytes, part: Part, tail: bytes) -> bytes:
    name = b"a" * secrets.randbelow(MAX_NAME_BYTES) + b"\x00"
    checksum = zlib.crc32(tail, zlib.crc32(part.content, zlib.crc32(head)))
    num_bytes = len(head) + len(part.content) + len(tail)
    return b"".join(
        [
            _HEADER + name,
            _deflated(head, LEVEL, zlib.Z_FULL_FLUSH),
            part.packed,
            _deflated(tail, LEVEL, zlib.Z_FINISH),
            struct.pack("<II", checksum, num_bytes & 0xFFFFFFFF),
        ]
    )


def _deflated(content: bytes, level: int, end: int) -> bytes:
    packer = zlib.compressobj(level, zlib.DEFLATED, -zlib.MAX_WBITS)
    return packer.compress(content) + packer.flush(end)
