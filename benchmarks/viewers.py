"""Many viewers at one web process: frames, their lag, and pages while they watch.

A recorded trace is played by the product's publisher; the viewers are sockets of a lean
process. Then the same frames go to as many viewers by ``websockets.broadcast``. No
engine runs. Options: ``viewers``, ``dead`` and ``slow`` (per cent of them),
``frames_per_s``, ``seconds``.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from benchmarks.interval import percentile
from benchmarks.viewing import USER_AGENT, session_cookies, wait_served
from launcher import valkey, web

NUM_VIEWERS = 500
DEAD_PCT = SLOW_PCT = 2
FRAMES_PER_S = 20.0
SECONDS = 10.0
SETTLE_S = 3.0
PAGE = "/lab/"
PAGE_EVERY_S = 0.25
SPARE_FILES = 200
TICKS_PER_S = os.sysconf("SC_CLK_TCK")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


def run(options: dict[str, Any]) -> list[dict[str, Any]]:
    """The product's figures, and its deliveries beside those of websockets."""
    asked = {
        "viewers": int(options.get("viewers", NUM_VIEWERS)),
        "dead": int(options.get("dead", DEAD_PCT)),
        "slow": int(options.get("slow", SLOW_PCT)),
    }
    rate = float(options.get("frames_per_s", FRAMES_PER_S))
    seconds = float(options.get("seconds", SECONDS))
    _allow_files(asked["viewers"] + SPARE_FILES)
    with tempfile.TemporaryDirectory(prefix="servelab-bench-") as directory:
        ours, figures = _ours(Path(directory), asked, rate, seconds)
    theirs = _theirs(asked, rate, seconds)
    return [
        *figures,
        _result("deliveries_per_s_core", ours, "1/s"),
        _result("broadcast_per_s_core", theirs, "1/s"),
        _result("ratio_to_broadcast", ours / theirs, ""),
    ]


def _result(name: str, value: float, unit: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "value": value, "unit": unit, **more}


def _allow_files(number: int) -> None:
    """For this process and those it starts; a socket is a file at either end."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < number:
        raise RuntimeError(f"{number} open files are needed; the system allows {hard}.")
    if soft != resource.RLIM_INFINITY and soft < number:
        resource.setrlimit(resource.RLIMIT_NOFILE, (number, hard))


# The product


def _ours(
    directory: Path, asked: dict[str, int], rate: float, seconds: float
) -> tuple[float, list[dict[str, Any]]]:
    """Deliveries a second and core, and what the viewers and the pages saw."""
    with ExitStack() as stack:
        environment = stack.enter_context(_prepared(directory))
        port = valkey.free_port()
        url = f"http://127.0.0.1:{port}"
        server = stack.enter_context(
            _process(web.command("127.0.0.1", port), environment)
        )
        wait_served(url)
        player = stack.enter_context(
            _process(_player("publish", rate), environment),
        )
        crowd = stack.enter_context(
            _crowd(asked | {"url": f"{url}/ws/lab/", "cookie": session_cookies(url)})
        )
        time.sleep(SETTLE_S)
        memory = _memory_mb(server)
        alone, ours = _measured(crowd, server, lambda: time.sleep(seconds))
        times: list[float] = []
        before = [_cpu_s(one) for one in (server, player)]
        watched, _ = _measured(
            crowd, server, lambda: times.extend(_pages(url, seconds))
        )
        used = [
            _cpu_s(one) - b for one, b in zip((server, player), before, strict=True)
        ]
        lost = watched["lost"]
    per_s = watched["seconds"] / 100
    return ours, [
        _result("frames_per_s", alone["frames_per_s"], "1/s"),
        _result("lag_ms_p50", alone["lag_ms_p50"], "ms"),
        _result("lag_ms_p99", alone["lag_ms_p99"], "ms"),
        _result("page_ms_p50", percentile(times, 50), "ms"),
        _result("page_ms_p95", percentile(times, 95), "ms"),
        _result("lag_ms_p99_with_pages", watched["lag_ms_p99"], "ms"),
        _result("web_cpu", used[0] / per_s, "% of a core"),
        _result("publisher_cpu", used[1] / per_s, "% of a core"),
        _result(
            "viewers_cpu", (watched["cpu_s"] - alone["cpu_s"]) / per_s, "% of a core"
        ),
        _result("web_mb", memory, "MB"),
        _result("lost", lost, "viewers"),
    ]


@contextmanager
def _prepared(directory: Path) -> Iterator[dict[str, str]]:
    """A data directory with the chapters, and a Redis: as environment variables."""
    port, password = valkey.free_port(), "bench"
    environment = os.environ | {
        "DATA_DIR": str(directory),
        "DATABASE_URL": "",
        "REDIS_URL": valkey.url(port, password),
        "DJANGO_SETTINGS_MODULE": "config.settings",
    }
    subprocess.run(
        [sys.executable, "-m", "launcher.preparation"],
        env=environment,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    command = valkey.command(port, directory, password, keeps=False)
    with _process(command, environment) as server:
        valkey.wait_until_ready(server, port, password)
        yield environment


def _pages(url: str, seconds: float) -> Iterator[float]:
    """Milliseconds of a page, asked for every quarter second by somebody known."""
    headers = {"User-Agent": USER_AGENT, "Cookie": session_cookies(url)}
    end = time.monotonic() + seconds
    while (began := time.monotonic()) < end:
        request = urllib.request.Request(url + PAGE, headers=headers)
        urllib.request.urlopen(request).read()
        took = time.monotonic() - began
        yield took * 1e3
        time.sleep(max(0.0, PAGE_EVERY_S - took))


# websockets.broadcast


def _theirs(asked: dict[str, int], rate: float, seconds: float) -> float:
    """Deliveries a second and core of websockets' own broadcast."""
    with ExitStack() as stack:
        command = _player("broadcast", rate)
        server = stack.enter_context(_process(command, dict(os.environ)))
        port = int(_line(server))
        crowd = stack.enter_context(
            _crowd(asked | {"url": f"ws://127.0.0.1:{port}/", "dead": 0, "slow": 0})
        )
        time.sleep(SETTLE_S)
        return _measured(crowd, server, lambda: time.sleep(seconds))[1]


