"""The Celery application of a worker whose engine replays a recording.

    celery -A tests.lab.replay_app worker -Q engine -P threads -n engine@a

REPLAY_LIFE_S (how long a dead host seems to live) and
REPLAY_EXPIRES_S (that, and the broker's visibility_timeout) shorten what a test would
wait for.
"""

import os
from typing import Any

from celery.signals import celeryd_init

from config.celery import app
from tests.lab.replay_engine import ReplayHost

if expires := os.environ.get("REPLAY_EXPIRES_S"):
    app.conf.broker_transport_options = {
        "visibility_timeout": int(expires),
        "unacked_restore_interval": 1,
        "unacked_restore_throttle": 1,
    }


@celeryd_init.connect
def replay(**_: Any) -> None:
    """After config.celery has imported the worker's parts."""
    from lab.worker import bootstep, listener, publisher, rival, second

    class ReplaySecond(second.SecondEngine):
        app = "tests.lab.replay_app"

    class ReplayRival(rival.Rival):
        module = "tests.lab.replay_transformers"

    class ReplayWorker(bootstep.EngineWorker):
        host_class = ReplayHost
        rival_class = ReplayRival
        second_class = ReplaySecond

    bootstep.EngineHostStep.worker_class = ReplayWorker
    life = os.environ.get("REPLAY_LIFE_S") or expires or publisher.STATUS_EXPIRES_S
    publisher.STATUS_EXPIRES_S = int(life)
    listener.STATUS_EVERY_S = min(
        listener.STATUS_EVERY_S, publisher.STATUS_EXPIRES_S / 3
    )


__all__ = ["app"]
