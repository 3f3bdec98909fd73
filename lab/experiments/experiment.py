"""What an experiment is: its question, its settings with bounds, and how it is run.

An experiment is a value of Experiment in a module of its own, listed in
``lab.experiments.catalog``. Its ``run`` sends requests through a Bench and makes an
Outcome of what the engine itself reported; it draws nothing and keeps nothing.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from lab.experiments.bench import UNSEEN, Bench
from lab.experiments.outcome import Outcome
from lab.messages import EngineStatus

BESIDE_OWN = (
    "This engine is asked by its address: what it is compared with would run on "
    "another machine. It takes an engine of the lab's own."
)
Values = Mapping[str, int | str]
"""The settings of one run: an int for each Number, a key for each Choice, a line of
text for each Words."""
Run = Callable[[Bench, Values], Awaitable[Outcome]]


@dataclass(frozen=True)
class Number:
    """A whole number between bounds, both allowed."""

    name: str
    label: str
    default: int
    low: int
    high: int
    unit: str = ""
    help: str = ""


@dataclass(frozen=True)
class Choice:
    """One of a few; the words of each by its key."""

    name: str
    label: str
    options: Mapping[str, str]
    default: str
    help: str = ""


@dataclass(frozen=True)
class Words:
    """A line of the learner's own, for a prompt; "" where there is none."""

    name: str
    label: str
    most_chars: int = 160
    default: str = ""
    help: str = ""


Setting = Number | Choice | Words


@dataclass(frozen=True)
class Question:
    """What the learner predicts before the run: a number with a unit, or a choice."""

    asks: str
    unit: str = ""
    options: Mapping[str, str] = field(default_factory=dict)
    """Of a choice; its keys are what Outcome.answer is then."""
    most: float = 1e9
    """The largest number that makes sense."""


def any_engine(status: EngineStatus) -> str:
    """Runs wherever an engine is ready."""
    return ""


def seen_engine(status: EngineStatus) -> str:
    """Runs where the engine's blocks are seen."""
    return UNSEEN if status.by_address else ""


def own_engine(status: EngineStatus) -> str:
    """Runs where the engine is the lab's own, beside which another can run."""
    return BESIDE_OWN if status.by_address else ""


@dataclass(frozen=True)
class Experiment:
    """One experiment of the lab."""

    id: str
    title: str
    why: str
    """Two sentences at most: what there is to find out."""
    question: Question
    settings: tuple[Setting, ...]
    button: str
    """What it does: "Send them"."""
    watch: str
    """Shown while it runs: what to look at in the blocks."""
    run: Run
    claims: tuple[str, ...] = ()
    """Ids of the course's claims: the published figures to compare with."""
    assumes: tuple[str, ...] = ()
    """Of a comparison with what did not run: what of it is computed, and from what."""
    changes: tuple[str, ...] = ()
    """What would change the result, each a sentence."""
    unable: Callable[[EngineStatus], str] = any_engine
    """A sentence where this engine cannot run it; "" where it can."""
    recording: str = ""
    """Id of a shipped recording that shows it, offered where no engine can run it and
    none of its own run ships."""
    demo: str = ""
    """The demonstration (lab.traffic.demos) that is its short form."""

    @property
    def defaults(self) -> dict[str, int | str]:
        """Its settings as they are offered."""
        return {setting.name: setting.default for setting in self.settings}
