"""A LoRA adapter: trained beside frozen weights, merged into them, the same answer."""

import json

import pytest

pytestmark = pytest.mark.engine
torch = pytest.importorskip("torch")


class Tokenizer:
    """Letters as tokens."""

    eos_token_id = 1

    def apply_chat_template(self, messages, **_):
        return self.encode("".join(message["content"] for message in messages))

    def encode(self, text, **_):
        return [2 + ord(letter) % 60 for letter in text]


@pytest.fixture
def model():
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=64,
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
    )
    return LlamaForCausalLM(config)


@pytest.fixture
def lessons(tmp_path):
    path = tmp_path / "lessons.jsonl"
    rows = [
        {
            "messages": [{"role": "user", "content": "abc" * (1 + n % 3)}],
            "answer": "cab",
            "is_held_out": n == 7,
        }
        for n in range(8)
    ]
    path.write_text("\n".join(map(json.dumps, rows)))
    return path


def test_what_is_learnt_is_merged_and_the_model_answers_the_same(
    model, lessons, tmp_path
):
    from lab.checkpoints import adapter, training

    learnt, held_out = training.read_lessons(lessons, Tokenizer())
    assert (len(learnt), len(held_out)) == (7, 1)
    before = {name: p.clone() for name, p in model.named_parameters()}
    layers = training.adapt(model)
    losses = list(training.train(model, learnt, steps=12, batch=4, seed=0))
    assert losses[-1] < losses[0]
    with torch.no_grad():
        trained = float(training.loss_of(model, held_out))
    path = tmp_path / "adapter.safetensors"
    training.save(layers, path, steps=12)
    plain = type(model)(model.config)
    weights = dict(before)
    assert adapter.merge(weights, path) == len(layers) == 14
    plain.load_state_dict(weights)
    with torch.no_grad():
        assert float(training.loss_of(plain, held_out)) == pytest.approx(
            trained, abs=0.02
        )
    changed = [n for n, p in plain.named_parameters() if not torch.equal(p, before[n])]
    assert all(name.endswith("_proj.weight") for name in changed)


def test_an_adapter_of_another_model_is_refused(model, tmp_path):
    from safetensors.torch import save_file

    from lab.checkpoints import adapter

    path = tmp_path / "adapter.safetensors"
    names = [f"base_model.model.other.lora_{letter}.weight" for letter in "AB"]
    save_file(
        {name: torch.zeros(1, 1) for name in names}, str(path), {"r": "1", "alpha": "1"}
    )
    with pytest.raises(ValueError, match="changes other"):
        adapter.merge(model.state_dict(), path)
