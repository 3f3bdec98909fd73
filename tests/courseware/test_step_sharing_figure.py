"""The figure of shared steps: its places, its words, its tables."""

import json
import re

from courseware import figures
from courseware.plot import Axis, Plot


def test_an_axis_ends_at_a_round_number_over_the_most() -> None:
    assert Axis.up_to(49.8) == Axis(0, 50, 10)
    assert Axis.up_to(264.6) == Axis(0, 300, 100)
    assert Axis.up_to(512) == Axis(0, 600, 200)
    assert Axis.up_to(0.9) == Axis(0, 1.0, 0.2)
    box = Plot(10, 110, 0, 50)
    ticks = Axis(0, 4, 2).ticks(box.up)
    assert [(t["value"], t["at"]) for t in ticks] == [(0, 50), (2, 25), (4, 0)]


def test_all_that_is_drawn_lies_in_its_box() -> None:
    context = figures.step_sharing()
    plot = context["plot"]
    for name in ("by_batch", "by_itl"):
        for line in context[name]["lines"]:
            for dot in line["dots"]:
                assert plot.left <= dot["x"] <= plot.right
                assert plot.top <= dot["y"] <= plot.bottom
    for bar in context["stretch"]["bars"]:
        assert bar["x"] + bar["width"] <= context["stretch"]["box"].right
        for part in bar["parts"]:
            assert part["y"] >= context["stretch"]["limit_y"] - 0.1


def test_a_bar_says_in_words_what_it_shows() -> None:
    bars = figures.step_sharing()["stretch"]["bars"]
    assert bars[4]["words"] == (
        "step 5: 1 decoding, 289 + 222 prompt tokens, 8 waiting; 148 ms"
    )
    assert bars[-1]["words"] == "step 28: 9 decoding, 2 waiting; 43 ms"


def test_the_tables_hold_every_number_of_the_file() -> None:
    data = json.loads(figures.figure_json("step-sharing"))
    html = figures.draw_figure("step-sharing")
    rows = re.findall(r"<tr><th scope=\"row\">", html)
    points = [point for one in data["series"] for point in one["points"]]
    assert len(rows) == len(points) + len(data["stretch"])
    for point in points:
        assert f'<td class="number">{point["median_ms"]}</td>' in html
