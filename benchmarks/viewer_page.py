"""A page with the instrument alone, fed with frames at a fixed rate."""

import asyncio
import json
import mimetypes
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvicorn
from django.conf import settings
from django.template.loader import render_to_string

from launcher import valkey

HELLO: dict[str, Any] = {"type": "hello", "hosts": [], "trouble": None}


def _page() -> bytes:
    panel = render_to_string("lab/_panel.html") + render_to_string("lab/_views.html")
    sheets = "".join(
        f'<link rel="stylesheet" href="/static/css/{name}.css">'
        for name in ("base", "courseware", "lab", "timeline")
    )
    return (
        f'<!doctype html><html lang="en"><title>bench</title>{sheets}'
        '<script type="module" src="/static/js/lab/main.js"></script>'
        '<div class="chapter-page"><article class="chapter">Text.</article>'
        f'<aside class="instrument" id="instrument">{panel}</aside></div>'
    ).encode()


class FeedingPage:
    """ASGI: "/", the static files, and a socket that sends frames when told to."""

    def __init__(self, frames: list[bytes], frames_per_s: float) -> None:
        self._frames = frames
        self._frames_per_s = frames_per_s
        self._page = _page()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one connection."""
        if scope["type"] == "websocket":
            await self._feed(receive, send)
        elif scope["type"] == "http":
            await self._answer(scope["path"], send)

    async def _answer(self, path: str, send: Any) -> None:
        body, kind = self._page, "text/html; charset=utf-8"
        if path.startswith("/static/"):
            file = Path(settings.BASE_DIR) / path.lstrip("/")
            body = file.read_bytes() if file.is_file() else b""
            kind = mimetypes.guess_type(path)[0] or "application/octet-stream"
        headers = [(b"content-type", kind.encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _feed(self, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.send", "text": json.dumps(HELLO)})
        began_at = time.monotonic()
        for number, frame in enumerate(self._frames):
            due = began_at + number / self._frames_per_s
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            await send({"type": "websocket.send", "bytes": frame})
        await asyncio.sleep(3600)


@contextmanager
def feeding_page(frames: list[bytes], frames_per_s: float) -> Iterator[str]:
    """Serve the page on a free port; yields its address."""
    port = valkey.free_port()
    config = uvicorn.Config(
        FeedingPage(frames, frames_per_s),
        port=port,
        log_level="error",
        lifespan="off",
        ws="websockets-sansio",
        ws_per_message_deflate=False,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    yield f"http://127.0.0.1:{port}/"
    server.force_exit = server.should_exit = True
    thread.join(5)
