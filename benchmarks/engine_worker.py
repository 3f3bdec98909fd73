"""The engine worker of a bench: the product's own, and three tasks to measure it with.

    celery -A benchmarks.engine_worker worker -Q engine …

``bench.serve`` serves requests all at once and answers with their reports;
``bench.replay`` sends the prompts that came last straight through EngineHost, without
broker, socket or publishing; ``bench.ended`` tells when a request's blocks were free.
"""

import asyncio
import json
import time
import uuid
from collections import OrderedDict, deque
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import redis
from celery.signals import celeryd_init

from config.celery import app

if TYPE_CHECKING:
    from lab.engine.generation import GenerationRequest
    from lab.engine.host import EngineHost
    from lab.messages import RequestReport
    from lab.tracing.mirror import RequestMirror
    from lab.tracing.trace import StepTrace
    from lab.worker.listener import EngineListener
    from lab.worker.requests import RequestIntake

KEPT = 1_000
KEPT_PROMPTS = 4_096
ENDED_TIMEOUT_S = 10.0
DIRECT = "direct-"
"""Request ids of replays begin with it; nothing of them is published."""


@celeryd_init.connect
def observe(**_: Any) -> None:
    """Put a worker that remembers in place of the product's."""
    from lab.worker import bootstep

    class BenchWorker(bootstep.EngineWorker):
        listener_class = _bench_listener()
        intake_class = _bench_intake()

    bootstep.EngineHostStep.worker_class = BenchWorker


def _bench_intake() -> "type[RequestIntake]":
    from lab.worker.requests import RequestIntake

    class BenchIntake(RequestIntake):
        """Remembers what was asked."""

        def __init__(self, *args: Any) -> None:
            super().__init__(*args)
            self.served: deque[dict[str, Any]] = deque(maxlen=KEPT_PROMPTS)

        def serve(self, payload: dict[str, Any]) -> None:
            self.served.append(payload)
            super().serve(payload)

    return BenchIntake


def _bench_listener() -> "type[EngineListener]":
    from lab.worker.listener import EngineListener

    class BenchListener(EngineListener):
        """Remembers how long answers were, and when requests ended."""

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self.num_tokens: dict[str, int] = {}
            self.ended: OrderedDict[int, float] = OrderedDict()

        def on_trace(
            self, record: bytes, trace: "StepTrace", finished: "list[RequestMirror]"
        ) -> None:
            super().on_trace(record, trace, finished)
            for request in finished:
                self.ended[request.short_id] = trace.header.stamp_ns / 1e9
            while len(self.ended) > KEPT:
                self.ended.popitem(last=False)

        def on_request_event(self, event: Any) -> None:
            if not event.request_id.startswith(DIRECT):
                super().on_request_event(event)

        def on_report(self, report: Any) -> None:
            if not report.request_id.startswith(DIRECT):
                self.num_tokens[report.request_id] = report.num_output_tokens
                super().on_report(report)

    return BenchListener


@app.task(name="bench.serve", acks_late=False)
def serve(payloads: list[dict[str, Any]], key: str) -> None:
    """Serve all of ``payloads`` at once; answers with their reports, in order."""
    from lab.engine.generation import GenerationRequest

    worker = _worker()
    requests = [
        GenerationRequest.from_payload({**one, "request_id": DIRECT + uuid.uuid4().hex})
        for one in payloads
    ]
    served = asyncio.run_coroutine_threadsafe(
        serve_at_once(worker.host, requests, len(requests)), worker.host.loop
    )
    _answer(worker, key, {"reports": [asdict(one) for one in served.result()]})


@app.task(name="bench.replay", acks_late=False)
def replay(number: int, at_once: int, key: str) -> None:
    """Serve the last ``number`` prompts, ``at_once`` of them, each to the length that
    its answer had (the mentor may have stopped it); answers with tokens and seconds."""
    from lab.engine.generation import GenerationRequest

    worker = _worker()
    requests = []
    for payload in list(worker.intake.served)[-number:]:
        num_tokens = worker.listener.num_tokens.get(payload["request_id"], 0)
        requests.append(
            GenerationRequest.from_payload(
                {
                    **payload,
                    "request_id": DIRECT + uuid.uuid4().hex,
                    "max_tokens": max(1, num_tokens),
                }
            )
        )
    began = time.perf_counter()
    served = asyncio.run_coroutine_threadsafe(
        serve_at_once(worker.host, requests, at_once), worker.host.loop
    )
    reports = served.result()
    seconds = time.perf_counter() - began
    failures = [report.error for report in reports if report.error]
    tokens = sum(report.num_output_tokens for report in reports)
    _answer(worker, key, {"tokens": tokens, "seconds": seconds, "failures": failures})


async def serve_at_once(
    host: "EngineHost", requests: "list[GenerationRequest]", at_once: int
) -> "list[RequestReport]":
    """Reports of all requests: as many queues as chats, each one after the other."""

    async def serve_queue(queue: "list[GenerationRequest]") -> "list[RequestReport]":
        return [await asyncio.wrap_future(host.submit(request)) for request in queue]

    queues = [requests[first::at_once] for first in range(at_once)]
    served = await asyncio.gather(*(serve_queue(queue) for queue in queues))
    return [report for reports in served for report in reports]


@app.task(name="bench.ended", acks_late=False)
def ended(short_id: int, key: str) -> None:
    """Answers with the time.time() of the step after which no block lists it."""
    worker = _worker()
    until = time.monotonic() + ENDED_TIMEOUT_S
    ended_at = worker.listener.ended
    while short_id not in ended_at and time.monotonic() < until:
        time.sleep(0.01)
    _answer(worker, key, {"stamp_s": ended_at.get(short_id)})


def _worker() -> Any:
    from lab.worker import bootstep

    return bootstep._worker


def _answer(worker: Any, key: str, answer: dict[str, Any]) -> None:
    with redis.Redis.from_url(worker.config.redis_url) as server:
        server.rpush(key, json.dumps(answer))
        server.expire(key, 600)
