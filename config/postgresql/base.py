"""What DATABASES names: Django's backend, with connections that have a time limit, and
a pool that tells who waits when its server takes no connections."""

import threading
from typing import Any

import psycopg
from django.db.backends.postgresql import base
from psycopg_pool import ConnectionPool, PoolClosed

from config.postgresql.connection import Connection, hurried, refusals, silence

LAST_LOOK_S = 1.2
"""Until a pool without a connection is closed. Who found one of its connections dead
comes back after 0.9 to 1.1 s, and then asks the server once more."""


class DatabaseWrapper(base.DatabaseWrapper):
    """One for each thread, as Django has it."""

    def __init__(self, settings_dict: dict[str, Any], *args: Any, **more: Any) -> None:
        super().__init__(settings_dict, *args, **more)
        if pool := settings_dict["OPTIONS"].get("pool"):
            pool["connection_class"] = Connection
            pool["reconnect_failed"] = self._connecting_failed
            # Seconds. 0: told after the second refusal, and the next page asks again.
            pool["reconnect_timeout"] = 0.0

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """Of the pool; raises OperationalError at once while the server is silent,
        and about a second after it refused."""
        silence.check(self)
        try:
            with hurried():
                return super().get_new_connection(conn_params)
        except PoolClosed:
            raise psycopg.OperationalError(refusals.latest) from None

    def _connecting_failed(self, pool: ConnectionPool[Any]) -> None:
        """One of the pool's threads gave a connection up. While there are others, who
        waits gets one of them; closing an empty pool tells all who wait."""
        if pool.get_stats()["pool_available"]:
            pool.drain()  # they died with the server: each that did comes here, too
        if not _size(pool):
            silence.begin()
            timer = threading.Timer(LAST_LOOK_S, self._close_empty, [pool])
            timer.daemon = True
            timer.start()

    def _close_empty(self, pool: ConnectionPool[Any]) -> None:
        if self.pool is pool and not _size(pool):
            self.close_pool()  # the next page makes a new one


def _size(pool: ConnectionPool[Any]) -> int:
    """Connections that it has, gave away, or is making."""
    return pool.get_stats()["pool_size"]
