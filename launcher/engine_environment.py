"""What the engine worker's environment needs beside the settings."""

from collections.abc import Mapping
from pathlib import Path

from lab.engine.config import EngineConfig
from lab.engine.launch import resolve_device
from launcher.machine import Machine


def engine_variables(
    machine: Machine, config: EngineConfig, given: Mapping[str, str]
) -> dict[str, str]:
    """Variables to set; what the operator gave stays as it is."""
    wanted = {"VLLM_NO_USAGE_STATS": "1", "VLLM_LOGGING_LEVEL": "WARNING"}
    wanted["ENGINE_DRAIN_S"] = "5"  # all of it ends: no other host would take over
    if not has_cuda_engine(machine, config):
        wanted["VLLM_CPU_NUM_OF_RESERVED_CPU"] = "0"
        if libraries := preloads(machine):
            wanted["LD_PRELOAD"] = ":".join(map(str, libraries))
    elif not machine.has_flashinfer():
        wanted["VLLM_USE_FLASHINFER_SAMPLER"] = "0"  # else vLLM imports it unasked
    if not config.is_hub_model:
        wanted["HF_HUB_OFFLINE"] = "1"
    if sentence := engine_refusal(machine, config):
        wanted["ENGINE_REFUSAL"] = sentence
    return {name: value for name, value in wanted.items() if name not in given}


def has_cuda_engine(machine: Machine, config: EngineConfig) -> bool:
    """Whether vLLM is installed here and will use CUDA."""
    return machine.has_vllm() and resolve_device(config) == "cuda"


def engine_refusal(machine: Machine, config: EngineConfig) -> str | None:
    """Why no engine can run here with these settings; None where one can."""
    return machine.refusal(builds_for_cpu=not has_cuda_engine(machine, config))


def preloads(machine: Machine) -> list[Path]:
    """tcmalloc and Intel's OpenMP where they are found: 1.5 times the tokens/s.

    A path with a space or colon cannot be preloaded and is left out.
    """
    if machine.system != "Linux":
        return []
    found = [machine.library("tcmalloc_minimal"), machine.library("iomp5")]
    return [path for path in found if path and not set(str(path)) & {" ", ":"}]
