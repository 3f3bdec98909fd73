"""Where a request is between the processes: receipts in Redis.

    web process   keeps the message that it sends       lab:sent:<request id>
    engine host   leases the message to its life        lab:lease:<request id>
    engine host   keeps the report that it sends        lab:report:<request id>
    who has it    renews a run's or a recording's       lab:held:<kind>:<id>

A receipt outlives whoever wrote it, so that lab.sweeping finds what nobody holds: Redis
hands the next message of a queue to whoever waits there, also to a process that was
killed a moment before, and the message is in no queue and with nobody then.

Redis expires keys by its machine's clock, which may be set forward: what a request
under way needs is kept for a day, and goes when it has ended.
"""

import base64
import json
import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from functools import lru_cache
from typing import Any, Literal, get_args

from django.conf import settings

from courseware.redis_connections import server_at
from lab.messages import ENGINE_QUEUE, RequestReport, queue_keys

KEPT_S = 900
"""Longer than any request may take, and than a message may stay away."""
UNENDED_S = 86_400
"""What belongs to a request without an end; longer than a clock is set forward by."""
LEASE_KEY_PREFIX = "lab:lease:"
LIFE_KEY_PREFIX = "lab:life:"
"""Key that lives as long as one process of an engine host does."""
SENT_KEY_PREFIX = "lab:sent:"
REPORT_KEY_PREFIX = "lab:report:"
HELD_KEY_PREFIX = "lab:held:"
"""Key of what one process alone has, a run or a recording: it renews it."""
HELD_S = 12
_ONLY_KEY_PREFIX = "lab:only:"
PARTS_KEY = "lab:parts"

Holder = Literal["the living", "the dead", "nobody"]
Kind = Literal["run", "recording"]
Count = Literal["look", "orphan", "again"]
"""How often the sweep saw a request without an end, of those in a row with nobody who
might serve it, and sent it again: time that no clock tells."""


def held_key(kind: Kind, one: str) -> str:
    """Of the experiment's run or of the recording of this id."""
    return f"{HELD_KEY_PREFIX}{kind}:{one}"


def kept_report(report: RequestReport) -> tuple[str, str]:
    """Key and value of a report's receipt; it expires after KEPT_S."""
    return REPORT_KEY_PREFIX + report.request_id, json.dumps(asdict(report))


