"""The threads in which sockets wait for the database and for what takes long.

A socket has no request to share a thread with, so by default all sockets of a process
share one thread, and each call opens the database anew. Here are two:

    in_database   one thread, for calls of a few milliseconds, in the order they came
    in_search     a few, for calls that search or wait for an answer from elsewhere

Each keeps its connection for KEEP_S: to open SQLite costs as much as three queries.
"""

import threading
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ParamSpec, TypeVar

from channels.db import DatabaseSyncToAsync
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created
from django.dispatch import receiver

P = ParamSpec("P")
R = TypeVar("R")

NAME = "sockets"
NUM_SEARCHING = 3
"""numpy lets others go on while it multiplies, and one may wait for an engine host."""
KEEP_S = 60.0
_database = ThreadPoolExecutor(1, thread_name_prefix=f"{NAME}-database")
_search = ThreadPoolExecutor(NUM_SEARCHING, thread_name_prefix=f"{NAME}-search")


def in_database(call: Callable[P, R]) -> Callable[P, Coroutine[Any, Any, R]]:
    """Await ``call`` in the thread of short calls."""
    there: Callable[P, Coroutine[Any, Any, R]]
    there = DatabaseSyncToAsync(call, thread_sensitive=False, executor=_database)
    return there


def in_search(call: Callable[P, R]) -> Callable[P, Coroutine[Any, Any, R]]:
    """Await ``call`` where it holds up no short one."""
    there: Callable[P, Coroutine[Any, Any, R]]
    there = DatabaseSyncToAsync(call, thread_sensitive=False, executor=_search)
    return there


@receiver(connection_created, dispatch_uid="courseware.keep_connection")
def keep_connection(connection: BaseDatabaseWrapper, **_: Any) -> None:
    """Have a connection of these threads outlive the call that opened it."""
    if threading.current_thread().name.startswith(NAME):
        connection.close_at = time.monotonic() + KEEP_S
