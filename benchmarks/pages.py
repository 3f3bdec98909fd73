"""Size, time and queries of a chapter's page; loading and searching 200 chapters.

The page is asked for from a web server of its own, on one core, at 50 requests a second
whatever it answers (open loop); its time is the server's, from its log. Loading and
searching happen in a process with a database of its own.
"""

import gzip
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.parse import urljoin
from urllib.request import Request, urlopen

from benchmarks.interval import bootstrap_interval, percentile
from lab.engine.config import PROJECT_DIR
from launcher.valkey import free_port

CHAPTER = "/chapters/deploying-ai-models/"
RATE_PER_S = 50
NUM_REQUESTS = 500
NUM_WARM_UP = 50
AGENT = "Mozilla/5.0 (X11; Linux x86_64) Firefox/150.0"
_LOADED = re.compile(r'(?:src|href)="(/static/[^"]+\.(?:js|css|svg))"')
_IMPORTED = re.compile(r'(?:from|import)\s*"(\.[^"]+\.js)"')


def run(options: dict[str, Any]) -> list[dict[str, Any]]:
    """``options["repeats"]`` scales the number of requests and of searches."""
    repeats = int(options.get("repeats", 1))
    with tempfile.TemporaryDirectory(prefix="servelab-pages-") as name:
        environment = _environment(Path(name))
        _python(environment, "-m", "launcher.preparation")
        with _web_server(environment, Path(name, "web.log")) as (url, log):
            first_view = _first_view_bytes(url)
            times = _server_times(url, log, NUM_REQUESTS * repeats)
        answer = _python(environment, "-m", "benchmarks.pages_course", str(repeats))
    found = json.loads(answer.splitlines()[-1])
    return [
        _single("first_view_kb", first_view / 1000, "kB"),
        _p99("server_ms_p99", times),
        _single("queries", found["queries"], "queries"),
        _single("load_200_s", found["load_200_s"], "s"),
        _p99("search_ms_p99", found["search_ms"]),
        _single("search_first_ms", found["search_first_ms"], "ms"),
    ]


def _single(name: str, value: float, unit: str) -> dict[str, Any]:
    return {"name": name, "value": value, "unit": unit}


def _p99(name: str, values: list[float]) -> dict[str, Any]:
    value, low, high = bootstrap_interval(values, lambda found: percentile(found, 99))
    return {"name": name, "value": value, "unit": "ms", "interval": [low, high]}


def _environment(data_dir: Path) -> dict[str, str]:
    left_out = ("DATABASE_URL", "REDIS_URL", "DJANGO_SETTINGS_MODULE", "DEBUG")
    kept = {key: text for key, text in os.environ.items() if key not in left_out}
    # Pages need no Redis: whoever asked for it here would fail at once.
    unreachable = "redis://127.0.0.1:1"
    return kept | {"DATA_DIR": str(data_dir), "REDIS_URL": unreachable}


def _python(environment: dict[str, str], *arguments: str) -> str:
    answer = subprocess.run(
        [sys.executable, *arguments],
        cwd=PROJECT_DIR,
        env=environment,
        capture_output=True,
        text=True,
    )
    if answer.returncode:
        raise RuntimeError(f"{' '.join(arguments)} failed: {answer.stderr[-2000:]}")
    return answer.stdout


@contextmanager
def _web_server(environment: dict[str, str], log: Path) -> Iterator[tuple[str, Path]]:
    """A web server on the first core; the others are for who asks."""
    port = free_port()
    cores = sorted(os.sched_getaffinity(0))
    command = [sys.executable, "-m", "uvicorn", "config.asgi:application"]
    command += ["--port", str(port), "--lifespan", "off", "--no-access-log"]
    with log.open("w") as output:
        process = subprocess.Popen(
            command, cwd=PROJECT_DIR, env=environment, stdout=output, stderr=output
        )
    os.sched_setaffinity(process.pid, {cores[0]})
    os.sched_setaffinity(0, set(cores[1:]) or set(cores))
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_until_served(url, process, log)
        yield url, log
    finally:
        os.sched_setaffinity(0, set(cores))
        process.terminate()
        process.wait()


def _wait_until_served(url: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    end = time.monotonic() + 30
    while True:
        try:
            urlopen(url + "/healthz").close()
            return
        except (URLError, ConnectionError) as error:
            if process.poll() is not None or time.monotonic() > end:
                said = log.read_text()
                raise RuntimeError(f"The web server is silent: {said}") from error
            time.sleep(0.1)


def _get(url: str, cookie: str = "") -> tuple[bytes, bytes, str]:
    """(bytes as sent, bytes as meant, cookie)."""
    headers = {"Accept-Encoding": "gzip", "User-Agent": AGENT}
    if cookie:
        headers["Cookie"] = cookie
    with urlopen(Request(url, headers=headers)) as answer:
        sent = answer.read()
        is_packed = answer.headers.get("Content-Encoding") == "gzip"
        cookies = answer.headers.get_all("Set-Cookie") or []
    kept = "; ".join(cookie.split(";")[0] for cookie in cookies)
    return sent, gzip.decompress(sent) if is_packed else sent, kept


def _first_view_bytes(url: str) -> int:
    """The page and all scripts, style sheets and drawings that it loads, as sent."""
    sent, page, _ = _get(url + CHAPTER)
    total = len(sent)
    wanted = [url + name for name in _LOADED.findall(page.decode())]
    seen: set[str] = set()
    while wanted:
        address = wanted.pop()
        if address in seen:
            continue
        seen.add(address)
        sent, meant, _ = _get(address)
        total += len(sent)
        if address.endswith(".js"):
            names = _IMPORTED.findall(meant.decode())
            wanted += [urljoin(address, name) for name in names]
    return total


def _server_times(url: str, log: Path, num_requests: int) -> list[float]:
    """Milliseconds of each request in the server, at 50 a second from one reader."""
    cookie = _get(url + CHAPTER)[2]
    with ThreadPoolExecutor(32) as pool:
        start = time.monotonic()
        for number in range(NUM_WARM_UP + num_requests):
            time.sleep(max(0.0, start + number / RATE_PER_S - time.monotonic()))
            pool.submit(_get, url + CHAPTER, cookie)
    found = []
    for line in log.read_text().splitlines():
        entry = json.loads(line) if line.startswith("{") else {}
        if entry.get("event") == "request" and entry.get("path") == CHAPTER:
            found.append(float(entry["ms"]))
    if len(found) < num_requests + NUM_WARM_UP:
        raise RuntimeError(f"{len(found)} of {num_requests} requests were answered.")
    return found[-num_requests:]
