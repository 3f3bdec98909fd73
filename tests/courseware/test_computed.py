"""The functions behind claims: what each says, and what it refuses."""

import pytest

from courseware.computed.registry import FUNCTIONS, NotComputed, compute, in_words
from courseware.computed.shown import show, span
from planning.interval import Interval


def test_bytes_of_a_token_are_layers_times_heads() -> None:
    found = compute("kv_cache", {"model": "llama-3.1-8b", "tokens": 8192})
    assert found["bytes_per_token"] == 2 * 32 * 8 * 128 * 2
    assert found["gib"] == 1
    half = compute("kv_cache", {"model": "llama-3.1-8b", "kv_cache_dtype": "fp8"})
    assert half["bytes_per_token"] == 32 * 8 * 128 * 2


def test_weights_are_those_of_the_files() -> None:
    found = compute("weights", {"model": "llama-3.1-8b"})
    assert found["gb"] == pytest.approx(8_030_261_248 * 2 / 1e9)
    awq = compute("weights", {"model": "llama-3.1-70b", "weights": "awq"})
    assert awq["gb"] == pytest.approx(39.8, abs=0.1)
    assert awq["other_bits"] == pytest.approx(4 + 20 / 128, abs=0.01)


def test_a_step_reads_all_but_the_input_embeddings() -> None:
    found = compute("decode_bound", {"card": "h100-sxm", "model": "llama-3.1-8b"})
    tables = 128_256 * 4096 * 2 / 1e9
    assert found["read_gb"] == pytest.approx(16.0605 - tables, abs=0.001)
    assert found["tokens_per_s"] == pytest.approx(223, abs=0.5)
    tied = compute("weights", {"model": "llama-3.2-1b"})
    assert tied["read_gb"] == pytest.approx(tied["gb"])


def test_a_mixture_of_experts_reads_a_part_for_one_and_is_not_batched() -> None:
    found = compute("decode_bound", {"card": "h100-sxm", "model": "qwen3-30b-a3b"})
    assert found["read_gb"] < 0.15 * found["weights_gb"]
    with pytest.raises(NotComputed, match="other experts for each token"):
        compute("step_reads", {"model": "qwen3-30b-a3b", "requests": 8, "tokens": 100})


@pytest.mark.parametrize(
    ("tokens", "times"), [(500, 1.13), (2000, 1.5), (4096, 2.0), (8192, 2.9)]
)
def test_thirty_requests_read_more_than_one_the_longer_they_are(
    tokens: int, times: float
) -> None:
    given = {"model": "llama-3.1-8b", "requests": 30, "tokens": tokens}
    assert compute("step_reads", given)["times_one"] == pytest.approx(times, abs=0.05)


@pytest.mark.parametrize(
    ("name", "given", "reason"),
    [
        ("kv_cache", {"model": "llama-9"}, "no model 'llama-9'"),
        ("weights", {"model": "llama-2-7b", "weights": "1bit"}, "there is no '1bit'"),
        ("card", {"card": 7}, "takes for card a str, not 7"),
        ("kv_cache", {"model": "llama-2-7b", "tokens": 1.5}, "a int, not 1.5"),
        ("break_even", {"pod": "modal-t4", "serverless": "modal-t4"}, "by the hour"),
        ("keep_alive", {"requests_per_h": -1, "service_s": 1, "start_s": 1,
                        "idle_timeout_s": 1}, "0 or more"),
        ("keep_warm", {"serverless": "runpod-flex-h100-sxm", "every_s": 60,
                       "start_s": 60, "work_s": 1, "idle_s": 5}, "does not go down"),
        ("load_at_rate", {"measured_s": 1, "measured_gib": 0, "for_gb": 1},
         "cannot be"),
        ("break_even_range", {"confidence": "none"}, "no pair of prices"),
    ],
)  # fmt: skip
def test_an_input_that_cannot_be_used_is_refused_in_words(
    name: str, given: dict[str, object], reason: str
) -> None:
    with pytest.raises(NotComputed, match=reason):
        compute(name, given)  # type: ignore[arg-type]


def test_how_a_figure_was_computed_is_told_in_words() -> None:
    words = in_words("kv_cache", {"model": "llama-3.1-8b", "tokens": 8192})
    assert words.startswith("Bytes of KV cache, from the layers and KV heads of")
    assert words.endswith("(model llama-3.1-8b, tokens 8,192).")
    assert len(FUNCTIONS) >= 15


def test_figures_are_printed_with_separators_or_as_asked() -> None:
    assert [show(131_072), show(20.4), show(0.00116)] == ["131,072", "20.4", "0.00116"]
    assert show(95.546, ".0f") == "96" and show(12.0, ",.1f") == "12.0"
    assert span(Interval(24, 25, 26), ",.0f") == "24–26"
    assert span(Interval.exact(44.42)) == "44.42"
