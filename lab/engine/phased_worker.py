"""vLLM's workers, marking each cold-start phase and telling what memory went where.

vLLM's ``worker_cls`` resolves this in its worker process. Not to be taken for a
Celery worker: in vLLM a Worker is the process that runs the model.
"""

import json
import math
import os
from pathlib import Path
from typing import Any

import torch
from vllm.platforms import current_platform

from lab.engine import phases

RUN_DIRECTORY_VARIABLE = "SERVELAB_RUN_DIRECTORY"
PHASES_NAME = "phases.jsonl"
SPLIT_NAME = "memory.json"

if current_platform.is_cpu():
    from vllm.v1.worker.cpu_worker import CPUWorker as BaseWorker
else:
    from vllm.v1.worker.gpu_worker import Worker as BaseWorker


def _run_directory() -> Path:
    return Path(os.environ[RUN_DIRECTORY_VARIABLE])


def _mark(name: str) -> None:
    phases.mark(_run_directory() / PHASES_NAME, name)


class PhasedWorker(BaseWorker):
    """The platform's worker; marks phases, hands on, and writes the memory split."""

    _kv_cache_bytes: int | None = None

    def init_device(self) -> Any:
        _mark(phases.DEVICE)
        return super().init_device()

    def load_model(self, *args: Any, **kwargs: Any) -> Any:
        _mark(phases.WEIGHTS)
        return super().load_model(*args, **kwargs)

    def determine_available_memory(self) -> Any:
        _mark(phases.PROFILE)
        return super().determine_available_memory()

    def initialize_from_config(self, kv_cache_config: Any, **kwargs: Any) -> Any:
        _mark(phases.KV_CACHE)
        self._kv_cache_bytes = sum(
            tensor.size for tensor in kv_cache_config.kv_cache_tensors
        )
        return super().initialize_from_config(kv_cache_config, **kwargs)

    def compile_or_warm_up_model(self) -> Any:
        _mark(phases.WARM_UP)
        times = super().compile_or_warm_up_model()
        self._write_split()
        _mark(phases.CONNECT)
        return times

    def _write_split(self) -> None:
        """Bytes of weights and KV cache; on a GPU also what else PyTorch holds."""
        split = {"kv_cache_bytes": self._kv_cache_bytes}
        if current_platform.is_cpu():
            # The CPU's kernels repack most weights where PyTorch does not count them.
            directory = Path(self.model_config.model)
            split["weights_bytes"] = checkpoint_bytes(
                directory, self.model_config.dtype.itemsize
            )
        else:
            weights = _tensor_bytes(self.model_runner.get_model())
            held = torch.cuda.memory_reserved()
            split["weights_bytes"] = weights
            split["other_bytes"] = held - weights - (self._kv_cache_bytes or 0)
        (_run_directory() / SPLIT_NAME).write_text(json.dumps(split))


def _tensor_bytes(model: Any) -> int:
    """Bytes of all parameters and buffers; tied ones count once."""
    tensors = {
        tensor.data_ptr(): tensor.numel() * tensor.element_size()
        for tensor in (*model.parameters(), *model.buffers())
    }
    return sum(tensors.values())


def checkpoint_bytes(directory: Path, itemsize: int) -> int | None:
    """Elements of the checkpoint's tensors x ``itemsize`` bytes of the served dtype;
    None where there is no directory of safetensors files (a hub name).

    A safetensors file begins with the length of its JSON header (8 bytes, little
    endian), which names the shape of each tensor.
    """
    num_elements = 0
    paths = sorted(directory.glob("*.safetensors"))
    for path in paths:
        with path.open("rb") as file:
            header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        header.pop("__metadata__", None)
        num_elements += sum(math.prod(tensor["shape"]) for tensor in header.values())
    return num_elements * itemsize if paths else None
