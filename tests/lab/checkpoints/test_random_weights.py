"""Full-size shapes with random weights: real blocks, and the page says what is not."""

import json
from pathlib import Path

import pytest

from capacity.hardware.engine_check import checks
from lab.checkpoints import random_weights
from lab.engine import model_files
from lab.engine.config import EngineConfig
from lab.errors import SettingError
from lab.messages import EngineStatus
from tests.lab.engine_host import Listener, model_dir, question, start

SHAPE = "qwen2.5-0.5b"


def config(data_dir: Path, value: str, **more: str) -> EngineConfig:
    return EngineConfig.from_env(
        {"DATA_DIR": str(data_dir), "ENGINE_MODEL": value, **more}
    )


@pytest.fixture
def tokenizer(tmp_path: Path) -> Path:
    directory = tmp_path / "bundled"
    directory.mkdir()
    for name in ("tokenizer.json", "chat_template.jinja", "config.json", "stamp.json"):
        (directory / name).write_text(name)
    (directory / "model.safetensors").write_bytes(b"weights")
    return directory


def test_a_shape_is_the_catalogs_config_with_the_bundled_tokenizer(tmp_path, tokenizer):
    directory = tmp_path / "models" / "shape"
    random_weights.write_shape(directory, "llama-3.1-8b", tokenizer)
    names = {path.name for path in directory.iterdir()}
    assert names == {"tokenizer.json", "chat_template.jinja", "config.json"}
    found = json.loads((directory / "config.json").read_text())
    assert found["architectures"] == ["LlamaForCausalLM"]
    assert (found["num_hidden_layers"], found["hidden_size"]) == (32, 4096)
    assert random_weights.is_written(directory, "llama-3.1-8b")
    assert not random_weights.is_written(directory, "llama-3.1-70b")
    assert not list(tmp_path.glob("models/.making-*"))


def test_the_setting_names_a_shape_of_the_catalog(tmp_path):
    found = config(tmp_path, "shape:llama-3.1-8b")
    assert found.shape == "llama-3.1-8b" and found.has_random_weights
    assert found.model == str(tmp_path / "models" / "shape-llama-3.1-8b")
    assert not found.is_hub_model and not model_files.are_ready(found)


def test_a_directory_of_ones_own_may_have_random_weights_too(tmp_path, tokenizer):
    found = config(tmp_path, str(tokenizer), ENGINE_LOAD_FORMAT="dummy")
    assert found.has_random_weights and model_files.are_ready(found)
    assert not config(tmp_path, str(tokenizer)).has_random_weights


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        ("no-such-model", "there is no model 'no-such-model' in the catalog"),
        ("deepseek-v3", "cannot be served with random weights: allowed are llama-3.1"),
        ("tinyllama-1.1b", "vocabulary 32,000"),
        ("mistral-7b-v0.1", "allowed are"),
    ],
)
def test_a_shape_that_cannot_be_served_is_refused_with_what_can(tmp_path, shape, words):
    with pytest.raises(SettingError) as caught:
        config(tmp_path, f"shape:{shape}")
    sentence = str(caught.value)
    assert sentence.startswith(f"ENGINE_MODEL is 'shape:{shape}': ")
    assert words in sentence


def test_all_large_dense_models_of_the_chapter_are_among_the_shapes():
    ids = set(random_weights.shape_ids())
    assert {"llama-3.1-8b", "llama-3.1-70b", "qwen3-8b", "qwen2.5-72b"} <= ids


def test_a_model_with_sliding_windows_is_a_shape_too():
    config = random_weights.shape_config("gemma-3-1b")
    assert config["architectures"] == ["Gemma3ForCausalLM"]
    assert (config["sliding_window"], config["sliding_window_pattern"]) == (512, 6)
    assert "rope_theta" not in config  # its two kinds of layers have two


def test_whatever_names_the_model_says_what_its_weights_are():
    status = EngineStatus("host", "ready", 0.0, model="m", has_random_weights=True)
    assert status.model_in_words == "m, random weights"
    assert EngineStatus("host", "ready", 0.0, model="m").model_in_words == "m"


@pytest.mark.engine
@pytest.mark.slow
def test_a_real_engine_serves_a_shape_and_its_pool_is_the_models(tmp_path):
    directory = tmp_path / "shape"
    random_weights.write_shape(directory, SHAPE, model_dir())
    listener = Listener()
    host = start(
        listener, model=str(directory), shape=SHAPE, load_format="dummy",
        kv_cache_mb=64, max_model_len=512, max_output_tokens=128,
    )  # fmt: skip
    try:
        assert host.status.has_random_weights and host.status.model == SHAPE
        (check,) = checks([host.status])
        assert check.is_exact and check.agrees, check
        report = host.submit(question("1", "What is a block?", 96)).result(120)
        assert report.finish_reason in ("length", "stop") and report.error is None
        assert report.num_output_tokens == 96 or report.finish_reason == "stop"
        assert report.num_blocks >= report.num_prompt_tokens // 32
    finally:
        host.stop()
