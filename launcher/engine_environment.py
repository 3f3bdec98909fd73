"""What the engine worker's environment needs beside the settings."""

import ctypes.util
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

from lab.engine.config import EngineConfig
from lab.engine.launch import resolve_device
from launcher.packages import refusal


def engine_variables(config: EngineConfig, given: Mapping[str, str]) -> dict[str, str]:
    """Variables to set; what the operator gave stays as it is."""
    wanted = {"VLLM_NO_USAGE_STATS": "1", "VLLM_LOGGING_LEVEL": "WARNING"}
    if not has_cuda_engine(config):
        wanted["VLLM_CPU_NUM_OF_RESERVED_CPU"] = "0"
        if libraries := preloads():
            wanted["LD_PRELOAD"] = ":".join(map(str, libraries))
    if not config.is_hub_model:
        wanted["HF_HUB_OFFLINE"] = "1"
    if sentence := engine_refusal(config):
        wanted["ENGINE_REFUSAL"] = sentence
    return {name: value for name, value in wanted.items() if name not in given}


def has_cuda_engine(config: EngineConfig) -> bool:
    """Whether vLLM is installed here and will use CUDA."""
    return find_spec("vllm") is not None and resolve_device(config) == "cuda"


def engine_refusal(config: EngineConfig) -> str | None:
    """Why no engine can run here with these settings; None where one can."""
    return refusal(builds_for_cpu=not has_cuda_engine(config))


def preloads() -> list[Path]:
    """tcmalloc and Intel's OpenMP where they are found: 1.5 times the tokens/s.

    A path with a space or colon cannot be preloaded and is left out.
    """
    if sys.platform != "linux":
        return []
    found = [_library("tcmalloc_minimal"), _library("iomp5")]
    return [path for path in found if path and not set(str(path)) & {" ", ":"}]


def _library(name: str) -> Path | None:
    """A shared library: in the virtual environment, else in the system."""
    for folder in (Path(sys.prefix) / "lib",):
        for path in sorted(folder.glob(f"lib{name}.so*")):
            return path.resolve()
    soname = ctypes.util.find_library(name)
    if soname is None:
        return None
    folders = ("/usr/lib", "/usr/lib64", "/usr/lib/x86_64-linux-gnu",
               "/usr/lib/aarch64-linux-gnu", "/lib64")  # fmt: skip
    paths = [Path(folder) / soname for folder in folders]
    return next((path for path in paths if path.exists()), None)
