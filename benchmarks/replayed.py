"""A stack of a bench whose engine replays a recording: ``--option engine=replay``.

It measures everything but the engine, and starts in a second. Without the option the
engine is real.
"""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from benchmarks.scale import NotMeasured, Scale
from benchmarks.stack import ENGINE_APP, Running, running

REPLAYING_APP = "tests.lab.replay_app"


@contextmanager
def stack_of(scale: Scale, options: Mapping[str, str]) -> Iterator[Running]:
    """A running stack with the engine that the options name."""
    engine = options.get("engine", "real")
    if engine not in ("real", "replay"):
        raise NotMeasured(f"--option engine={engine}: there are real and replay.")
    with tempfile.TemporaryDirectory(prefix="servelab-model-") as directory:
        settings = {}
        if engine == "replay":
            (Path(directory) / "config.json").write_text("{}")
            settings = {ENGINE_APP: REPLAYING_APP, "ENGINE_MODEL": directory}
            settings["ENGINE_PRELOAD"] = "off"  # nobody forks what it would import
        with running(scale, settings) as stack:
            yield stack
