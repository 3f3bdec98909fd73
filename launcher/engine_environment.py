"""What the engine worker's environment needs beside the settings."""

from collections.abc import Mapping
from pathlib import Path

from lab.engine.config import EngineConfig
from lab.engine.launch import resolve_device
from launcher.machine import Machine
from launcher.nvidia import Driver
from launcher.packages import usable


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
    else:
        wanted["CUDA_DEVICE_ORDER"] = "PCI_BUS_ID"  # NVML's, which tells their memory
        if "CUDA_VISIBLE_DEVICES" not in given and (cards := good_cards(machine)):
            wanted["CUDA_VISIBLE_DEVICES"] = ",".join(cards)
        if not machine.has_flashinfer():
            wanted["VLLM_USE_FLASHINFER_SAMPLER"] = "0"  # else vLLM imports it unasked
    if not config.is_hub_model:
        wanted["HF_HUB_OFFLINE"] = "1"
    if sentence := engine_refusal(machine, config):
        wanted["ENGINE_REFUSAL"] = sentence
    return {name: value for name, value in wanted.items() if name not in given}


def good_cards(machine: Machine) -> list[str]:
    """UUIDs of the cards that vLLM runs on, where there are others beside them: a card
    that is lost or too old; empty where all are good or nothing is known."""
    driver = machine.driver()
    if not isinstance(driver, Driver):
        return []
    good = [card.uuid for card in usable(driver)]
    are_all = len(good) == len(driver.cards) and not driver.lost
    return [] if are_all or not all(good) else good


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
