"""Plain arithmetic on figures that others published."""

from courseware.computed.shown import Value


def rest_of_100(percent: float) -> dict[str, Value]:
    """What is missing to 100 %."""
    if not 0 <= percent <= 100:
        raise ValueError(f"{percent:g} % is no share")
    return {"percent": percent, "rest": round(100 - percent, 6)}


def half_block(
    block_size: int, prompt_tokens: int, answer_tokens: int
) -> dict[str, Value]:
    """Half a block less half a token stays empty, of all that a request holds.

    Lengths are taken to fall evenly within a block. Per cent: of the final length, and
    of the mean length while the answer grows from 0 to ``answer_tokens``.
    """
    empty = (block_size - 1) / 2
    tokens = prompt_tokens + answer_tokens
    growing = prompt_tokens + answer_tokens / 2
    return {
        "block_size": block_size,
        "empty": empty,
        "prompt_tokens": prompt_tokens,
        "answer_tokens": answer_tokens,
        "tokens": tokens,
        "percent": 100 * empty / tokens,
        "growing_tokens": growing,
        "growing_percent": 100 * empty / growing,
    }
