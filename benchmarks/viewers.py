"""Many viewers at a web process or several: frames, lag, and pages while they watch.

A recorded trace is played by the product's publisher; the viewers are sockets of a lean
process. Then the same frames go to as many viewers by ``websockets.broadcast``. No
engine runs. Options: ``viewers``, ``webs`` (web processes, each with a share of them),
``dead`` and ``slow`` (per cent of them), ``frames_per_s``, ``seconds``.
"""

import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from benchmarks.interval import percentile
from benchmarks.viewing import USER_AGENT, session_cookies, wait_served
from benchmarks.watching import (
    SPARE_FILES,
    Crowds,
    Process,
    allow_files,
    crowds,
    line,
    process,
)
from launcher import valkey, web

NUM_VIEWERS = 500
DEAD_PCT = SLOW_PCT = 2
FRAMES_PER_S = 20.0
SECONDS = 10.0
SETTLE_S = 3.0
PAGE = "/lab/"
PAGE_EVERY_S = 0.25
TICKS_PER_S = os.sysconf("SC_CLK_TCK")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


def run(options: dict[str, Any]) -> list[dict[str, Any]]:
    """The product's figures, and its deliveries beside those of websockets."""
    asked = {
        "viewers": int(options.get("viewers", NUM_VIEWERS)),
        "dead": int(options.get("dead", DEAD_PCT)),
        "slow": int(options.get("slow", SLOW_PCT)),
    }
    num_webs = int(options.get("webs", 1))
    rate = float(options.get("frames_per_s", FRAMES_PER_S))
    seconds = float(options.get("seconds", SECONDS))
    allow_files(asked["viewers"] + SPARE_FILES)
    with tempfile.TemporaryDirectory(prefix="servelab-bench-") as directory:
        ours, figures = _ours(Path(directory), asked, num_webs, rate, seconds)
    theirs = _theirs(asked["viewers"], rate, seconds)
    return [
        *figures,
        _result("deliveries_per_s_core", ours, "1/s"),
        _result("broadcast_per_s_core", theirs, "1/s"),
        _result("ratio_to_broadcast", ours / theirs, ""),
    ]


def _result(name: str, value: float, unit: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "value": value, "unit": unit, **more}


# The product


def _ours(
    directory: Path, asked: dict[str, int], num_webs: int, rate: float, seconds: float
) -> tuple[float, list[dict[str, Any]]]:
    """Deliveries a second and core, and what the viewers and the pages saw."""
    with ExitStack() as stack:
        environment = stack.enter_context(_prepared(directory))
        urls, servers = [], []
        for _ in range(num_webs):
            port = valkey.free_port()
            command = web.command("127.0.0.1", port)
            servers.append(stack.enter_context(process(command, environment)))
            urls.append(f"http://127.0.0.1:{port}")
        for url in urls:
            wait_served(url)
        player = stack.enter_context(process(_player("publish", rate), environment))
        sockets = [f"{url}/ws/lab/" for url in urls]
        began = time.monotonic()
        watching = stack.enter_context(
            crowds(sockets, session_cookies(urls[0]), **asked)
        )
        joined_s = time.monotonic() - began
        time.sleep(SETTLE_S)
        memory = sum(map(_memory_mb, servers))
        alone, ours = _measured(watching, servers, lambda: time.sleep(seconds))
        times: list[float] = []
        before = [_cpu_s(servers), _cpu_s([player])]
        watched, _ = _measured(
            watching, servers, lambda: times.extend(_pages(urls[0], seconds))
        )
        used = [_cpu_s(servers) - before[0], _cpu_s([player]) - before[1]]
    per_s = watched["seconds"] / 100
    lags = {
        "lag_ms_p50": alone["lag_ms_p50"],
        "lag_ms_p99": alone["lag_ms_p99"],
        "page_ms_p50": percentile(times, 50),
        "page_ms_p95": percentile(times, 95),
        "lag_ms_p99_with_pages": watched["lag_ms_p99"],
    }
    cpu = {
        "web_cpu": used[0] / per_s,
        "publisher_cpu": used[1] / per_s,
        "viewers_cpu": watched["cpu_s"] / per_s,
    }
    return ours, [
        _result("frames_per_s", alone["frames_per_s"], "1/s"),
        *(_result(name, ms, "ms") for name, ms in lags.items() if ms is not None),
        *(_result(name, percent, "% of a core") for name, percent in cpu.items()),
        _result("web_mb", memory, "MB"),
        _result("joined_s", joined_s, "s"),
        _result("lost", watched["lost"], "viewers"),
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
    with process(command, environment) as server:
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


def _theirs(num_viewers: int, rate: float, seconds: float) -> float:
    """Deliveries a second and core of websockets' own broadcast."""
    with ExitStack() as stack:
        command = _player("broadcast", rate)
        server = stack.enter_context(process(command, dict(os.environ)))
        url = f"ws://127.0.0.1:{int(line(server))}/"
        watching = stack.enter_context(crowds([url], viewers=num_viewers))
        time.sleep(SETTLE_S)
        return _measured(watching, [server], lambda: time.sleep(seconds))[1]


# Processes


def _player(how: str, rate: float) -> list[str]:
    return [sys.executable, "-m", "benchmarks.player", how, str(rate)]


def _measured(
    watching: Crowds, servers: Sequence[Process], wait: Callable[[], Any]
) -> tuple[dict[str, Any], float]:
    """What the viewers tell of the time that ``wait`` takes, and the deliveries of
    one second of the servers' processor time."""
    cpu_before = watching.report()["cpu_s"]
    before = _cpu_s(servers)
    wait()
    used = _cpu_s(servers) - before
    told = watching.report()
    told["cpu_s"] -= cpu_before
    return told, told["deliveries"] / max(used, 1 / TICKS_PER_S)


def _cpu_s(processes: Sequence[Process]) -> float:
    """User and system time of processes so far."""
    ticks = 0
    for one in processes:
        text = Path(f"/proc/{one.pid}/stat").read_text()
        fields = text.rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / TICKS_PER_S


def _memory_mb(of: Process) -> float:
    """What it has in memory now."""
    pages = int(Path(f"/proc/{of.pid}/statm").read_text().split()[1])
    return pages * PAGE_BYTES / 1e6
