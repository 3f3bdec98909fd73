"""The checklist of cards: who fits on each, asked of the hardware calculator."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from courseware.computed.cards import estimate_on, visible
from courseware.computed.shown import show, span
from planning.catalog.gpus import gpu
from planning.memory.sizing import MemoryEstimate
from planning.written_numbers import plain_number

MAX_USERS, MAX_CONTEXT = 10_000, 1_000_000
DEFAULT_USERS, DEFAULT_CONTEXT = 8, 4096


@dataclass(frozen=True)
class CardQuery:
    """What a reader asks of the list."""

    model: str
    """The id of one of the figure's models."""
    users: int = DEFAULT_USERS
    context: int = DEFAULT_CONTEXT
    """Tokens of each user."""
    only: bool = False
    """Leave out the cards that do not hold them."""


def read_query(given: Mapping[str, str], data: Mapping[str, Any]) -> CardQuery:
    """The query of a link; what cannot be read is as at first, or the nearest."""
    ids = [model["id"] for model in data["models"]]
    asked = given.get("model", "")
    return CardQuery(
        model=asked if asked in ids else ids[0],
        users=_whole(given.get("users", ""), DEFAULT_USERS, MAX_USERS),
        context=_whole(given.get("context", ""), DEFAULT_CONTEXT, MAX_CONTEXT),
        only=given.get("only", "") != "",
    )


def _whole(text: str, default: int, most: int) -> int:
    digits = plain_number(text)[:12]
    if not (digits.isascii() and digits.isdigit()):
        return default
    return min(max(int(digits), 1), most)


def card_list(query: CardQuery, data: Mapping[str, Any]) -> dict[str, Any]:
    """The context of the figure: its cards with a verdict each, and a sentence."""
    model = next(one for one in data["models"] if one["id"] == query.model)
    rows = [_row(card, model, query) for card in data["cards"]]
    num_holding = sum(row["holds"] for row in rows)
    users = "1 user" if query.users == 1 else f"{query.users:,} users"
    return {
        "query": query,
        "models": data["models"],
        "limits": {"users": MAX_USERS, "context": MAX_CONTEXT},
        "cards": [row for row in rows if row["holds"] or not query.only],
        "words": f"{num_holding} of {len(rows)} cards hold {model['name']} for {users} "
        f"with {query.context:,} tokens each.",
    }


def _row(
    card: Mapping[str, str], model: Mapping[str, str], query: CardQuery
) -> dict[str, Any]:
    found = gpu(card["gpu"])
    estimate = estimate_on(
        found, model["model"], model.get("weights", ""), query.context, query.users
    )
    return {
        "name": found.name,
        "memory_gb": show(found.memory_gb),
        "visible_gib": visible(found),
        "bandwidth_gb_s": found.mem_bw_gbs,
        "good_for": card["good_for"],
        "holds": estimate.fits,
        "wants_more": not estimate.fits and not estimate.is_too_long,
        "verdict": verdict(estimate),
    }


def verdict(estimate: MemoryEstimate) -> str:
    """Who fits on one card, in a few words, with the estimate's interval."""
    for applies, words in _VERDICTS:
        if applies(estimate):
            return words(estimate)
    return f"perhaps: {_users(estimate)}"


def _users(estimate: MemoryEstimate) -> str:
    return span(estimate.users, ",.0f")


_VERDICTS: tuple[
    tuple[Callable[[MemoryEstimate], bool], Callable[[MemoryEstimate], str]], ...
] = (
    (
        lambda e: e.is_too_long,
        lambda e: f"over the model's {e.settings.model.longest_context:,} tokens",
    ),
    (lambda e: e.users.high < 1, lambda e: "too small"),
    (lambda e: e.fits_surely, lambda e: f"fits, up to {_users(e)}"),
    (lambda e: not e.fits_perhaps, lambda e: f"{_users(e)} users only"),
)
