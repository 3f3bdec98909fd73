"""The Celery application of both workers: queues engine and default."""

import os
from typing import Any

from celery import Celery
from celery.signals import celeryd_init

from config.postgresql import wait_at_most

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
app = Celery("servelab")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

WORKER_TIMEOUT_S = 30.0
"""A worker that gives a connection up may lose the message that comes over it: one that
holds messages waits until the broker is surely not merely slow."""


@celeryd_init.connect
def be_patient(conf: Any, **_: Any) -> None:
    """Of all workers: with the broker, and not for ever with the database."""
    wait_at_most(WORKER_TIMEOUT_S)
    conf.broker_transport_options = {
        **conf.broker_transport_options,
        "socket_timeout": WORKER_TIMEOUT_S,
    }


@celeryd_init.connect
def add_engine_host(options: dict[str, Any], **_: Any) -> None:
    """A worker of the queue ``engine``, or of a second engine's own, owns an engine;
    no other imports its parts."""
    queues = options.get("queues") or ()
    if any(name.partition(".")[0] == "engine" for name in queues):
        from lab.worker.bootstep import install

        install(app)
