"""Noticing that a small model turns in circles. Pure."""

TIMES = 3
SHORTEST_CHARS = 16
LONGEST_CHARS = 300


def is_circling(text: str) -> bool:
    """Whether ``text`` ends in the same passage three times in a row.

    Decoding greedily, a model that has begun to do so does not stop by itself. What
    has no letters (a rule, a table's edge) may repeat.
    """
    longest = min(LONGEST_CHARS, len(text) // TIMES)
    for period in range(SHORTEST_CHARS, longest + 1):
        last = text[-period:]
        if (
            text[-2 * period : -period] == last
            and text[-3 * period : -2 * period] == last
            and any(character.isalpha() for character in last)
        ):
            return True
    return False
