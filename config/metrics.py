"""/metrics: what Prometheus is told of the page, its workers and all engine hosts.

Engine hosts keep their families in Redis (ADR 21); here each sample gets the label
``engine_host``. Closed by default: to staff, to who brings METRICS_TOKEN, and to the
networks of METRICS_NETWORKS.
"""

import secrets
import time
from collections.abc import Callable, Iterable, Iterator
from functools import wraps
from ipaddress import ip_address
from typing import Any

import redis
from django.conf import settings
from django.db import DatabaseError
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from courseware.redis_connections import server_at
from courseware.sockets import address_of_request
from lab import client
from lab.errors import EngineUnavailable
from lab.messages import queue_keys
from lab.models import EngineRequest
from lab.viewer import hub

TEXT = "text/plain; charset=utf-8"
QUEUES = ("default", "engine")
View = Callable[[HttpRequest], HttpResponse]
CLOSED = (
    "These figures are for operators: sign in as staff, or send METRICS_TOKEN as "
    "\u201cAuthorization: Bearer \u2026\u201d. docs/running.md says how."
)

IN_PLAIN = (
    "These figures are asked for by https:// here, so that no token is sent in plain; "
    "from this machine, or a network of METRICS_NETWORKS, by http:// too."
)


def guarded(view: View) -> View:
    """For staff, for METRICS_TOKEN and METRICS_NETWORKS; 403 and a sentence else."""

    @wraps(view)
    def answer(request: HttpRequest) -> HttpResponse:
        if settings.BEHIND_TLS and not request.is_secure() and _is_far(request):
            return HttpResponse(IN_PLAIN, status=403, content_type=TEXT)
        if _has_token(request) or _is_near(request) or request.user.is_staff:
            return view(request)
        return HttpResponse(CLOSED, status=403, content_type=TEXT)

    return answer


def _has_token(request: HttpRequest) -> bool:
    given = request.headers.get("Authorization", "").removeprefix("Bearer ")
    wanted: str = settings.METRICS_TOKEN
    return bool(wanted) and secrets.compare_digest(given.encode(), wanted.encode())


def _is_near(request: HttpRequest) -> bool:
    try:
        address = ip_address(address_of_request(request))
    except ValueError:
        return False
    return any(address in network for network in settings.METRICS_NETWORKS)


def _is_far(request: HttpRequest) -> bool:
    """Whether it comes over a network that nobody named."""
    address = address_of_request(request)
    return not (address and ip_address(address).is_loopback) and not _is_near(request)


@require_GET
@never_cache
@guarded
def metrics(request: HttpRequest) -> HttpResponse:
    """All families in Prometheus' text format; what is away is left out, and
    ``servelab_part_up`` says so."""
    registry = CollectorRegistry()
    registry.register(Families())
    text = generate_latest(registry)
    return HttpResponse(text, content_type=CONTENT_TYPE_PLAIN_0_0_4)


class Families:
    """A collector of prometheus_client: asks at each scrape."""

    def collect(self) -> Iterator[Metric]:
        """Every family once."""
        up = GaugeMetricFamily(
            "servelab_part_up", "1 where a part answered this scrape", labels=["part"]
        )
        for part, ask in PARTS.items():
            try:
                families = list(ask())
            except (EngineUnavailable, redis.RedisError, DatabaseError):
                up.add_metric([part], 0)
                continue
            up.add_metric([part], 1)
            yield from families
        yield up


def _engines() -> Iterable[Metric]:
    """The hosts' own families, and how old each host's last word is."""
    age = GaugeMetricFamily(
        "servelab_engine_heartbeat_age_seconds",
        "Age of an engine host's last message",
        labels=["engine_host", "state"],
    )
    for status in client.statuses():
        labels = [status.engine_host_id, status.state]
        age.add_metric(labels, max(0.0, time.time() - status.updated_at))
    return [*merged(client.metrics()), age]


def merged(told: dict[str, list[dict[str, Any]]]) -> list[Metric]:
    """Families of all hosts, each name once; samples labelled with their host."""
    families: dict[str, Metric] = {}
    for engine_host_id, hosts in told.items():
        for one in hosts:
            metric = families.setdefault(
                one["name"], Metric(one["name"], one["help"], one["type"])
            )
            for name, labels, value in one["samples"]:
                labels = {**labels, "engine_host": engine_host_id}
                metric.add_sample(name, labels, value)
    return list(families.values())


def _tasks() -> Iterable[Metric]:
    waiting = GaugeMetricFamily(
        "servelab_tasks_waiting",
        "Celery messages that no worker has taken",
        labels=["queue"],
    )
    with server_at(settings.BROKER_URL) as server:
        for queue in QUEUES:
            number = sum(server.llen(key) for key in queue_keys(queue))
            waiting.add_metric([queue], number)
    return [waiting]


def _requests() -> Iterable[Metric]:
    under_way = GaugeMetricFamily(
        "servelab_requests_under_way",
        "Requests without a report, by purpose",
        labels=["purpose"],
    )
    rows = EngineRequest.unfinished().values("purpose").annotate(number=Count("*"))
    for row in rows:
        under_way.add_metric([row["purpose"]], row["number"])
    return [under_way]


def _viewers() -> Iterable[Metric]:
    number = hub.num_viewers_of_process()
    words = "Viewers of the live engine in this web process"
    return [GaugeMetricFamily("servelab_viewers", words, value=number)]


PARTS: dict[str, Callable[[], Iterable[Metric]]] = {
    "engines": _engines,
    "tasks": _tasks,
    "requests": _requests,
    "viewers": _viewers,
}
