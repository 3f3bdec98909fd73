"""Heat: hits and age of the blocks in the prefix cache, from the ledger. Pure.

Of each block with a hash: how many admissions took its beginning from the cache, and at
which step that was cached or hit last. Of what the cache held before the ledger began,
hits before are not counted, and the last step is that of the beginning.
"""

from typing import Any

from lab.tracing.ledger import Ledger


def heat_of(ledger: Ledger, step: int, since: int = 0) -> dict[str, Any]:
    """Three lists of the same length; ``since``: only blocks that were cached or hit
    from this step on, where the others are known already."""
    blocks: list[int] = []
    hits: list[int] = []
    last: list[int] = []
    for block_id, number in ledger.number_of.items():
        kept = ledger.kept.get(number)
        if kept is not None and kept.last_step >= since:
            blocks.append(block_id)
            hits.append(kept.num_hits)
            last.append(kept.last_step)
    return {
        "step": step,
        "since": since,
        "since_step": ledger.since_step,
        "blocks": blocks,
        "hits": hits,
        "last": last,
    }
