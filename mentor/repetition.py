"""An answer that ended because it repeated itself, without its echo. Pure."""


def without_echo(text: str) -> str:
    """``text`` without its last passage where the passage before it is the same.

    The engine ends an answer when some tokens come twice in a row, so the text ends in
    a passage and its copy; the longest such pair is taken.
    """
    stripped = text.rstrip()
    for length in range(len(stripped) // 2, 0, -1):
        start = len(stripped) - length
        if stripped[start - length : start] == stripped[start:]:
            return stripped[:start].rstrip()
    return text
