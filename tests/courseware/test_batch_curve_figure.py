"""The figure of the batch: planning's numbers, in places and in words."""

from courseware import figures
from courseware.figures.batch_curve import batch_curve_context


def row(context: dict, batch: int) -> dict:
    return next(one for one in context["rows"] if one["batch"] == batch)


def test_one_request_alone_and_thirty_of_llama_8b_on_an_h100() -> None:
    """15.01 GB ÷ 3,350 GB/s with 0.27 GB of cache; 30 of them read 8.05 GB."""
    context = figures.batch_curve()
    assert row(context, 1)["each"] == "219"
    thirty = row(context, 30)
    assert (thirty["weights_gb"], thirty["kv_gb"]) == ("15.0", "8.1")
    assert thirty["times"] == "1.51"


def test_it_says_where_the_cache_outweighs_the_weights() -> None:
    sentence = figures.batch_curve()["sentence"]
    assert sentence.startswith("From 56 requests on a step reads more cache than weigh")
    assert "arithmetic never takes longer" in sentence


def test_short_requests_are_bound_by_arithmetic_within_memory() -> None:
    context = batch_curve_context("llama-3.1-8b", "h100-sxm", 128)
    assert "from 441 on arithmetic takes longer than reading" in context["sentence"]


def test_what_is_drawn_lies_in_the_plot() -> None:
    for model_id, card in (("llama-3.1-8b", "h100-sxm"), ("qwen3-30b-a3b", "b200-sxm")):
        context = batch_curve_context(model_id, card, 2_048)
        plot = context["plot"]
        for line in (context["all"], context["each"]):
            assert all(plot.left <= dot["x"] <= plot.right for dot in line["dots"])
            assert all(0 <= dot["y"] <= plot.bottom for dot in line["dots"])
        for bar in context["bars"]:
            assert plot.top <= bar["kv_y"] <= bar["weights_y"] <= plot.bottom
