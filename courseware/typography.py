"""Small type: what every string that a reader sees goes through."""

import re

_UNIT_SPACE = re.compile(r"(?<=\d) (?=(?:%|[KMGT]i?B|GB/s|m?s|tokens/s|min)(?!\w))")


def typeset(text: str) -> str:
    """A narrow no-break space before units; apostrophes instead of straight quotes."""
    return _UNIT_SPACE.sub("\u202f", re.sub(r"(?<=\w)'(?=\w)", "’", text))
