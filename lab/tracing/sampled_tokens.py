"""SampledTokens: how many tokens the requests have sampled, by their traces. Pure."""

from lab.tracing.mirror import RequestMirror
from lab.tracing.trace import StepTrace


class SampledTokens:
    """Counts a token for each step that computes a request's last one; after a
    preemption it counts on once the request is past where it has been before."""

    def __init__(self) -> None:
        self._high: dict[int, int] = {}
        """num_computed_tokens that each request has reached."""

    def begin(self, requests: dict[int, RequestMirror]) -> None:
        """After a snapshot: what came before is not counted."""
        self._high = {
            request.short_id: request.num_computed_tokens
            for request in requests.values()
        }

    def forget(self, short_id: int) -> None:
        """The request is gone."""
        self._high.pop(short_id, None)

    def reached(self, short_id: int) -> int:
        """The most tokens that were computed of a request."""
        return self._high.get(short_id, 0)

    def count(self, trace: StepTrace, requests: dict[int, RequestMirror]) -> int:
        """Tokens sampled in a SCHEDULE trace that the mirror has applied."""
        short_ids, _, num_computed = trace.scheduled
        high, num_sampled = self._high, 0
        for short_id, computed in zip(
            short_ids.tolist(), num_computed.tolist(), strict=True
        ):
            if computed > high.get(short_id, 0):
                high[short_id] = computed
                request = requests.get(short_id)
                if request and computed >= request.num_prompt_tokens:
                    num_sampled += 1
        return num_sampled
