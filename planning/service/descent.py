"""Least misfit by moving one positive value at a time, by ever smaller factors."""

from collections.abc import Callable, Sequence

Values = tuple[float, ...]


def descend(
    values: Sequence[float],
    misfit: Callable[[Values], float],
    *,
    width: float = 0.3,
    rounds: int = 40,
    narrower: float = 0.9,
) -> Values:
    """Values with a misfit no larger than that of ``values``, from where it begins.

    Each round tries four factors of each value, up to 1 ± ``width``; a round's width is
    ``narrower`` times the last one's.
    """
    best = tuple(values)
    least = misfit(best)
    for _ in range(rounds):
        for place in range(len(best)):
            for factor in (1 - width, 1 - width / 3, 1 + width / 3, 1 + width):
                moved = (*best[:place], best[place] * factor, *best[place + 1 :])
                found = misfit(moved)
                if found < least:
                    best, least = moved, found
        width *= narrower
    return best
