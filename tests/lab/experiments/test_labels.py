"""Names in a drawing: none covers another, a dot or the ring of a mark."""

import random
from itertools import combinations

import pytest

from lab.experiments.drawing import BOX, drawn
from lab.experiments.labels import PLACES, Wanted, _meet, _rectangle, placed
from lab.experiments.outcome import Mark, Plot, Series

KNEE_UNDER_EIGHT = [(40.0, 20.0), (70.0, 26.0), (88.0, 40.0), (90.0, 43.0)]


def rectangles(labels: list[dict]) -> list[tuple[float, float, float, float]]:
    return [
        _rectangle(Wanted(one["words"], one["x"], one["y"]), (one["anchor"], 0.0, 0.0))
        for one in labels
    ]


def test_the_knees_name_and_the_loads_stand_apart():
    """Four and eight at once lie close; the knee is one of them."""
    series = Series("measured", KNEE_UNDER_EIGHT, "used", names=["1", "2", "4", "8"])
    for at in range(4):
        marks = [Mark("knee", *KNEE_UNDER_EIGHT[at])]
        plot = Plot("ITL", "tokens/s", "ms", [series], look="path", marks=marks)
        shown = drawn(plot)
        assert [one["words"] for one in shown["labels"]] == ["knee", "1", "2", "4", "8"]
        for one, other in combinations(rectangles(shown["labels"]), 2):
            assert _meet(one, other) == 0


@pytest.mark.parametrize("seed", range(30))
def test_labels_of_spread_points_never_meet(seed):
    draw = random.Random(seed)
    wanted = [
        Wanted(str(2**n), 60 + 55 * n + draw.uniform(-9, 9), draw.uniform(30, 140))
        for n in range(5)
    ]
    wanted.insert(0, Wanted("knee", wanted[3].x, wanted[3].y, is_ringed=True))
    labels = placed(wanted, [(one.x, one.y) for one in wanted], BOX)
    for one, other in combinations(rectangles(labels), 2):
        assert _meet(one, other) == 0
    for left, top, right, bottom in rectangles(labels):
        assert BOX.left <= left and right <= BOX.right
        assert BOX.top - 10 <= top and bottom <= BOX.bottom


def test_a_label_alone_stands_at_its_usual_place():
    (label,) = placed([Wanted("4", 100.0, 80.0)], [(100.0, 80.0)], BOX)
    assert (label["anchor"], label["x"] - 100, label["y"] - 80) == PLACES[0]
