"""WhatIf: the settings that a rehearsal may change, and in what bounds. Pure."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from lab.errors import EngineError
from lab.tracing.replay_notes import ReplaySettings

MOST_BLOCKS = 1 << 17
MOST_BLOCK_SIZE = 256
MOST_SEQS = 1_024
MOST_TOKENS = 1 << 20


class WhatIfRefused(EngineError):
    """A sentence: what cannot be rehearsed, or under which settings not."""


@dataclass(frozen=True)
class WhatIf:
    """vLLM's names; None is as recorded."""

    num_blocks: int | None = None
    block_size: int | None = None
    max_num_seqs: int | None = None
    max_num_batched_tokens: int | None = None
    has_prefix_caching: bool | None = None

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "WhatIf":
        """Raises WhatIfRefused where a value is of a wrong kind."""
        given = {name: values[name] for name in cls.names() if values.get(name) != ""}
        for name, value in given.items():
            wanted = bool if name == "has_prefix_caching" else int
            if value is not None and type(value) is not wanted:
                raise WhatIfRefused(f"{name} is {value!r}: {wanted.__name__} is taken.")
        return cls(**given)

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """Of the settings, in the order in which they are shown."""
        return tuple(cls.__dataclass_fields__)

    def to_json(self) -> dict[str, Any]:
        """All of them."""
        return asdict(self)

    def of(self, recorded: ReplaySettings) -> ReplaySettings:
        """The recorded settings with these in their place; raises WhatIfRefused, a
        sentence with the value and what is allowed."""
        changed = {k: int(v) for k, v in asdict(self).items() if v is not None}
        wanted = recorded._replace(**changed)
        granule = recorded.granule
        if wanted.block_size % granule or not 0 < wanted.block_size <= MOST_BLOCK_SIZE:
            raise WhatIfRefused(
                f"A block of {wanted.block_size} tokens cannot be rehearsed: this "
                f"recording tells beginnings in steps of {granule} tokens, so that "
                f"multiples of {granule} up to {MOST_BLOCK_SIZE} can."
            )
        needed = -(-wanted.max_model_len // wanted.block_size) + 1
        _within("blocks", wanted.num_blocks, needed, MOST_BLOCKS, NEEDED)
        _within("seats (max_num_seqs)", wanted.max_num_seqs, 1, MOST_SEQS)
        least = wanted.max_num_seqs
        if not wanted.has_chunked_prefill:
            least = max(least, wanted.max_model_len)
        tokens = wanted.max_num_batched_tokens
        _within("tokens a step (max_num_batched_tokens)", tokens, least, MOST_TOKENS)
        return wanted

    def without_recorded(self, recorded: ReplaySettings) -> "WhatIf":
        """Only what differs from the recording."""
        same = {
            name: None
            for name, value in asdict(self).items()
            if value is not None and int(value) == getattr(recorded, name)
        }
        return replace(self, **same)

    @property
    def is_as_recorded(self) -> bool:
        """Whether nothing is changed."""
        return not any(value is not None for value in asdict(self).values())


NEEDED = " (one request of the longest length has to fit, beside the null block)"


def _within(what: str, value: int, least: int, most: int, why: str = "") -> None:
    if not least <= value <= most:
        raise WhatIfRefused(
            f"{value:,} {what} cannot be rehearsed here: {least:,} to {most:,} "
            f"can{why}."
        )
