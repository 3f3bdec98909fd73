"""A small server that speaks as OpenAI's does: models, and chat as an event stream."""

import json
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

WORDS = ("Paged", "Attention", "cuts", "the", "cache", "into", "blocks.")


class Server(ThreadingHTTPServer):
    """What it was asked, and how it answers."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[dict[str, Any]] = []
        self.keys: list[str | None] = []
        self.models: Any = {
            "data": [{"id": "org/a-model", "owned_by": "vllm", "max_model_len": 4096}]
        }
        self.version: Any = {"version": "0.32.0"}
        self.tells_cached = True
        self.status = 200
        self.pause_s = 0.0
        self.events: list[str] | None = None
        """Instead of the answer's."""
        self.num_broken = 0
        """Connections that the other end closed in the midst of an answer."""

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"

    def handle_error(self, *_: Any) -> None:
        self.num_broken += 1


class Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        """Quiet."""

    def do_GET(self) -> None:
        self.server.keys.append(self.headers["Authorization"])
        found = {"/v1/models": self.server.models, "/version": self.server.version}
        self._send(200 if self.path in found else 404, found.get(self.path, {}))

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        body = json.loads(self.rfile.read(length))
        self.server.asked.append(body)
        if self.server.status != 200:
            self._send(self.server.status, {"error": {"message": "too long"}})
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        for event in self.server.events or list(self._answer(body)):
            self.wfile.write(f"data: {event}\n\n".encode())
            self.wfile.flush()
            time.sleep(self.server.pause_s)
        self.close_connection = True

    def _answer(self, body: dict[str, Any]) -> Iterator[str]:
        """As many words as vLLM makes where it is not to end by itself."""
        is_forced = body.get("ignore_eos", False)
        words = ["word"] * body["max_tokens"] if is_forced else list(WORDS)
        return answer(words, self.server.tells_cached)

    def _send(self, code: int, body: Any) -> None:
        data = json.dumps(body).encode()
        self.send_response(code)
        if code == 307:
            self.send_header("Location", "http://127.0.0.1:9/v1/chat/completions")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def answer(words: Sequence[str], tells_cached: bool) -> Iterator[str]:
    """The events of one answer, as vLLM's continuous usage has them."""
    for number, word in enumerate(words, 1):
        choice = {"delta": {"content": f"{word} "}, "finish_reason": None}
        usage = {"prompt_tokens": 21, "completion_tokens": number}
        yield json.dumps({"choices": [choice], "usage": usage})
    yield json.dumps({"choices": [{"delta": {}, "finish_reason": "stop"}]})
    details = {"cached_tokens": 16} if tells_cached else None
    usage = {"prompt_tokens": 21, "completion_tokens": len(words)}
    last = usage | {"prompt_tokens_details": details}
    yield json.dumps({"choices": [], "usage": last})
    yield "[DONE]"


@contextmanager
def openai_server() -> Iterator[Server]:
    server = Server()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
