"""The figures of claims: published ones as they stand, computed ones by functions.

    waste-systems:                     rest:
      figures: {orca_max: 20.4}          computed:
                                           by: rest_of_100
                                           with: {percent: {claim: waste-systems,
                                                            key: orca_max}}

An input, and a figure, is a number, words, or a figure of another claim of the file.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from string import Formatter
from typing import Any

from courseware.computed.registry import NotComputed, compute, in_words
from courseware.computed.shown import Value, show

KEY = re.compile(r"[a-z][a-z0-9_]*")
_PLACE = re.compile(r"\{[a-z][a-z0-9_]*(:[^{}]*)?\}")


class BadFigure(Exception):
    """What is wrong with the figures of a claim, in words that follow its name."""

    def __init__(self, claim_id: str, reason: str) -> None:
        self.claim_id, self.reason = claim_id, reason
        super().__init__(f"claim {claim_id!r} {reason}.")


@dataclass
class ClaimFigures:
    """The figures of all claims of one file, each computed when it is first asked."""

    rows: Mapping[str, Any]
    _known: dict[str, dict[str, Value]] = field(default_factory=dict)
    _how: dict[str, str] = field(default_factory=dict)
    _asking: list[str] = field(default_factory=list)

    def of(self, claim_id: str) -> dict[str, Value]:
        """Figures by key; raises BadFigure, of the claim that is wrong."""
        if claim_id not in self._known:
            if claim_id in self._asking:
                circle = " → ".join([*self._asking, claim_id])
                raise BadFigure(claim_id, f"is computed from itself: {circle}")
            self._asking.append(claim_id)
            self._known[claim_id] = self._read(claim_id)
            self._asking.pop()
        return self._known[claim_id]

    def how(self, claim_id: str) -> str:
        """How the figures were computed, in words; "" where they were not."""
        self.of(claim_id)
        return self._how.get(claim_id, "")

    def fill(self, claim_id: str, text: str) -> str:
        """``text`` with ``{key}`` and ``{key:,.0f}`` filled from the claim's figures.

        Other braces stay as they are in a claim that has no figures.
        """
        if not self.of(claim_id) and not _PLACE.search(text):
            return text
        try:
            parts = list(Formatter().parse(text))
        except ValueError as error:
            raise BadFigure(claim_id, f"has unmatched braces: {error}") from error
        return "".join(
            before + ("" if key is None else self._shown(claim_id, key, spec or ""))
            for before, key, spec, _ in parts
        )

    def _shown(self, claim_id: str, key: str, spec: str) -> str:
        try:
            return show(_figure(claim_id, self.of(claim_id), key), spec)
        except ValueError as error:
            raise BadFigure(claim_id, f"cannot show {key!r}: {error}") from error

    def _read(self, claim_id: str) -> dict[str, Value]:
        row = self.rows[claim_id]
        written = row.get("figures", {}) if isinstance(row, Mapping) else {}
        if not isinstance(written, Mapping):
            raise BadFigure(claim_id, "lists its figures by key")
        found = {str(k): self._input(claim_id, v) for k, v in written.items()}
        if odd := [key for key in found if not KEY.fullmatch(key)]:
            raise BadFigure(claim_id, f"has the key {odd[0]!r}: a-z, 0-9 and _ are")
        if isinstance(row, Mapping) and "computed" in row:
            computed = self._computed(claim_id, row["computed"])
            if twice := sorted(set(found) & set(computed)):
                raise BadFigure(claim_id, f"has {twice[0]!r} written and computed")
            found |= computed
        return found

    def _computed(self, claim_id: str, call: object) -> Mapping[str, Value]:
        if not isinstance(call, Mapping) or not {"by"} <= set(call) <= {"by", "with"}:
            raise BadFigure(claim_id, "is computed by a function, with inputs")
        inputs = call.get("with") or {}
        if not isinstance(inputs, Mapping):
            raise BadFigure(claim_id, "is computed with inputs by name")
        given = {str(key): self._input(claim_id, inputs[key]) for key in inputs}
        try:
            found = compute(str(call["by"]), given)
        except NotComputed as error:
            raise BadFigure(claim_id, f"is not computed: {error}") from error
        self._how[claim_id] = in_words(str(call["by"]), given)
        return found

    def _input(self, claim_id: str, value: object) -> Value:
        if isinstance(value, Mapping):
            if set(value) != {"claim", "key"}:
                raise BadFigure(claim_id, "takes an input from a claim and its key")
            other, key = str(value["claim"]), str(value["key"])
            if other not in self.rows:
                raise BadFigure(claim_id, f"takes an input from no claim {other!r}")
            return _figure(claim_id, self.of(other), key)
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise BadFigure(claim_id, f"has {value!r}: neither number nor words")
        return value


def _figure(claim_id: str, figures: Mapping[str, Value], key: str) -> Value:
    if key not in figures:
        known = ", ".join(figures) or "none"
        raise BadFigure(claim_id, f"asks for the figure {key!r}: known are {known}")
    return figures[key]
