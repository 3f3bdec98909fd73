"""EndlessPool: a pool that never evicts, by the tokens of each beginning: no hash, no
vLLM. What it would have found is what a bill is held against."""

from lab.tracing.notes import LookedUp, notes_of
from lab.tracing.trace import StepTrace, TraceKind


class EndlessPool:
    """Follows the traces of one run whose texts are known."""

    def __init__(self, block_size: int) -> None:
        self._size = block_size
        self._cached: set[tuple[int, ...]] = set()
        self.num_told = 0
        """Tokens that the lookups' notes say it would have found,"""
        self.num_true = 0
        """and that it did find."""

    def take(self, trace: StepTrace, texts: dict[int, list[int]]) -> None:
        """One trace: its lookups in order, each before what its request caches.

        ``texts``: by short id the tokens of prompt and answer, as far as known.
        """
        if trace.header.kind is TraceKind.UPDATE:
            return
        computed = {row[0]: row[2] for row in trace.scheduled.T.tolist()}
        looked_up = [one for one in notes_of(trace) if isinstance(one, LookedUp)]
        admitted = {one.short_id for one in looked_up}
        for short_id, number in computed.items():
            if short_id not in admitted:
                self._keep(texts[short_id][:number])
        for note in looked_up:
            text = texts[note.short_id][: note.num_tokens]
            self.num_told += sum(count for _, count in note.known) * self._size
            self.num_true += self._found(text)
            self._keep(text[: computed[note.short_id]])

    def _found(self, prompt: list[int]) -> int:
        """Tokens that a lookup would find; whole blocks, never the last token."""
        size, num_blocks = self._size, 0
        while (num_blocks + 1) * size < len(prompt):
            if tuple(prompt[: (num_blocks + 1) * size]) not in self._cached:
                break
            num_blocks += 1
        return num_blocks * size

    def _keep(self, tokens: list[int]) -> None:
        for end in range(self._size, len(tokens) + 1, self._size):
            self._cached.add(tuple(tokens[:end]))
