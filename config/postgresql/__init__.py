"""Django's backend for PostgreSQL, in which no page and no worker waits for ever.

A server that is stopped, or a network that swallows packets, takes what is sent and
says nothing: its own limits are stopped with it, and TCP's do not run while its kernel
acknowledges. So the client has a limit of its own, in ``connection``; ``base`` is the
backend that DATABASES names. Without a limit, since they may well take long: management
commands (migrate, loadchapters, backup, restore).
"""


class Patience:
    """How long a process waits for the answer to one query."""

    limit_s: float | None = None
    """None: for as long as it takes."""


def wait_at_most(limit_s: float) -> None:
    """For this process, and for those that it forks."""
    Patience.limit_s = limit_s
