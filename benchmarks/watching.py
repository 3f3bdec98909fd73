"""Processes of a bench beside the server: viewers that are many, and what they tell."""

import json
import os
import resource
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

Process = subprocess.Popen[bytes]
SPARE_FILES = 200


def allow_files(number: int) -> None:
    """For this process and those it starts; a socket is a file at either end. Raises
    RuntimeError where the system allows fewer."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < number:
        raise RuntimeError(f"{number} open files are needed; the system allows {hard}.")
    if soft != resource.RLIM_INFINITY and soft < number:
        resource.setrlimit(resource.RLIMIT_NOFILE, (number, hard))


@contextmanager
def process(command: list[str], environment: dict[str, str]) -> Iterator[Process]:
    """A process with its stdin and stdout; ended after."""
    started = subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        yield started
    finally:
        started.terminate()
        started.communicate()


def line(of: Process) -> bytes:
    """Its next one; raises RuntimeError when it has ended."""
    text = of.stdout.readline() if of.stdout else b""
    if not text:
        raise RuntimeError("A process ended without a word; its error is above.")
    return text


class Crowds:
    """Viewers (benchmarks.crowd), in a process of their own for each web process."""

    def __init__(self, processes: Sequence[Process]) -> None:
        self._processes = processes

    def report(self) -> dict[str, Any]:
        """All viewers together since the last report: deliveries, bytes and lost ones
        summed, frames a second of the mean viewer, the worst lag."""
        for one in self._processes:
            assert one.stdin is not None
            one.stdin.write(b"\n")
            one.stdin.flush()
        told = [json.loads(line(one)) for one in self._processes]
        return {
            "seconds": max(one["seconds"] for one in told),
            **{
                name: sum(one[name] for one in told)
                for name in ("deliveries", "bytes", "lost", "cpu_s")
            },
            "frames_per_s": sum(one["frames_per_s"] for one in told) / len(told),
            **{name: _worst(told, name) for name in ("lag_ms_p50", "lag_ms_p99")},
        }


def _worst(told: list[dict[str, Any]], name: str) -> int | None:
    found = [one[name] for one in told if one[name] is not None]
    return max(found, default=None)


@contextmanager
def crowds(
    urls: Sequence[str], cookie: str = "", *, viewers: int, dead: int = 0, slow: int = 0
) -> Iterator[Crowds]:
    """``viewers`` in equal parts at ``urls``, all of them let in (RuntimeError when
    some were not); ``dead`` and ``slow`` in per cent."""
    share, rest = divmod(viewers, len(urls))
    with ExitStack() as stack:
        started = []
        for number, url in enumerate(urls):
            asked = {"url": url, "cookie": cookie, "dead": dead, "slow": slow}
            asked["viewers"] = share + (number < rest)
            command = [sys.executable, "-m", "benchmarks.crowd", json.dumps(asked)]
            started.append(stack.enter_context(process(command, dict(os.environ))))
        joined = sum(int(line(one).split()[1]) for one in started)
        if joined != viewers:
            raise RuntimeError(f"Of {viewers} viewers {joined} were let in.")
        yield Crowds(started)
