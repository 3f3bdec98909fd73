"""Which hosts the viewers of a process look at, and the groups that follow from it.

large    followed, or held by an experiment    keyframes, deltas, memory
small    beside it, where a viewer asks        keyframes of all other hosts
"""

from collections import Counter
from collections.abc import Iterable, Set

from lab.messages import frames_group, keyframes_group, memory_group


class Shown:
    """Counts, so that a viewer who comes or goes costs the same among many."""

    def __init__(self) -> None:
        self._large: Counter[str] = Counter()
        self.num_overviews = 0
        """Viewers who show all hosts small."""
        self.owed: set[str] = set()
        """Hosts newly heard: what is known of them is old until a keyframe comes."""

    @property
    def large(self) -> Set[str]:
        """Hosts that are followed or held."""
        return self._large.keys()

    def add(self, engine_host_id: str) -> None:
        """One more looks at it."""
        self._large[engine_host_id] += 1

    def remove(self, engine_host_id: str) -> None:
        """One less."""
        self._large[engine_host_id] -= 1
        if self._large[engine_host_id] <= 0:
            del self._large[engine_host_id]

    def groups(self, known: Iterable[str]) -> list[str]:
        """Groups to hear, where these hosts are known."""
        groups = [
            group_of(host)
            for host in self._large
            for group_of in (keyframes_group, frames_group, memory_group)
        ]
        if self.num_overviews:
            groups += [keyframes_group(host) for host in known]
        return groups

    def note_heard(self, groups: Set[str], known: Iterable[str]) -> None:
        """A keyframe is owed by whom nothing, or no deltas, were heard of before."""
        for host in {*self._large, *known}:
            if {keyframes_group(host), frames_group(host)} & groups:
                self.owed.add(host)

    def is_shown(self, engine_host_id: str) -> bool:
        """Whether anybody sees anything of it."""
        return bool(self.num_overviews) or engine_host_id in self._large
