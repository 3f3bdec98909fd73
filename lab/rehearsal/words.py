"""A what-if in words: the rows of its table, in the order in which they are read."""

from collections.abc import Mapping
from typing import Any, NamedTuple

SAME = (
    "With the recorded settings the rehearsal gives the recorded blocks: 0 of {} "
    "block ids differ."
)
DIFFERS = (
    "With the recorded settings {} of {} block ids differ from the recording, so that "
    "the right column is no more than close: {}"
)


class Row(NamedTuple):
    """A figure, by its name in Figures."""

    key: str
    name: str


class Told(NamedTuple):
    """A row of the table, in words."""

    name: str
    happened: str
    would_have: str
    difference: str


ROWS = (
    Row("num_steps", "Steps in which tokens were computed"),
    Row("num_tokens", "Tokens computed"),
    Row("num_twice", "Of them again, after a preemption"),
    Row("num_query_tokens", "Tokens looked up in the prefix cache"),
    Row("num_hit_tokens", "Tokens taken from the prefix cache"),
    Row("num_evictions", "Cached blocks evicted"),
    Row("num_preemptions", "Preemptions"),
    Row("mean_wait_steps", "Steps from arrival to the first, on average"),
    Row("most_wait_steps", "The longest wait, in steps"),
    Row("most_running", "Most requests running at once"),
    Row("most_blocks", "Most blocks in use at once"),
    Row("num_ended", "Requests that ended"),
)
SETTINGS = (
    Row("num_blocks", "Blocks"),
    Row("block_size", "Tokens of a block"),
    Row("max_num_seqs", "Seats (max_num_seqs)"),
    Row("max_num_batched_tokens", "Tokens a step (max_num_batched_tokens)"),
    Row("has_prefix_caching", "Prefix caching"),
)


def shown(row: Row, figures: Mapping[str, Any]) -> str:
    """A figure as it is read; one that is not known as unknown."""
    value = figures[row.key]
    if value is None:
        return "unknown"
    if row.key == "has_prefix_caching":
        return "on" if value else "off"
    return f"{value:,.1f}" if isinstance(value, float) else f"{value:,}"


def figure_rows(told: Mapping[str, Any]) -> list[Told]:
    """Of Result.to_json(): each figure, both sides, the difference."""
    return [
        _told(row, told["happened"], told["would_have"], has_difference=True)
        for row in ROWS
    ]


def setting_rows(told: Mapping[str, Any]) -> list[Told]:
    """The settings of both sides."""
    return [_told(row, told["recorded"], told["wanted"]) for row in SETTINGS]


def check_words(told: Mapping[str, Any]) -> str:
    """How far the rehearsal can be trusted."""
    check = told["check"]
    compared = f"{check['num_compared']:,}"
    if not check["num_differing"]:
        return SAME.format(compared)
    differing = f"{check['num_differing']:,}"
    return DIFFERS.format(differing, compared, check["first"])


def _told(
    row: Row,
    happened: Mapping[str, Any],
    would_have: Mapping[str, Any],
    has_difference: bool = False,
) -> Told:
    before, after = happened[row.key], would_have[row.key]
    difference = ""
    if has_difference and before is not None and after is not None:
        grown = round(after - before, 1)
        difference = f"{grown:+,}".replace("-", "−") if grown else "0"
    return Told(row.name, shown(row, happened), shown(row, would_have), difference)
