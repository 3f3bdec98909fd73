"""A start as a ratio to a plain vllm serve."""

from dataclasses import replace

import pytest

from benchmarks import start, vllm_serve
from lab.engine.config import EngineConfig


def test_each_start_is_compared_with_the_serve_after_it():
    found = start.results([1.0, 1.0, 1.0], [8.0, 9.0, 10.0], [16.0, 12.0, 20.0])
    values = {one["name"]: one["value"] for one in found}
    assert values["ratio_to_vllm_serve"] == 0.5
    assert values["engine_ready_s"] == 9.0
    assert values["vllm_serve_s"] == 16.0
    assert len(start.results([1.0], [8.0], [])) == 2


def test_vllm_serve_gets_the_products_arguments_and_none_of_our_classes(tmp_path):
    config = EngineConfig.from_env({"DATA_DIR": str(tmp_path), "ENGINE_DEVICE": "cpu"})
    words = vllm_serve.command(replace(config, is_preloading=False), 8123)
    assert words[3:5] == ["--model", config.model]
    assert "--enforce-eager" in words and "--no-trust-remote-code" in words
    assert words[words.index("--max-model-len") + 1] == "2048"
    assert not any("lab." in word or "tap" in word for word in words[5:])


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("enable_prefix_caching", True, ["--enable-prefix-caching"]),
        ("enable_prefix_caching", False, ["--no-enable-prefix-caching"]),
        ("max_num_seqs", 32, ["--max-num-seqs", "32"]),
    ],
)
def test_an_argument_becomes_an_option(name, value, words):
    assert vllm_serve.option(name, value) == words


def test_vllm_knows_every_option():
    """Its own parser takes them."""
    utils = pytest.importorskip("vllm.utils.argparse_utils")
    arg_utils = pytest.importorskip("vllm.engine.arg_utils")
    parser = arg_utils.AsyncEngineArgs.add_cli_args(utils.FlexibleArgumentParser())
    config = EngineConfig.from_env({"ENGINE_DEVICE": "cpu"})
    words = vllm_serve.command(config, 1)
    known = parser.parse_args(words[9:])
    assert known.enforce_eager is True and known.max_num_seqs == 32
