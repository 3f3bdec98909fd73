"""What the engine's process is given: CPU switches only where the CPU serves."""

import pytest

from lab.engine.config import EngineConfig
from launcher.engine_environment import engine_refusal, engine_variables
from tests.launcher.machines import MadeUpMachine

OF_THE_CPU = {"VLLM_CPU_NUM_OF_RESERVED_CPU", "LD_PRELOAD"}


@pytest.fixture
def given(tmp_path):
    """Settings of one device."""

    def config(device: str) -> EngineConfig:
        return EngineConfig.from_env(
            {"DATA_DIR": str(tmp_path), "ENGINE_DEVICE": device}
        )

    return config


@pytest.fixture
def machine() -> MadeUpMachine:
    """One with vLLM and libraries to preload, whose processor vLLM refuses."""
    return MadeUpMachine(has_avx2=False)


def test_the_cpu_engine_gets_its_switches(machine, given):
    assert engine_variables(machine, given("cpu"), {}).keys() >= OF_THE_CPU


def test_the_cuda_engine_gets_none_of_them(machine, given):
    variables = engine_variables(machine, given("cuda"), {})
    assert not variables.keys() & OF_THE_CPU
    assert variables["HF_HUB_OFFLINE"] == "1"


def test_a_processor_that_vllm_refuses_may_still_have_a_card(machine, given):
    assert "needs a processor with AVX2" in engine_refusal(machine, given("cpu"))
    assert engine_refusal(machine, given("cuda")) is None
    assert "ENGINE_REFUSAL" not in engine_variables(machine, given("cuda"), {})


def test_without_vllm_the_machine_itself_is_judged(machine, given):
    machine.is_vllm_installed = False
    assert "needs a processor with AVX2" in engine_refusal(machine, given("cuda"))


def test_where_flashinfer_is_left_out_vllm_samples_without_it(machine, given):
    switch = "VLLM_USE_FLASHINFER_SAMPLER"
    assert switch not in engine_variables(machine, given("cuda"), {})
    machine.is_flashinfer_installed = False
    assert engine_variables(machine, given("cuda"), {})[switch] == "0"
    assert switch not in engine_variables(machine, given("cuda"), {switch: "1"})
    assert switch not in engine_variables(machine, given("cpu"), {})
