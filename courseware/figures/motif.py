"""The blocks on the home page."""

from courseware.figures.files import Context


def home_motif() -> list[Context]:
    """Four rows of blocks in the states the course is about; the same every time."""
    kinds = []
    for index in range(160):
        row, column = divmod(index, 40)
        chance = (index * 7919 + 101) % 97
        if row in (1, 2) and 22 <= column + 3 * row <= 30:
            kinds.append("yours")
        elif column < 8:
            kinds.append("shared" if chance < 30 else "used")
        else:
            kinds.append("used" if chance < 44 else "cached" if chance < 66 else "free")
    return [
        {"kind": kind, "x": 16 * (index % 40), "y": 16 * (index // 40) + index // 40}
        for index, kind in enumerate(kinds)
    ]
