"""/metrics: closed, whole, and in Prometheus' own format."""

import json
import re
from importlib.util import find_spec
from pathlib import Path

import pytest
from django.test import Client
from prometheus_client import CollectorRegistry, Counter
from prometheus_client.parser import text_string_to_metric_families
from redis.exceptions import ConnectionError as RedisAway

from courseware.models import User
from lab import client as lab_client
from lab.worker.metrics import HostMetrics
from tests.lab.fake_engine import READY, REPORT, FakeEngine
from tests.repository import ROOT

TOKEN = "t" * 32
DASHBOARD = ROOT / "docker" / "grafana-dashboard.json"


def host_families() -> list[dict]:
    """What an engine host writes: one of vLLM's metrics, and ours."""
    registry = CollectorRegistry()
    Counter("vllm:generation_tokens", "…", ["engine"], registry=registry).labels(
        "0"
    ).inc(7)
    Counter("python_info", "not ours to tell", registry=registry)
    metrics = HostMetrics(registry)
    metrics.note_report(REPORT)
    metrics.note_status(READY)
    metrics.note_pool(None)
    return json.loads(json.dumps(metrics.families()))


@pytest.fixture
def engine():
    fake = FakeEngine(READY)
    fake.families = {"host-a": host_families(), "host-b": host_families()}
    with lab_client.transport(fake):
        yield fake


def samples(answer) -> dict[tuple, float]:
    assert answer.status_code == 200
    return {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer.content.decode())
        for sample in family.samples
    }


def scrape(client: Client) -> dict[tuple, float]:
    return samples(client.get("/metrics", HTTP_AUTHORIZATION=f"Bearer {TOKEN}"))


@pytest.mark.django_db
def test_nobody_reads_the_metrics_by_default(client: Client, engine):
    answer = client.get("/metrics")
    assert answer.status_code == 403
    assert "METRICS_TOKEN" in answer.content.decode()
    wrong = client.get("/metrics", HTTP_AUTHORIZATION="Bearer ")
    assert wrong.status_code == 403


@pytest.mark.django_db
def test_staff_a_token_and_a_network_open_them(client: Client, engine, settings):
    from ipaddress import ip_network

    settings.METRICS_TOKEN = TOKEN
    wrong = client.get("/metrics", HTTP_AUTHORIZATION="Bearer " + "x" * 32)
    assert wrong.status_code == 403
    assert scrape(client)
    settings.METRICS_TOKEN = ""
    settings.METRICS_NETWORKS = [ip_network("10.0.0.0/8")]
    assert client.get("/metrics").status_code == 403
    assert client.get("/metrics", REMOTE_ADDR="10.1.2.3").status_code == 200
    settings.METRICS_NETWORKS = []
    client.force_login(
        User.objects.create_superuser("staff@example.org", "pw"),
        backend="django.contrib.auth.backends.ModelBackend",
    )
    assert client.get("/metrics").status_code == 200


@pytest.mark.django_db
def test_each_host_has_vllms_names_and_ours(client: Client, engine, settings):
    settings.METRICS_TOKEN = TOKEN
    found = scrape(client)
    for host in ("host-a", "host-b"):
        label = ("engine_host", host)
        assert found["vllm:generation_tokens_total", ("engine", "0"), label] == 7
        assert found["servelab_ttft_seconds_count", label] == 1
        assert found["servelab_ttft_seconds_sum", label] == REPORT.ttft_s
        assert found["servelab_engine_ready", label] == 1
        assert found["servelab_output_tokens_total", label] == REPORT.num_output_tokens
    assert found["servelab_part_up", ("part", "engines")] == 1
    assert found["servelab_viewers",] == 0
    assert not any(name.startswith("python_") for name, *_ in found)


@pytest.mark.django_db
def test_without_a_broker_the_rest_is_told(client: Client, engine, settings):
    settings.METRICS_TOKEN = TOKEN
    engine.broken = RedisAway("away")
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    found = scrape(client)
    up = {key[1][1]: found[key] for key in found if key[0] == "servelab_part_up"}
    assert up == {"engines": 0, "tasks": 0, "requests": 1, "viewers": 1}


def test_a_counter_outlives_a_start_of_the_engine():
    metrics = HostMetrics(CollectorRegistry())
    for since_start in (5, 9, 2):
        metrics._note_evictions(since_start)
    [family] = [f for f in metrics.families() if f["name"] == "servelab_evictions"]
    assert family["samples"] == [["servelab_evictions_total", {}, 9.0]]


def dashboard_names() -> set[str]:
    panels = json.loads(DASHBOARD.read_text())["panels"]
    text = "\n".join(target["expr"] for panel in panels for target in panel["targets"])
    return set(re.findall(r"\b(?:vllm:|servelab_)\w+", text))


def vllm_names() -> set[str]:
    """Names in vLLM's own source: its engine is not needed to know them."""
    spec = find_spec("vllm")
    if spec is None or spec.origin is None:
        pytest.skip("vLLM is not installed here")
    source = Path(spec.origin).parent / "v1" / "metrics" / "loggers.py"
    names = set(re.findall(r'name="(vllm:\w+)"', source.read_text()))
    endings = ("", "_total", "_bucket", "_count", "_sum")
    return {name + ending for name in names for ending in endings}


@pytest.mark.django_db
def test_the_dashboard_and_the_documentation_name_what_is_exported(
    client: Client, engine, settings
):
    settings.METRICS_TOKEN = TOKEN
    exported = {key[0] for key in scrape(client) if key[0].startswith("servelab_")} | {
        "servelab_requests_under_way"
    }  # only while there are some
    named = dashboard_names()
    assert len(named) > 15
    assert {name for name in named if name.startswith("servelab_")} - exported == set()
    assert {name for name in named if name.startswith("vllm:")} - vllm_names() == set()
    page = (ROOT / "docs" / "running.md").read_text()
    told = set(re.findall(r"`(servelab_\w+)`", page))
    bare = {re.sub("_(bucket|count|sum)$", "", name) for name in exported}
    assert told == bare
