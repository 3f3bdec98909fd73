"""The table of known misses in docs/hardware.md has the bench's own numbers."""

import re
from pathlib import Path

from benchmarks.sizing import Judged, bundled, left_out_newer

DOCS = Path(__file__).parents[3] / "docs" / "hardware.md"
POOL_PCT, WEIGHTS_PCT = 5.0, 0.5
ROW = re.compile(
    r"^\| `([^`]+)` \| ([-\d.]*) ?\| ([-\d.]*) ?\| (yes|no) \| .+ \|$", re.M
)


def is_miss(one: Judged) -> bool:
    if one.found is None:
        return True
    pool, weights = one.found.pool_error_pct, one.found.weights_error_pct
    is_off = abs(pool or 0) > POOL_PCT or abs(weights or 0) > WEIGHTS_PCT
    return is_off or one.found.is_pool_covered is False


def as_row(one: Judged) -> tuple[str, ...]:
    assert one.found is not None
    pool, weights = one.found.pool_error_pct, one.found.weights_error_pct
    covered = "no" if one.found.is_pool_covered is False else "yes"
    return str(one.row["id"]), shown(pool), shown(weights), covered


def shown(pct: float | None) -> str:
    return "" if pct is None else f"{pct:.1f}"


def test_the_docs_name_every_miss_with_its_size() -> None:
    text = DOCS.read_text(encoding="utf-8")
    told = {tuple(cell.strip() for cell in row) for row in ROW.findall(text)}
    missed = [one for one in (*bundled(), *left_out_newer()) if is_miss(one)]
    assert told == {as_row(one) for one in missed}
