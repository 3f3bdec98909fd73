"""HashNumbers: a number for each block hash that was in the prefix cache. Pure.

A hash is vLLM's key of the cache: what a block holds, and of which KV-cache group.
"""

PER_GENERATION = 1 << 16
"""Hashes in each of two generations: about 20 MB at most, and what two million tokens
fill at 16 a block."""


class HashNumbers:
    """Numbers hashes from 1 in the order in which they are first cached.

    Bounded without a scan: when the young generation is full it becomes the old one,
    and what nobody asked for since the one before is forgotten.
    """

    def __init__(self, per_generation: int = PER_GENERATION) -> None:
        self.next_number = 1
        self.num_forgotten = 0
        self._per_generation = per_generation
        self._young: dict[bytes, int] = {}
        self._old: dict[bytes, int] = {}

    def number(self, block_hash: bytes) -> int:
        """Of a hash that is cached now: the one it had, or the next."""
        number = self._young.get(block_hash)
        if number is None:
            number = self._old.pop(block_hash, 0) if self._old else 0
            if not number:
                number = self.next_number
                self.next_number = number + 1
            self._keep(block_hash, number)
        return number

    def known(self, block_hash: bytes) -> int:
        """Of a hash that was cached before; 0 where none is remembered."""
        number = self._young.get(block_hash, 0)
        if not number and (number := self._old.pop(block_hash, 0)):
            self._keep(block_hash, number)
        return number

    def clear(self) -> None:
        """The cache was emptied on purpose: what was in it does not come back."""
        self._young, self._old = {}, {}

    def _keep(self, block_hash: bytes, number: int) -> None:
        self._young[block_hash] = number
        if len(self._young) >= self._per_generation:
            self.num_forgotten += len(self._old)
            self._young, self._old = {}, self._young
