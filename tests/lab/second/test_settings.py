"""In what a second engine may differ."""

import pytest

from lab.engine.config import EngineConfig
from lab.engine.launch import engine_arguments
from lab.errors import SecondRefused
from lab.second.settings import SecondSettings


def test_settings_become_variables_of_the_engine(tmp_path):
    wanted = SecondSettings.from_json(
        {"block_size": 64, "num_blocks": 11, "has_prefix_caching": False}
    )
    variables = wanted.variables(max_model_len=2048, main_block_size=32)
    config = EngineConfig.from_env({**variables, "DATA_DIR": str(tmp_path)})
    assert (config.block_size, config.num_blocks) == (64, 11)
    assert config.has_prefix_caching is False
    assert config.max_model_len == 640  # ten blocks: the eleventh is vLLM's null block


def test_what_is_left_out_stays_as_the_main_engine_has_it():
    variables = SecondSettings.from_json({}).variables(2048, 32)
    assert variables == {"ENGINE_PREFIX_CACHING": "on", "ENGINE_PRELOAD": "on"}
    assert SecondSettings.from_json(SecondSettings().to_json()) == SecondSettings()


def test_an_engine_that_can_sleep_is_started_so_on_a_card(tmp_path):
    wanted = SecondSettings.from_json({"can_sleep": True})
    variables = {**wanted.variables(2048, 16), "DATA_DIR": str(tmp_path)}
    config = EngineConfig.from_env(variables)
    assert engine_arguments(config, "cuda", tmp_path)["enable_sleep_mode"] is True
    assert "enable_sleep_mode" not in engine_arguments(config, "cpu", tmp_path)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"block_size": 33}, "multiple of 8"),
        ({"num_blocks": 5}, "from 6 to 4096"),
        ({"num_blocks": True}, "num_blocks is True"),
        ({"max_num_batched_tokens": "64"}, "whole number"),
        ({"model": "/etc/passwd"}, "shape:ID"),
        ({"has_cold_files": 1}, "true or false"),
        ({"LD_PRELOAD": "x"}, "no setting 'LD_PRELOAD'"),
    ],
)
def test_a_wrong_setting_is_named_with_what_is_allowed(given, words):
    with pytest.raises(SecondRefused, match=words):
        SecondSettings.from_json(given)