# Processes

Process = subprocess.Popen[bytes]


@contextmanager
def _process(command: list[str], environment: dict[str, str]) -> Iterator[Process]:
    process = subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        yield process
    finally:
        process.terminate()
        process.communicate()


def _player(how: str, rate: float) -> list[str]:
    return [sys.executable, "-m", "benchmarks.player", how, str(rate)]


@contextmanager
def _crowd(asked: dict[str, Any]) -> Iterator[Process]:
    """The viewers, all of them let in; raises RuntimeError when some were not."""
    command = [sys.executable, "-m", "benchmarks.crowd", json.dumps(asked)]
    with _process(command, dict(os.environ)) as crowd:
        joined = int(_line(crowd).split()[1])
        if joined != asked["viewers"]:
            raise RuntimeError(f"Of {asked['viewers']} viewers {joined} were let in.")
        yield crowd


def _line(process: Process) -> bytes:
    line = process.stdout.readline() if process.stdout else b""
    if not line:
        raise RuntimeError("A process ended without a word; its error is above.")
    return line


def _measured(
    crowd: Process, server: Process, wait: Any
) -> tuple[dict[str, Any], float]:
    """What the viewers tell of the time that ``wait`` takes, and the deliveries of
    one second of the server's processor time."""
    _report(crowd)
    before = _cpu_s(server)
    wait()
    used = _cpu_s(server) - before
    told = _report(crowd)
    return told, told["deliveries"] / max(used, 1 / TICKS_PER_S)


def _report(crowd: Process) -> dict[str, Any]:
    assert crowd.stdin is not None
    crowd.stdin.write(b"\n")
    crowd.stdin.flush()
    return dict(json.loads(_line(crowd)))


def _cpu_s(process: Process) -> float:
    """User and system time of a process so far."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_S


def _memory_mb(process: Process) -> float:
    """What it has in memory now."""
    pages = int(Path(f"/proc/{process.pid}/statm").read_text().split()[1])
    return pages * PAGE_BYTES / 1e6
