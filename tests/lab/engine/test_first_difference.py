"""Where two greedy answers part, and how far apart the two words were."""

from collections.abc import Sequence
from typing import Any

import pytest

from lab.engine.first_difference import difference, num_common, place_of, step_of

WORDS = ["a", "b", " b", " bc", "\N{REPLACEMENT CHARACTER}", "e"]


def decode(tokens: Sequence[int]) -> str:
    return "".join(WORDS[token] for token in tokens)


def test_two_texts_are_the_same_as_far_as_whole_tokens_go() -> None:
    assert num_common(decode, [0, 1, 5], "abe") == 3
    assert num_common(decode, [0, 1, 5], "ab bc") == 2
    assert num_common(decode, [0, 1], "xyz") == 0
    assert num_common(decode, [0, 4, 5], "aé") == 2, "half a letter is no difference"


def test_the_other_sides_word_is_the_longest_that_fits() -> None:
    assert place_of(decode, [0], [5, 2, 3], "a bce") == 2
    assert place_of(decode, [0], [5, 2], "a bce") == 1
    assert place_of(decode, [0], [5, 1], "a bce") is None


def test_a_format_has_steps() -> None:
    bfloat16 = 2.0**-7
    assert step_of(20.0, bfloat16) == 0.125
    assert step_of(-15.9, bfloat16) == 0.0625
    assert step_of(0.0, bfloat16) == 0.0


@pytest.fixture(scope="module")
def model() -> Any:
    """A language model of 2 layers and 64 words, with random weights."""
    import torch
    from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=64, hidden_size=32, intermediate_size=64, num_hidden_layers=2,
        num_attention_heads=4, num_key_value_heads=2, initializer_range=0.5,
    )  # fmt: skip
    made = LlamaForCausalLM(config).to(torch.bfloat16).eval()
    made.generation_config = GenerationConfig(pad_token_id=0)
    return made


def letters(tokens: Sequence[int]) -> str:
    return "".join(chr(48 + token) for token in tokens)


def test_the_gap_is_that_of_the_models_own_logits(model: Any) -> None:
    import torch

    prompt = [5, 9, 33]
    made = model.generate(
        input_ids=torch.tensor([prompt]), do_sample=False, max_new_tokens=6
    )[0, len(prompt) :].tolist()
    with torch.inference_mode():
        logits = model(torch.tensor([[*prompt, *made[:4]]])).logits[0, -1].float()
    first, second = logits.topk(2)[1].tolist()
    assert first == made[4]

    other = letters([*made[:4], second, 0])
    found = difference(model, letters, prompt, made, other)
    assert found is not None
    assert (found["at"], found["place"], found["format"]) == (4, 2, "bfloat16")
    gap = float(logits[first] - logits[second])
    assert found["again"] == pytest.approx(gap)
    assert found["gap"] == pytest.approx(gap, abs=2 * found["step"])
    assert found["step"] == step_of(float(logits[first]), 2.0**-7)

    assert difference(model, letters, prompt, made, letters(made)) is None
    far = difference(model, letters, prompt, made, letters([*made[:4]]) + "~")
    assert far is not None and far["place"] is None
