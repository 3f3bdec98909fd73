"""Whether two ways through the same prompts wrote the same, and how near it was. Pure.

Greedy answers part where two words are nearly equally likely and rounding decides. How
nearly is measured in the model itself (lab.engine.first_difference).
"""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lab.experiments.outcome import Figure, Table

NEAR = 2.0
"""Steps of the number format within which rounding decides: each of the two logits is
the nearest number of the format to a sum whose order of additions is the kernel's."""


@dataclass(frozen=True)
class SameWords:
    """The first words of every answer, of both sides, and where they part."""

    ours: Sequence[str]
    theirs: Sequence[str]
    differences: Sequence[dict[str, Any] | None]
    """Of each prompt what lab.engine.first_difference tells; () where nobody looked."""
    num_tokens: int

    @property
    def is_same(self) -> list[bool]:
        """Of each prompt."""
        return [one == other for one, other in zip(self.ours, self.theirs, strict=True)]

    @property
    def num_same(self) -> int:
        """Prompts whose first words are the same on both sides."""
        return sum(self.is_same)

    @property
    def parted(self) -> list[dict[str, Any]]:
        """Of the answers that differ, as far as they were looked at."""
        return [
            found
            for found, same in zip(self.differences, self.is_same, strict=False)
            if found is not None and not same
        ]

    @property
    def num_near(self) -> int | None:
        """Of those that differ: where both words were within NEAR steps, either when
        computed token by token or in one piece; None where nobody looked."""
        if self.num_same < len(self.ours) and not self.parted:
            return None
        return sum(map(_is_near, self.parted))

    def figures(self) -> list[Figure]:
        """How many are the same, and how far apart the words were where not."""
        number = f"of {len(self.ours)}"
        label = f"prompts with the same first {self.num_tokens} tokens"
        same = Figure(label, self.num_same, number)
        if self.num_same == len(self.ours):
            return [same]
        gaps = [abs(found["gap"]) for found in self.parted]
        near = None if self.num_near is None else self.num_same + self.num_near
        return [
            same,
            Figure(
                f"the same, or parted where rounding decides (within {NEAR:g} steps)",
                near,
                number,
            ),
            Figure(
                "between the two words where answers part, median",
                statistics.median(gaps) if gaps else None,
                "logits",
            ),
            Figure("the same, largest", max(gaps, default=None), "logits"),
        ]

    def says(self) -> list[str]:
        """Sentences."""
        number = len(self.ours)
        same = (
            f"{self.num_same} of {number} answers begin with the same "
            f"{self.num_tokens} tokens."
        )
        if not self.parted:
            return [same]
        worst = max(self.parted, key=lambda found: abs(found["gap"]))
        turned = sum(found["again"] <= 0 for found in self.parted)
        second = sum(found["place"] == 2 for found in self.parted)
        return [
            same,
            f"Where answers part, Transformers’ logits of the two words were "
            f"{abs(worst['gap']):.3g} apart at most; neighbouring numbers of "
            f"{worst['format']} are {worst['step']:.3g} apart there. In {second} "
            f"of {len(self.parted)} vLLM wrote what Transformers had second, and in "
            f"{turned} Transformers itself turns them around, or has them equal, when "
            "it computes the same place in one piece.",
        ]

    def table(self, counts: Sequence[int], prompts: Sequence[int], of: str) -> Table:
        """Every prompt: ``counts`` tokens asked for, ``prompts`` tokens sent; ``of``:
        with whom it is compared."""
        columns = [
            "Prompt",
            "Answer, tokens",
            "Prompt, tokens",
            "Same beginning",
            "Parts at token",
            "Apart, logits",
            "One step there",
            "In one piece",
        ]
        rows = [
            [number, count, prompt, "yes" if same else "no", *_cells(found, same)]
            for number, (count, prompt, same, found) in enumerate(
                zip(counts, prompts, self.is_same, self._padded(), strict=True), 1
            )
        ]
        return Table(f"Every prompt, with {of}", columns, rows)

    def _padded(self) -> list[dict[str, Any] | None]:
        missing = len(self.ours) - len(self.differences)
        return [*self.differences, *[None] * missing]


def _is_near(found: dict[str, Any]) -> bool:
    gap = min(abs(found["gap"]), abs(found["again"]))
    return bool(gap <= NEAR * found["step"] or found["again"] <= 0)


def _cells(
    found: dict[str, Any] | None, is_same: bool
) -> list[str | float | int | None]:
    if is_same:
        return ["", "", "", ""]
    if found is None:
        return [None] * 4
    return [found["at"] + 1, found["gap"], found["step"], found["again"]]
