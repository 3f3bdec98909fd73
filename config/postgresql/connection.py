"""A connection of psycopg that does not wait for ever. Knows nothing of Django."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self

import psycopg
from psycopg.errors import ConnectionTimeout, _WaitTimeout

from config.postgresql import Patience
from courseware.silence import Silence

HURRY_S = 3.0
"""For the look whether a connection of the pool is still good."""
SERVER_SOONER_S = 3.0
"""The server gives a slow query up before we do: then the connection stays good."""
IDLE_TIMES = 4
"""So many limits a transaction may do nothing, before it holds its locks no longer."""
POOL_WAIT_S = 8.0
"""For a connection of the pool."""


class Refusals:
    """Why the server of this process took no connection."""

    latest = "The server takes no connections."


silence = Silence(psycopg.OperationalError, POOL_WAIT_S)
"""Of the one server that this process has."""
refusals = Refusals()
_hurry = threading.local()


@contextmanager
def hurried() -> Iterator[None]:
    """In this thread each answer is waited for HURRY_S, where there is a limit."""
    _hurry.is_on = True
    try:
        yield
    finally:
        _hurry.is_on = False


class Connection(psycopg.Connection[Any]):
    """Raises OperationalError, and is closed, when the limit of Patience is over."""

    @classmethod
    def connect(cls, conninfo: str = "", **options: Any) -> Self:
        """As psycopg's; the server is told the limit too, where its address does not
        say by ``options`` what the server is told."""
        try:
            made = super().connect(conninfo, **options)
        except ConnectionTimeout:
            silence.begin()
            raise
        except psycopg.OperationalError as error:
            refusals.latest = str(error)
            raise
        if Patience.limit_s is not None and "options" not in options:
            answer_ms = round(1000 * (Patience.limit_s - SERVER_SOONER_S))
            idle_ms = round(1000 * Patience.limit_s * IDLE_TIMES)
            made.execute(
                "SELECT set_config('statement_timeout', %s, false), "
                "set_config('idle_in_transaction_session_timeout', %s, false)",
                (str(answer_ms), str(idle_ms)),
            )
        return made

    def wait(
        self, gen: Any, interval: float = 0.1, timeout: float | None = None
    ) -> Any:
        """What every query waits by."""
        if timeout is None and (timeout := Patience.limit_s) is not None:
            timeout = HURRY_S if getattr(_hurry, "is_on", False) else timeout
        try:
            answer = super().wait(gen, interval, timeout)
        except _WaitTimeout:
            # Its answer may come yet, to whoever asks next on it.
            self.pgconn.finish()
            silence.begin()
            raise
        silence.end()
        return answer
