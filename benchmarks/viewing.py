"""A web server, and viewers on its WebSocket in one other process.

A viewer reads frames as a browser's socket does and draws nothing.
"""

import asyncio
import http.cookiejar
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from launcher import valkey

USER_AGENT = "Mozilla/5.0 (bench)"


def session_cookies(url: str) -> str:
    """The Cookie header of a browser that has loaded the course's first page."""
    jar = http.cookiejar.CookieJar()
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))
    opener.addheaders = [("User-Agent", USER_AGENT)]
    opener.open(url).read()
    return "; ".join(f"{cookie.name}={cookie.value}" for cookie in jar)


@contextmanager
def open_viewer(
    port: int | None = None,
    number: int = 1,
    application: str = "config.asgi:application",
) -> Iterator[Callable[[], int]]:
    """Serve the course and view it; yields a call that ends the viewers and returns
    the number of frames that the one with the fewest got."""
    port = port or valkey.free_port()
    url = f"http://127.0.0.1:{port}"
    web = subprocess.Popen(
        [
            *(sys.executable, "-m", "uvicorn", application),
            *("--port", str(port), "--ws", "websockets-sansio"),
            *("--ws-per-message-deflate", "false", "--lifespan", "off"),
            *("--log-level", "warning", "--no-access-log"),
        ],
        env={key: text for key, text in os.environ.items() if key != "LD_PRELOAD"},
    )
    try:
        wait_served(url)
        viewer = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.viewing", url, str(number)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

        def end() -> int:
            told, _ = viewer.communicate("end\n", timeout=20)
            return int(told)

        time.sleep(2)
        yield end
    finally:
        web.terminate()
        web.wait()


def wait_served(url: str) -> None:
    """Until a web server answers; raises what it failed with after a minute."""
    end = time.monotonic() + 60
    while True:
        try:
            urllib.request.urlopen(f"{url}/healthz").read()
            return
        except (urllib.error.URLError, ConnectionError):
            if time.monotonic() > end:
                raise
            time.sleep(0.2)


async def view(url: str, number: int) -> int:
    """Read frames with so many sockets until a line comes on stdin; returns how many
    came to the one that got the fewest."""
    ended = asyncio.ensure_future(asyncio.to_thread(sys.stdin.readline))
    return min(await asyncio.gather(*(_view(url, ended) for _ in range(number))))


async def _view(url: str, ended: "asyncio.Future[str]") -> int:
    import websockets

    num_frames = 0
    cookies = await asyncio.to_thread(session_cookies, url)
    async with websockets.connect(
        url.replace("http", "ws") + "/ws/lab/",
        additional_headers={"Cookie": cookies},
        origin=websockets.Origin(url),
    ) as socket:
        while not ended.done():
            try:
                message = await asyncio.wait_for(socket.recv(), 0.5)
            except TimeoutError:
                continue
            num_frames += isinstance(message, bytes)
    return num_frames


if __name__ == "__main__":
    print(asyncio.run(view(sys.argv[1], int(sys.argv[2]))))
