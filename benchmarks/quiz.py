"""Time of one quiz answer on the server, at 50 answers a second on one core."""

import io
import os
import re
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.db import connections
from django.test import Client

from benchmarks.interval import bootstrap_interval, percentile

ANSWERS_PER_S = 50
NUM_ANSWERS = 1_000
NUM_WARM_UP = 50
QUIZ = "deploying-ai-models-arithmetic"
BROWSER = "Mozilla/5.0 bench"


def run(options: dict[str, Any]) -> list[dict[str, Any]]:
    """Answers through the whole of Django, on an SQLite file of its own."""
    number = NUM_ANSWERS * int(options.get("repeats", 1))
    affinity = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else None
    with tempfile.TemporaryDirectory() as directory:
        before = connections["default"].settings_dict["NAME"]
        connections["default"].close()
        connections["default"].settings_dict["NAME"] = Path(directory, "bench.sqlite3")
        try:
            if affinity:
                os.sched_setaffinity(0, {min(affinity)})
            times = _answers(number)
        finally:
            connections["default"].close()
            connections["default"].settings_dict["NAME"] = before
            if affinity:
                os.sched_setaffinity(0, affinity)
    return [
        _result("answer_ms_p50", times, 50),
        _result("answer_ms_p99", times, 99),
    ]


def _result(name: str, values: list[float], rank: float) -> dict[str, Any]:
    value, low, high = bootstrap_interval(values, lambda rows: percentile(rows, rank))
    return {"name": name, "value": value, "unit": "ms", "interval": [low, high]}


def _answers(number: int) -> list[float]:
    """Milliseconds of each answer; a slow one does not put off the next ones."""
    call_command("migrate", verbosity=0, interactive=False)
    call_command("loadquizzes", stdout=io.StringIO())
    if settings.DATABASES["default"]["ENGINE"].endswith("postgresql"):
        raise RuntimeError("The bench measures SQLite: unset DATABASE_URL.")
    posts = _posts()
    times = []
    start = time.perf_counter()
    for at in range(number + NUM_WARM_UP):
        client, url, fields = next(posts)
        due = start + at / ANSWERS_PER_S
        time.sleep(max(0.0, due - time.perf_counter()))
        began = time.perf_counter()
        response = client.post(url, fields, headers={"HX-Request": "true"})
        milliseconds = (time.perf_counter() - began) * 1e3
        if b"quiz-feedback" not in response.content:
            raise RuntimeError(f"{url} gave no feedback: {response.status_code}.")
        if at >= NUM_WARM_UP:
            times.append(milliseconds)
    return times


def _posts() -> Iterator[tuple[Client, str, dict[str, str]]]:
    """Answers to send; each learner answers one attempt after the other."""
    clients = [
        Client(HTTP_USER_AGENT=BROWSER, HTTP_HOST="localhost") for _ in range(20)
    ]
    for client in clients:
        client.get("/quiz/")
    while True:
        for client in clients:
            answer = client.post(f"/quiz/{QUIZ}/start/")
            attempt = re.match(r"/quiz/attempts/[^/]+/", answer.headers["Location"])
            assert attempt is not None
            for position in range(1, 7):
                yield client, f"{attempt[0]}{position}/answer/", {
                    "try": "1", "value": "42"
                }  # fmt: skip
            client.post(f"{attempt[0]}finish/")
