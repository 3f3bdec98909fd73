"""Latency figures of one request from its timestamps: pure, times in seconds.

Terms as vLLM's: TTFT is arrival to first token, ITL each gap between outputs, TPOT
one mean per request, E2EL arrival to the last token.
"""

from dataclasses import dataclass, field


@dataclass
class RequestClock:
    """Timestamps of one request, all of one monotonic clock."""

    arrival: float
    first_scheduled: float | None = None
    first_token: float | None = None
    last_token: float | None = None
    num_output_tokens: int = 0
    itls: list[float] = field(default_factory=list)
    """Each gap between two outputs; an output has one token, or more where the host
    was late."""

    def tokens(self, now: float, num_output_tokens: int) -> None:
        """An output arrived: ``num_output_tokens`` is the count so far."""
        if num_output_tokens > self.num_output_tokens:
            if self.first_token is None:
                self.first_token = now
            elif self.last_token is not None:
                self.itls.append(now - self.last_token)
            self.last_token = now
            self.num_output_tokens = num_output_tokens

    @property
    def ttft_s(self) -> float | None:
        """Arrival to first token."""
        return None if self.first_token is None else self.first_token - self.arrival

    @property
    def queue_s(self) -> float | None:
        """Arrival to the first step that had the request."""
        if self.first_scheduled is None:
            return None
        return max(0.0, self.first_scheduled - self.arrival)

    @property
    def e2el_s(self) -> float | None:
        """Arrival to last token."""
        return None if self.last_token is None else self.last_token - self.arrival

    @property
    def tpot_s(self) -> float | None:
        """Mean time per output token after the first."""
        if self.first_token is None or self.last_token is None:
            return None
        if self.num_output_tokens < 2:
            return None
        return (self.last_token - self.first_token) / (self.num_output_tokens - 1)

    @property
    def output_tokens_per_s(self) -> float | None:
        """1 / TPOT."""
        tpot = self.tpot_s
        return None if not tpot else 1 / tpot
