"""What a request holds over time: block-seconds, and with how many it shares steps.

Times are the stamps of the scheduler's records, so a block counts from the schedule()
that took it to the record in which it is given back.
"""

from dataclasses import dataclass


@dataclass(slots=True)
class Held:
    """Adds up what one request held; told of each change of its block table."""

    since_ns: int
    company_at: int
    """Both of the last change; ``company`` is requests in the batch x nanoseconds,
    added up by the mirror since its first record."""
    num_blocks: int = 0
    max_blocks: int = 0
    block_ns: int = 0
    """Blocks of its table x nanoseconds; a block that several share counts for each."""
    running_ns: int = 0
    company_ns: int = 0

    def change(self, num_blocks: int, stamp_ns: int, company: int) -> None:
        """From ``stamp_ns`` on it holds ``num_blocks``."""
        lasted_ns = max(0, stamp_ns - self.since_ns)
        if self.num_blocks:
            self.block_ns += self.num_blocks * lasted_ns
            self.running_ns += lasted_ns
            self.company_ns += company - self.company_at
        self.since_ns, self.company_at = stamp_ns, company
        self.num_blocks = num_blocks
        self.max_blocks = max(self.max_blocks, num_blocks)

    @property
    def block_seconds(self) -> float:
        """Blocks x seconds so far."""
        return self.block_ns / 1e9

    @property
    def mean_running(self) -> float | None:
        """Requests in a step that it was in, itself among them; None if in none."""
        return self.company_ns / self.running_ns if self.running_ns else None
