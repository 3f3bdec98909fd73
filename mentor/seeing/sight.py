"""Sight: what an answer is made of, and how things are named in it."""

from dataclasses import dataclass, field

from lab.live_state import LiveState, RequestFacts
from lab.messages import EngineStatus, RequestReport


@dataclass(frozen=True)
class Said:
    """Sentences of an answer."""

    facts: list[str]
    deep: list[str] = field(default_factory=list)
    """More, for whoever wants it deep."""


@dataclass(frozen=True)
class Sight:
    """The state of one engine, and what the question is about."""

    state: LiveState
    status: EngineStatus
    report: RequestReport | None = None
    """How the learner's last request ended."""
    block_id: int | None = None
    """The block that was named, or is marked in the viewer."""
    short_id: int | None = None
    """The request that was named, or is chosen in the viewer."""

    @property
    def subject(self) -> RequestFacts | None:
        """The request that was named, or else the learner's newest in the engine, or
        the newest of theirs that ended lately."""
        if self.short_id is not None:
            return self.state.request(self.short_id)
        mine = [self.state.request(short_id) for short_id in self.state.own]
        known = [request for request in mine if request is not None]
        live = [request for request in known if request.phase != "finished"]
        return max(live or known, key=lambda r: r.short_id, default=None)

    @property
    def others_of_mine(self) -> list[RequestFacts]:
        """Where none is named: the learner's requests in the engine besides the
        subject, newest first."""
        subject = self.subject
        if subject is None or self.short_id is not None:
            return []
        mine = [r for r in self.state.requests if r.short_id in self.state.own]
        rest = [request for request in mine if request.short_id != subject.short_id]
        return sorted(rest, key=lambda r: -r.short_id)

    @property
    def lacks_subject(self) -> str:
        """The sentence of who has no request to speak of."""
        if self.short_id is None:
            return "No request of yours is in the engine, and none ended lately."
        return (
            f"The engine has no request {name(self.short_id)}, and none of that name "
            "is among the last that ended."
        )

    def who(self, short_id: int | None) -> str:
        """A request by name; whose it is is said of the learner's own alone."""
        if short_id is None:
            return "a request that the trace does not name"
        yours = "your " if short_id in self.state.own else ""
        return f"{yours}request {name(short_id)}"

    def named(self, short_id: int | None) -> str:
        """The same, to begin a sentence with."""
        return capital(self.who(short_id))

    def blocks_for(self, num_tokens: int) -> int:
        """Blocks that so many tokens take."""
        return -(-num_tokens // self.state.block_size)

    @property
    def num_usable(self) -> int:
        """Blocks that can be handed out: all but the null block."""
        return self.state.num_blocks - 1


def name(short_id: int) -> str:
    """As the viewer shows it: 2623 is "a3f"."""
    return f"{short_id:03x}"


def names(short_ids: list[int], most: int = 8) -> str:
    """ "02d, 02e and 030"; those beyond ``most`` are counted."""
    shown = [name(short_id) for short_id in short_ids[:most]]
    return listed(shown, len(short_ids) - len(shown))


def listed(words: list[str], num_more: int = 0) -> str:
    """ "a, b and c", or "a, b, c and 4 more"."""
    if num_more:
        words = [*words, f"{count(num_more)} more"]
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))


def ranges(block_ids: list[int], most: int = 12) -> str:
    """ "1–3, 7 and 9"; ranges beyond ``most`` are counted in blocks."""
    runs: list[list[int]] = []
    for block_id in block_ids:
        if runs and block_id == runs[-1][-1] + 1:
            runs[-1].append(block_id)
        else:
            runs.append([block_id])
    rest = sum(map(len, runs[most:]))
    words = [str(r[0]) if len(r) == 1 else f"{r[0]}–{r[-1]}" for r in runs[:most]]
    return listed(words, rest)


def capital(text: str) -> str:
    """To begin a sentence with."""
    return text[:1].upper() + text[1:]


def count(number: int) -> str:
    """46592 as "46,592"."""
    return f"{number:,}"


def plural(number: int, word: str) -> str:
    """ "1 block", "2 blocks"."""
    return f"{count(number)} {word}{'' if number == 1 else 's'}"


def is_are(number: int) -> str:
    """The verb that goes with so many."""
    return "is" if number == 1 else "are"


def percent(part: float, whole: float) -> str:
    """ "95.9 %"; unknown where there is no whole."""
    return f"{100 * part / whole:.1f} %" if whole else "unknown"


def seconds(value: float | None) -> str:
    """With a unit that fits: ms, s, min or h."""
    if value is None:
        return "an unknown time"
    if value < 0.9995:
        return f"{value * 1000:.0f} ms"
    if value < 120:
        return f"{value:.1f} s"
    minutes, rest = divmod(round(value), 60)
    return f"{minutes} min {rest} s" if minutes < 120 else f"{value / 3600:.1f} h"


def mib(num_bytes: int) -> str:
    """In MiB or GiB."""
    if num_bytes >= 1 << 30:
        return f"{num_bytes / (1 << 30):.2f} GiB"
    return f"{num_bytes / (1 << 20):,.0f} MiB"
