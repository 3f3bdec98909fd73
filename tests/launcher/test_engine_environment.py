"""What the engine's process is given: CPU switches only where the CPU serves."""

import pytest

from lab.engine.config import EngineConfig
from launcher import engine_environment
from launcher.engine_environment import engine_refusal, engine_variables

OF_THE_CPU = {"VLLM_CPU_NUM_OF_RESERVED_CPU", "LD_PRELOAD"}


@pytest.fixture
def given(tmp_path, monkeypatch):
    """Settings of one device, on a machine with vLLM and a library to preload."""
    monkeypatch.setattr(engine_environment, "find_spec", lambda name: object())
    monkeypatch.setattr(engine_environment, "preloads", lambda: [tmp_path])
    monkeypatch.setattr(
        engine_environment,
        "refusal",
        lambda *, builds_for_cpu: "It has no AVX2." if builds_for_cpu else None,
    )

    def config(device: str) -> EngineConfig:
        return EngineConfig.from_env(
            {"DATA_DIR": str(tmp_path), "ENGINE_DEVICE": device}
        )

    return config


def test_the_cpu_engine_gets_its_switches(given):
    assert engine_variables(given("cpu"), {}).keys() >= OF_THE_CPU


def test_the_cuda_engine_gets_none_of_them(given):
    variables = engine_variables(given("cuda"), {})
    assert not variables.keys() & OF_THE_CPU
    assert variables["HF_HUB_OFFLINE"] == "1"


def test_a_processor_that_vllm_refuses_may_still_have_a_card(given):
    assert engine_refusal(given("cpu")) == "It has no AVX2."
    assert engine_refusal(given("cuda")) is None
    assert "ENGINE_REFUSAL" not in engine_variables(given("cuda"), {})


def test_without_vllm_the_machine_itself_is_judged(given, monkeypatch):
    monkeypatch.setattr(engine_environment, "find_spec", lambda name: None)
    assert engine_refusal(given("cuda")) == "It has no AVX2."
