"""The Celery application of both workers: queues engine and default."""

import os
from typing import Any

from celery import Celery
from celery.signals import celeryd_init

from config import broker

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
broker.install()
app = Celery("servelab")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@celeryd_init.connect
def add_engine_host(options: dict[str, Any], **_: Any) -> None:
    """A worker of the queue ``engine`` owns an engine; no other imports its parts."""
    if "engine" in (options.get("queues") or ()):
        from lab.worker.bootstep import install

        install(app)
