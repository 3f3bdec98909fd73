"""A server that takes connections and says nothing: once one call of a process has
waited in vain, all others fail at once, but for one every REST_S, which finds out
whether the server is back. Many sockets share a thread, and a page makes several calls.
"""

import threading
import time
from collections.abc import Callable

REST_S = 3.0


class Silence:
    """What one process knows of one server."""

    def __init__(
        self,
        refusal: type[Exception],
        wait_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``refusal`` is what check() raises, ``wait_s`` how long a call may last."""
        self._refusal, self._wait_s = refusal, wait_s
        self._clock = clock
        self._until = 0.0
        """When the next call may try; 0 while the server answers."""
        self._trying: object | None = None
        self._lock = threading.Lock()

    def check(self, caller: object) -> None:
        """Whether this caller may ask the server now; raises the refusal."""
        if not self._until or self._trying is caller:
            return
        with self._lock:
            now = self._clock()
            if self._until and now < self._until:
                raise self._refusal("The server did not answer a moment ago.")
            if self._until:  # this one tries for all others
                self._trying, self._until = caller, now + self._wait_s + REST_S

    def begin(self) -> None:
        """A call has waited in vain."""
        with self._lock:
            self._trying, self._until = None, self._clock() + REST_S

    def end(self) -> None:
        """A call was answered."""
        if self._until:
            with self._lock:
                self._trying, self._until = None, 0.0
