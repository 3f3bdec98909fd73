"""The lab's side of an attached engine, in a process of its own.

    python -m benchmarks.attach_reader

An attached host as in an engine worker: it reads the tap that ENGINE_ATTACH names,
encodes frames and publishes them. At the end of its stdin it says how many traces and
frames it had, and ends.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

END_S = 30


@contextmanager
def attached(environment: Mapping[str, str]) -> Iterator[Callable[[], dict[str, int]]]:
    """It reads until the block ends, or until what this gives is called, which is what
    it had: "traces" and "frames"."""
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.attach_reader"],
        env=dict(environment),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )

    def end() -> dict[str, int]:
        said, _ = process.communicate(timeout=END_S)
        lines = said.splitlines()
        if not lines:
            raise RuntimeError("The attached host broke: what it said is above.")
        told: dict[str, int] = json.loads(lines[-1])
        return told

    try:
        yield end
    finally:
        process.kill()
        process.wait()


def main() -> None:
    """Read, and count."""
    import django

    django.setup()
    from lab.attached.host import AttachedHost
    from lab.engine.config import EngineConfig
    from lab.worker.listener import EngineListener
    from lab.worker.publisher import Publisher

    told = {"traces": 0, "frames": 0}

    class CountingPublisher(Publisher):
        def frame(self, *arguments: Any) -> None:
            told["frames"] += 1
            super().frame(*arguments)

    class CountingListener(EngineListener):
        def on_trace(self, *arguments: Any) -> None:
            told["traces"] += 1
            super().on_trace(*arguments)

    listener = CountingListener(
        EngineConfig.from_env(),
        host_class=AttachedHost,
        publisher_class=CountingPublisher,
    )
    listener.host.start()
    sys.stdin.read()
    listener.host.stop()
    print(json.dumps(told), flush=True)


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    main()
