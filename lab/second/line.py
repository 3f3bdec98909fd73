"""The line for the second engine: one at a time for the class, each with a place.

All of it lies in Redis under keys that expire, so that whatever crashes frees what it
held: a learner's ticket lives while their page looks at it, the turn while the engine
worker that runs the second engine renews it.

    ticket  lab:second:ticket:ID   {"learner_id", "task", …}     renewed by look()
    line    lab:second:line        ticket ids by the time they came
    turn    lab:second:turn        the ticket whose engine runs  renewed by the worker
    state   lab:second:state:ID    {"state", "reason", …}        told by the worker
"""

import json
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any, Literal

import redis
from django.conf import settings

from courseware.redis_connections import server_at
from lab import client
from lab.errors import EngineUnavailable, LimitExceeded, NotYours

TICKET_KEY = "lab:second:ticket:"
LINE_KEY = "lab:second:line"
TURN_KEY = "lab:second:turn"
STATE_KEY = "lab:second:state:"
TICKET_S = 20
"""A learner who does not look for so long has left."""
TURN_S = 20
TAKEN_S = 60
"""The same, until the worker has prepared what it needs."""
STATE_S = 600
MAX_WAITING = 40
ENGINE_TASK = "lab.second_engine"
TRANSFORMERS_TASK = "lab.plain_transformers"
REHEARSAL_TASK = "lab.rehearsal"

NO_HOST = "A rehearsal runs on the machine of an engine host, and none is ready."
HOST_GONE = "The engine host that ran it is gone: begin again."
NOT_TAKEN = "No engine host took it: try again."
NOT_KNOWN = (
    "It is not known here any more: nobody looked at it for a while, or Redis has "
    "started again without what it kept. Begin again."
)

State = Literal["waiting", "starting", "ready", "refused", "ended", "gone"]
"""starting: asked for, or its process comes up · ready: takes requests · refused: this
machine has no room for it · ended · gone: nobody looked for TICKET_S."""


@dataclass(frozen=True)
class Standing:
    """How a ticket stands."""

    state: State
    place: int | None = None
    """In the line, from 1: so many engines come first, this one included."""
    reason: str | None = None
    """A sentence where it was refused or has ended."""
    engine_host_id: str | None = None
    ends_at: float | None = None
    """time.time() at which its time is up."""
    result: dict[str, Any] | None = None
    """What it found, where it was not an engine."""
    cached_share: float | None = None
    """Share of the checkpoint that lay in the page cache when it began; None where
    the system does not tell."""

    def to_json(self) -> dict[str, Any]:
        """All fields."""
        return asdict(self)


Server = Any
"""redis-py types what a call returns for its asynchronous client as well."""


def server() -> Server:
    """A connection to the broker."""
    return server_at(settings.REDIS_URL)


