"""vLLM's workers, marking each cold-start phase and telling what memory went where.

vLLM's ``worker_cls`` resolves this in its worker process. Not to be taken for a
Celery worker: in vLLM a Worker is the process that runs the model.
"""

import json
import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from vllm.platforms import current_platform

from lab.engine import phases
from lab.engine.gpu_split import Capture, CardUse, split_of

PHASES_NAME = "phases.jsonl"
SPLIT_NAME = "memory.json"

if current_platform.is_cpu():
    from vllm.v1.worker.cpu_worker import CPUWorker as BaseWorker
else:
    from vllm.v1.worker.gpu_worker import Worker as BaseWorker


class PhasedWorker(BaseWorker):
    """The platform's worker; marks phases, hands on, and writes the memory split.

    Of several workers (tensor parallel) the first one tells for all.
    """

    _kv_cache_bytes = 0

    def init_device(self) -> Any:
        self._mark(phases.DEVICE)
        return super().init_device()

    def load_model(self, *args: Any, **kwargs: Any) -> Any:
        self._mark(phases.WEIGHTS)
        return super().load_model(*args, **kwargs)

    def determine_available_memory(self) -> Any:
        self._mark(phases.PROFILE)
        return super().determine_available_memory()

    def initialize_from_config(self, kv_cache_config: Any, **kwargs: Any) -> Any:
        self._mark(phases.KV_CACHE)
        self._kv_cache_bytes = sum(
            tensor.size for tensor in kv_cache_config.kv_cache_tensors
        )
        return super().initialize_from_config(kv_cache_config, **kwargs)

    def compile_or_warm_up_model(self) -> Any:
        self._mark(phases.WARM_UP)
        times = super().compile_or_warm_up_model()
        self._write_split(self._split())
        self._mark(phases.CONNECT)
        return times

    @property
    def _run_directory(self) -> Path:
        """Where the tap lies too; in the configuration, since a forked process has the
        environment of an earlier run."""
        return Path(self.vllm_config.additional_config["tap_path"]).parent

    def _mark(self, name: str, at: float | None = None) -> None:
        if self.rank == 0:
            phases.mark(self._run_directory / PHASES_NAME, name, at)

    def _split(self) -> dict[str, int | None]:
        # The CPU's kernels repack most weights where PyTorch does not count them.
        directory = Path(self.model_config.model)
        itemsize = self.model_config.dtype.itemsize
        return {
            "weights_bytes": checkpoint_bytes(directory, itemsize),
            "kv_cache_bytes": self._kv_cache_bytes,
        }

    def _write_split(self, split: Mapping[str, int | None]) -> None:
        if self.rank == 0:
            (self._run_directory / SPLIT_NAME).write_text(json.dumps(split))


class PhasedGpuWorker(PhasedWorker):
    """On a card there is more to tell: compiling, capturing graphs, the whole split."""

    _at_start = CardUse(0)
    _capture = Capture(CardUse(0), CardUse(0))

    def init_device(self) -> Any:
        result = super().init_device()
        self._at_start = self._card_use()
        self._name_card()
        return result

    def _name_card(self) -> None:
        """By UUID, the one name that CUDA and NVML share (lab.worker.cards)."""
        path = self._run_directory / f"card-{self.rank}.uuid"
        path.write_text(f"GPU-{self._card_uuid()}")

    def determine_available_memory(self) -> Any:
        """Its first forward pass compiles the model; vLLM tells how long that took."""
        began = time.time()
        self._mark(phases.COMPILE)
        available = super(PhasedWorker, self).determine_available_memory()
        seconds = self.vllm_config.compilation_config.compilation_time
        self._mark(phases.PROFILE, began + seconds)
        return available

    def compile_or_warm_up_model(self) -> Any:
        """Graph capture is inside; it lasts to the end of the warm-up."""
        runner = self.model_runner
        capture = runner.capture_model

        def watched(*args: Any, **kwargs: Any) -> Any:
            self._mark(phases.GRAPHS)
            before = self._card_use()
            result = capture(*args, **kwargs)
            self._capture = Capture(before, self._card_use())
            return result

        runner.capture_model = watched
        try:
            return super().compile_or_warm_up_model()
        finally:
            del runner.capture_model

    def _split(self) -> dict[str, int | None]:
        weights = _tensor_bytes(self.model_runner.get_model())
        at_end = self._card_use()
        return {
            **split_of(
                weights, self._kv_cache_bytes, self._at_start, at_end, self._capture
            )
        }

    def _card_uuid(self) -> str:
        index = torch.cuda.current_device()
        return str(torch.cuda.get_device_properties(index).uuid)

    def _card_use(self) -> CardUse:
        free, total = torch.cuda.mem_get_info()
        return CardUse(total - free, torch.cuda.memory_reserved())


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
