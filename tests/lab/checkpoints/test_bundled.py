"""The bundled model: converted once, whole or not at all."""

import json
from pathlib import Path

import pytest

from lab.checkpoints import bundled
from lab.errors import EngineUnavailable
from tests.lab.engine_host import model_dir


@pytest.fixture
def small(monkeypatch, tmp_path: Path) -> Path:
    """A conversion that writes a few bytes instead of 270 MB; returns its target."""
    source = tmp_path / "model.gguf"
    source.write_bytes(b"GGUF")
    monkeypatch.setattr(bundled, "gguf_path", lambda: source)
    monkeypatch.setattr(
        bundled, "_write_model", lambda source, to: (to / "weights").write_text("w")
    )
    return tmp_path / "models" / "small"


def test_a_conversion_is_done_once_and_known_as_whole(small):
    assert not bundled.is_converted(small)
    bundled.convert(small)
    assert bundled.is_converted(small)
    assert (small / "weights").stat().st_mode & 0o044 == 0o044


def test_a_file_cut_short_is_converted_again(small):
    bundled.convert(small)
    (small / "weights").write_text("")
    assert not bundled.is_converted(small)
    bundled.convert(small)
    assert bundled.is_converted(small)


def test_a_newer_conversion_replaces_an_older_one(small, monkeypatch):
    bundled.convert(small)
    monkeypatch.setattr(bundled, "CONVERSION_VERSION", bundled.CONVERSION_VERSION + 1)
    assert not bundled.is_converted(small)


def test_a_conversion_that_fails_leaves_what_was_there(small, monkeypatch):
    bundled.convert(small)

    def fail(source: Path, to: Path) -> None:
        (to / "weights").write_text("half")
        raise RuntimeError("out of memory")

    monkeypatch.setattr(bundled, "_write_model", fail)
    with pytest.raises(RuntimeError):
        bundled.convert(small)
    assert bundled.is_converted(small)
    assert [path.name for path in small.parent.iterdir()] == ["small"]


def test_a_missing_package_is_a_sentence(monkeypatch):
    monkeypatch.setattr(bundled, "PACKAGE", "no_such_package")
    with pytest.raises(EngineUnavailable, match="run make setup"):
        bundled.gguf_path()


@pytest.mark.engine
def test_the_real_conversion_answers_as_a_chat_model():
    directory = model_dir()
    stamp = json.loads((directory / bundled.STAMP_NAME).read_text())
    assert stamp["gguf_sha256"].startswith("b179c9523d0e6a0f")

    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(directory)
    model = AutoModelForCausalLM.from_pretrained(directory)
    chat = [{"role": "user", "content": "What is the capital of France?"}]
    prompt = tokenizer.apply_chat_template(
        chat, add_generation_prompt=True, return_tensors="pt", return_dict=True
    )
    output = model.generate(**prompt, max_new_tokens=20, do_sample=False)[0]
    answer = tokenizer.decode(output[prompt["input_ids"].shape[1] :])
    assert answer == "The capital of France is Paris.<|im_end|>"
