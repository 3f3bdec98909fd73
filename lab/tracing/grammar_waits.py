"""GrammarWaits: which requests wait for their grammar, as vLLM's scheduler has it.

vLLM compiles a grammar beside its steps. Until its scheduler has found it done, the
request's status says so, and the queue is gone through as if it did not stand there.
"""

from vllm.v1.request import Request, RequestStatus

from lab.tracing.notes import compiling_note

_COMPILES = RequestStatus.WAITING_FOR_STRUCTURED_OUTPUT_GRAMMAR


class GrammarWaits:
    """Of one scheduler, while it is traced."""

    def __init__(self, short_ids: dict[str, int]) -> None:
        """``short_ids`` by request id, kept by their owner."""
        self._short_ids = short_ids
        self._waiting: dict[str, Request] = {}
        self._told: list[int] = []

    def __bool__(self) -> bool:
        """Whether somebody waits: the next step may be told otherwise."""
        return bool(self._waiting)

    def heard(self, request: Request) -> None:
        """Something is told of a request."""
        if request.status is _COMPILES:
            self._waiting[request.request_id] = request

    def note(self, *, of_all: bool = False) -> list[int]:
        """The words of COMPILING; none where others are not told of, unless ``of_all``
        is to be told anew."""
        if not (self._waiting or self._told or of_all):
            return []
        self._waiting = {
            request_id: request
            for request_id, request in self._waiting.items()
            if request.status is _COMPILES
        }
        short_ids = [self._short_ids[request_id] for request_id in self._waiting]
        if short_ids == self._told and not of_all:
            return []
        self._told = short_ids
        return compiling_note(short_ids)
