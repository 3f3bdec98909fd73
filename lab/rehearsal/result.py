"""What a rehearsal found: what happened, and what would have. Pure but for ``run``."""

from dataclasses import asdict, dataclass, field
from typing import Any

from lab.recordings.recording import Recording
from lab.rehearsal.figures import Comparison, Figures, compare, figures_of
from lab.rehearsal.script import Script, script_of
from lab.rehearsal.settings import WhatIf
from lab.tracing.replay_notes import ReplaySettings

SHORTENED = "Records of this recording were lost: it was gone through up to there."
GRAMMARS = (
    "Some requests waited for a grammar; how long is not recorded, and they were taken "
    "as ready when they came."
)
OUTLIVED = (
    "{} requests outlived the recording: they go on here until they have all the "
    "tokens that they were allowed."
)
"""Requests whose end is not in the recording."""


@dataclass
class Result:
    """One what-if."""

    recorded: ReplaySettings
    wanted: ReplaySettings
    happened: Figures
    would_have: Figures
    check: Comparison
    """Of a rehearsal with the recorded settings: its block ids against the recorded."""
    remarks: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """As Celery and the command tell it."""
        return {
            "recorded": self.recorded._asdict(),
            "wanted": self.wanted._asdict(),
            "happened": self.happened.to_json(),
            "would_have": self.would_have.to_json(),
            "check": asdict(self.check),
            "remarks": self.remarks,
        }


def run(recording: Recording, what_if: WhatIf, tell: Any = lambda *_: None) -> Result:
    """Imports vLLM. Raises WhatIfRefused, a sentence."""
    script = script_of(recording)
    recorded = script.settings
    wanted = what_if.of(recorded)
    from lab.rehearsal.drive import rehearse

    same = rehearse(script, recorded, lambda *at: tell("check", *at))
    check = compare(script.traces, same, recorded.num_blocks, recorded.block_size)
    is_same = wanted == recorded
    other = same if is_same else rehearse(script, wanted, lambda *at: tell("run", *at))
    return Result(
        recorded=recorded,
        wanted=wanted,
        happened=figures_of(script.traces, recorded.num_blocks, recorded.block_size),
        would_have=figures_of(other, wanted.num_blocks, wanted.block_size),
        check=check,
        remarks=_remarks(script, is_same),
    )


def _remarks(script: Script, is_same: bool) -> list[str]:
    remarks = []
    if script.is_shortened:
        remarks.append(SHORTENED)
    if script.has_grammars:
        remarks.append(GRAMMARS)
    outlived = sum(part.num_tokens is None for part in script.parts.values())
    if outlived and not is_same:
        remarks.append(OUTLIVED.format(outlived))
    return remarks