class Line:
    """The line as web processes see it; every call raises EngineUnavailable when the
    broker does not answer."""

    def __init__(self, connect: Callable[[], Server] = server) -> None:
        self._connect = connect

    def enter(
        self, learner_id: str, wanted: Mapping[str, Any], task: str = ENGINE_TASK
    ) -> str:
        """A new ticket at the end of the line, for a second engine or for another
        ``task`` beside the main one, with its settings; raises LimitExceeded when this
        learner has one already, or too many wait."""
        if task == REHEARSAL_TASK:
            if not client.has_host():
                raise EngineUnavailable(NO_HOST)
        elif client.ready_engine() is None:
            raise EngineUnavailable(
                "A second engine starts beside a main one, and none is ready."
            )
        with _answering(), self._connect() as redis_server:
            waiting = self._waiting(redis_server)
            others = [*waiting, redis_server.get(TURN_KEY)]
            if any(_owner(redis_server, one) == learner_id for one in others if one):
                raise LimitExceeded(
                    "You have a second engine, or wait for one: end that one first."
                )
            if len(waiting) >= MAX_WAITING:
                raise LimitExceeded(
                    f"{MAX_WAITING} learners wait for a second engine, which is the "
                    "limit. Try again in some minutes."
                )
            ticket = uuid.uuid4().hex
            told = {"learner_id": learner_id, "task": task, "settings": dict(wanted)}
            redis_server.set(TICKET_KEY + ticket, json.dumps(told), ex=TICKET_S)
            redis_server.zadd(LINE_KEY, {ticket: time.time()})
        return ticket

    def look(self, ticket: str, learner_id: str) -> Standing:
        """How it stands; keeps the ticket, and has the engine started when it is its
        turn. To be called every few seconds; raises NotYours."""
        with _answering(), self._connect() as redis_server:
            if _owner(redis_server, ticket) not in (None, learner_id):
                raise NotYours("This second engine is not yours.")
            told, holder = redis_server.mget(STATE_KEY + ticket, TURN_KEY)
            is_kept = redis_server.expire(TICKET_KEY + ticket, TICKET_S)
            if told:
                return _still_true(Standing(**json.loads(told)), holder == ticket)
            if not is_kept:
                return Standing("gone", reason=NOT_KNOWN)
            waiting = self._waiting(redis_server)
            is_taken = holder is not None
            if ticket not in waiting:
                return Standing("gone", reason=NOT_TAKEN)
            place = waiting.index(ticket) + 1
            if place > 1 or is_taken:
                return Standing("waiting", place=place + bool(is_taken))
            return self._start(redis_server, ticket)

    def _start(self, redis_server: Server, ticket: str) -> Standing:
        """Take the turn, unless another process is quicker, and have it started."""
        if not redis_server.set(TURN_KEY, ticket, nx=True, ex=TURN_S):
            return Standing("waiting", place=2)
        redis_server.zrem(LINE_KEY, ticket)
        standing = Standing("starting")
        told = json.dumps(standing.to_json())
        redis_server.set(STATE_KEY + ticket, told, ex=TURN_S)
        kept = json.loads(redis_server.get(TICKET_KEY + ticket))
        payload = {"ticket": ticket, "settings": kept["settings"]}
        try:
            client.send_task(kept["task"], {"payload": payload})
        except client.NOT_SENT:
            redis_server.delete(TURN_KEY, STATE_KEY + ticket)
            raise
        return standing

    def leave(self, ticket: str, learner_id: str) -> None:
        """Give the ticket back; its engine ends within a second or two."""
        with _answering(), self._connect() as redis_server:
            if _owner(redis_server, ticket) == learner_id:
                redis_server.zrem(LINE_KEY, ticket)
                redis_server.delete(TICKET_KEY + ticket)

    def clear(self, why: str, *, only_waiting: bool = False) -> None:
        """Take everybody's ticket (staff), so that what runs ends too; or only of those
        that wait. ``why`` is a sentence for their learners."""
        told = json.dumps(Standing("gone", reason=why).to_json())
        with _answering(), self._connect() as redis_server:
            running = redis_server.get(TURN_KEY) if only_waiting else None
            for key in list(redis_server.scan_iter(match=f"{TICKET_KEY}*", count=100)):
                ticket = key.removeprefix(TICKET_KEY)
                if ticket != running:
                    redis_server.set(STATE_KEY + ticket, told, ex=STATE_S)
                    redis_server.delete(key)
            redis_server.delete(LINE_KEY)

    def _waiting(self, redis_server: Server) -> list[str]:
        """Ticket ids in order; those whose learner has left are dropped."""
        waiting: list[str] = redis_server.zrange(LINE_KEY, 0, -1)
        left = [t for t in waiting if not redis_server.exists(TICKET_KEY + t)]
        if left:
            redis_server.zrem(LINE_KEY, *left)
        return [ticket for ticket in waiting if ticket not in left]


def _still_true(told: Standing, has_turn: bool) -> Standing:
    """What a worker told last: it may have been killed since, and its turn is over."""
    is_over = told.state in ("starting", "ready") and not has_turn
    return Standing("gone", reason=HOST_GONE) if is_over else told


def _owner(redis_server: Server, ticket: str) -> str | None:
    kept = redis_server.get(TICKET_KEY + ticket)
    return json.loads(kept)["learner_id"] if kept else None


@contextmanager
def _answering() -> Iterator[None]:
    """Errors of the broker as EngineUnavailable."""
    try:
        yield
    except redis.RedisError as error:
        raise EngineUnavailable(client.NO_BROKER) from error


class Turn:
    """The same keys as the engine worker that has the turn sees them."""

    TAKEN_KEY = "lab:second:taken:"

    def __init__(self, redis_url: str, ticket: str) -> None:
        self._redis: Server = server_at(redis_url)
        self._ticket = ticket

    def take(self) -> bool:
        """Whether this delivery of the message is the first, and still wanted."""
        first = self._redis.set(self.TAKEN_KEY + self._ticket, 1, nx=True, ex=3600)
        return bool(first) and self.is_wanted() and self.keep(TAKEN_S)

    def keep(self, seconds: int = TURN_S) -> bool:
        """Renew the turn; False when another ticket has it."""
        holder = self._redis.get(TURN_KEY)
        if holder not in (None, self._ticket):
            return False
        self._redis.set(TURN_KEY, self._ticket, ex=seconds)
        return True

    def is_wanted(self) -> bool:
        """Whether its learner is still there."""
        return bool(self._redis.exists(TICKET_KEY + self._ticket))

    def tell(self, standing: Standing) -> None:
        """What look() answers from now on; of a ticket that staff took, still why."""
        key, told = STATE_KEY + self._ticket, json.dumps(standing.to_json())
        before = self._redis.get(key)
        if before is None or json.loads(before)["state"] != "gone":
            self._redis.set(key, told, ex=STATE_S)

    def end(self) -> None:
        """The next in the line may start."""
        if self._redis.get(TURN_KEY) == self._ticket:
            self._redis.delete(TURN_KEY)
