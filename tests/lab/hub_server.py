"""A hub of one model, at the seam of HTTP: what huggingface_hub asks for."""

import hashlib
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

LARGE = 1_000_000
COMMIT = "c" * 40


class Hub(ThreadingHTTPServer):
    """Serves ``files`` as owner/name; notes what was asked for. ``pause_s`` is made in
    the middle of a large file; each is said to be of ``claims_bytes`` where given."""

    def __init__(
        self, name: str, files: dict[str, bytes], pause_s: float, claims_bytes: int
    ) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.pause_s = pause_s
        self.claims_bytes = claims_bytes
        self.name = name
        self.files = files
        self.fetched: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Hub

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def _answer(self, with_body: bool) -> None:
        path = self.path.split("?")[0]
        root, api = f"/{self.server.name}/resolve/{COMMIT}/", "/api/models/"
        if path.startswith(root) and path.removeprefix(root) in self.server.files:
            name = path.removeprefix(root)
            if with_body:
                self.server.fetched.append(name)
            self._send(self.server.files[name], with_body)
        elif path.startswith(f"{api}{self.server.name}/tree/"):
            self._send(json.dumps(self._tree()).encode(), with_body)
        elif path.startswith(f"{api}{self.server.name}"):
            siblings = [{"rfilename": name} for name in self.server.files]
            found = {"id": self.server.name, "sha": COMMIT, "siblings": siblings}
            self._send(json.dumps(found).encode(), with_body)
        else:
            self._send(b"{}", with_body, 404)

    def _tree(self) -> list[dict[str, Any]]:
        return [
            {
                "type": "file",
                "path": name,
                "size": len(data),
                "oid": _oid(data),
            }
            for name, data in self.server.files.items()
        ]

    def _send(self, data: bytes, with_body: bool, status: int = 200) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Content-Type", "application/json")
        self.send_header("ETag", f'"{_oid(data)}"')
        self.send_header("X-Repo-Commit", COMMIT)
        if self.server.claims_bytes:
            self.send_header("X-Linked-Size", str(self.server.claims_bytes))
        if status == 404:
            self.send_header("X-Error-Code", "RepoNotFound")
        self.end_headers()
        if with_body:
            half = len(data) // 2
            self.wfile.write(data[:half])
            self.wfile.flush()
            if half > LARGE:
                time.sleep(self.server.pause_s)
            self.wfile.write(data[half:])

    def log_message(self, *args: Any) -> None:
        pass


def _oid(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


@contextmanager
def hub(
    name: str, files: dict[str, bytes], pause_s: float = 0.0, claims_bytes: int = 0
) -> Iterator[Hub]:
    """Running, for as long as the context lasts."""
    server = Hub(name, files, pause_s, claims_bytes)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