class Custody:
    """The receipts of all requests; every call raises redis.RedisError."""

    def __init__(self, redis_url: str, broker_url: str = "") -> None:
        """``broker_url`` is the queues' server where that is another one."""
        self._redis = server_at(redis_url)
        self.is_broker = broker_url in ("", redis_url)
        """Whether the queues' server keeps the receipts too."""
        self._broker = server_at(broker_url or redis_url)

    def ask_broker(self) -> None:
        """Whether the queues' server answers: Celery would wait for it for longer."""
        self._broker.ping()

    def keep_sent(self, payload: dict[str, Any], queue: str) -> None:
        """Before it goes out: what the web process sends, and where to."""
        key = SENT_KEY_PREFIX + str(payload["request_id"])
        message = json.dumps({"payload": payload, "queue": queue})
        self._redis.set(key, message, ex=UNENDED_S)

    def sent(self, request_id: str) -> tuple[dict[str, Any], str] | None:
        """Payload and queue of a message; None where none was kept."""
        kept = self._redis.get(SENT_KEY_PREFIX + request_id)
        if kept is None:
            return None
        message = json.loads(kept)
        return message["payload"], message["queue"]

    def reports(self, request_ids: Iterable[str]) -> dict[str, RequestReport]:
        """Those of the requests that an engine host has reported."""
        ids = list(request_ids)
        found = self._redis.mget([REPORT_KEY_PREFIX + i for i in ids]) if ids else []
        return {
            request_id: RequestReport.from_json(json.loads(report))
            for request_id, report in zip(ids, found, strict=True)
            if report
        }

    def discard(self, request_id: str) -> None:
        """It has ended and the database has it: the texts go, and that it was leased is
        kept as long as its message may come again."""
        counts = [_count_key(what, request_id) for what in get_args(Count)]
        receipts = SENT_KEY_PREFIX + request_id, REPORT_KEY_PREFIX + request_id
        self._redis.delete(*receipts, *counts)
        self._redis.expire(LEASE_KEY_PREFIX + request_id, KEPT_S)

    def holder(self, request_id: str) -> Holder:
        """Who leased the message."""
        life = self._redis.get(LEASE_KEY_PREFIX + request_id)
        if life is None:
            return "nobody"
        is_alive = self._redis.exists(LIFE_KEY_PREFIX + life)
        return "the living" if is_alive else "the dead"

    def queued(self, queues: Iterable[str] = (ENGINE_QUEUE,)) -> set[str]:
        """Request ids of the messages that wait in these queues."""
        found: set[str] = set()
        for queue in queues:
            for key in queue_keys(queue):
                found.update(map(_request_id, self._broker.lrange(key, 0, -1)))
        return found

    def take_out(self, request_id: str, queue: str) -> bool:
        """Take its message out of a queue; False where a host was quicker."""
        return any(
            self._broker.lrem(key, 0, message)
            for key in queue_keys(queue)
            for message in self._broker.lrange(key, 0, -1)
            if _request_id(message) == request_id
        )

    def take_back(self, request_id: str) -> bool:
        """Take a message out of its queue that no host has taken; False where one has,
        or was quicker."""
        sent = self.sent(request_id)
        if sent is None or self.holder(request_id) != "nobody":
            return False
        return self.take_out(request_id, sent[1])

    def count(self, what: Count, request_id: str) -> int:
        """One more; how many there are now."""
        key = _count_key(what, request_id)
        number = int(self._redis.incr(key))
        self._redis.expire(key, UNENDED_S)
        return number

    def uncount(self, what: Count, request_id: str) -> None:
        """From the beginning."""
        self._redis.delete(_count_key(what, request_id))

    def hold(self, kind: Kind, one: str) -> None:
        """This process has it, and says so again before HELD_S are over."""
        self._redis.set(held_key(kind, one), 1, ex=HELD_S)

    def is_held(self, kind: Kind, one: str) -> bool:
        """Whether a process that lives has it."""
        return bool(self._redis.exists(held_key(kind, one)))

    @contextmanager
    def only_one(self, what: str, seconds: int) -> Iterator[bool]:
        """Whether nobody else is at it; who was killed at it is waited for so long."""
        key, me = _ONLY_KEY_PREFIX + what, uuid.uuid4().hex
        is_first = bool(self._redis.set(key, me, nx=True, ex=seconds))
        try:
            yield is_first
        finally:
            if is_first and self._redis.get(key) == me:
                self._redis.delete(key)

    def note_part(self, name: str) -> None:
        """A part of the installation is there, now."""
        self._redis.hset(PARTS_KEY, name, time.time())

    def parts(self) -> dict[str, float]:
        """When each part that says so was there last, as time.time()."""
        seen = self._redis.hgetall(PARTS_KEY)
        return {name: float(at) for name, at in seen.items()}


def custody() -> Custody:
    """Of this installation."""
    return _custody_at(settings.REDIS_URL, settings.BROKER_URL)


@lru_cache
def _custody_at(redis_url: str, broker_url: str) -> Custody:
    """With the connections of the calls before."""
    return Custody(redis_url, broker_url)


def _count_key(what: Count, request_id: str) -> str:
    return f"lab:{what}:{request_id}"


def _request_id(message: str) -> str:
    """Of a Celery message as kombu has it in a list; "" of another task's."""
    try:
        _, arguments, _ = json.loads(base64.b64decode(json.loads(message)["body"]))
        return str(arguments["payload"]["request_id"])
    except (ValueError, KeyError, TypeError):
        return ""
