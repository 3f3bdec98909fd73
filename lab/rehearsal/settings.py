"""WhatIf: the settings that a rehearsal may change, and in what bounds. Pure."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from math import gcd
from typing import Any

from lab.errors import EngineError
from lab.tracing.groups import GroupKind
from lab.tracing.replay_notes import ReplayGroup, ReplaySettings

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
        changed: dict[str, Any] = {
            k: int(v) for k, v in asdict(self).items() if v is not None
        }
        wanted = recorded._replace(**changed)
        if recorded.groups:
            wanted = with_groups(wanted, recorded)
        else:
            _check_block_size(wanted.block_size, recorded.granule)
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


def _check_block_size(size: int, granule: int) -> None:
    if size % granule or not 0 < size <= MOST_BLOCK_SIZE:
        raise WhatIfRefused(
            f"A block of {size} tokens cannot be rehearsed: this recording tells "
            f"beginnings in steps of {granule} tokens, so that multiples of {granule} "
            f"up to {MOST_BLOCK_SIZE} can."
        )


GROUPS_KEEP_SIZE = (
    "The tokens of a block cannot be changed here: this model’s layers keep their "
    "blocks in KV-cache groups, and vLLM derives their sizes from the layers."
)
STATES_NEED_CACHE = (
    "Prefix caching cannot be changed here: with it vLLM keeps this model’s states in "
    "other blocks than without."
)


def with_groups(wanted: ReplaySettings, recorded: ReplaySettings) -> ReplaySettings:
    """The settings for a model with KV-cache groups; raises WhatIfRefused."""
    if wanted.block_size != recorded.block_size:
        raise WhatIfRefused(GROUPS_KEEP_SIZE)
    kinds = {group.kind for group in recorded.groups}
    if wanted.has_prefix_caching != recorded.has_prefix_caching:
        if GroupKind.STATE in kinds:
            raise WhatIfRefused(STATES_NEED_CACHE)
        hashed = gcd(*[group.block_size for group in recorded.groups])
        wanted = wanted._replace(hash_block_size=hashed)
    least = min(recorded.num_blocks, 1 + sum(_needs(wanted, g) for g in wanted.groups))
    _within("blocks", wanted.num_blocks, least, MOST_BLOCKS, NEEDED)
    return wanted


def _needs(settings: ReplaySettings, group: ReplayGroup) -> int:
    """Blocks that one request of the longest length takes at most; of a window with the
    tokens on their way, as vLLM admits it."""
    whole = -(-settings.max_model_len // group.block_size)
    if group.kind == GroupKind.STATE:
        return min(whole, 2)
    if group.kind == GroupKind.FULL:
        return whole
    under_way = settings.steps_in_flight * settings.max_num_batched_tokens
    return min(whole, -(-(group.window + under_way) // group.block_size) + 1)


NEEDED = " (one request of the longest length has to fit, beside the null block)"


def _within(what: str, value: int, least: int, most: int, why: str = "") -> None:
    if not least <= value <= most:
        raise WhatIfRefused(
            f"{value:,} {what} cannot be rehearsed here: {least:,} to {most:,} "
            f"can{why}."
        )
