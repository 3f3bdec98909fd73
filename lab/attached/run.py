"""AttachedRun: one life of an engine that others own, as its tap tells it."""

import time
from pathlib import Path
from typing import Any

from lab.engine.config import EngineConfig
from lab.engine.launch import EngineRun, machine_name
from lab.messages import PhaseTiming
from lab.tracing.own_tap import AttachedTap, read_facts
from lab.tracing.tap import TapError

_SIZES = ("num_blocks", "block_size", "max_model_len", "max_num_seqs")


class AttachedRun(EngineRun):
    """Nothing of it reaches the engine: what would be said to it says nothing."""

    tap: AttachedTap

    def __init__(self, config: EngineConfig, number: int) -> None:
        """Raises TapError where no engine writes into ``config.attach``."""
        self.config = config
        self.number = number
        self.started_at = time.time()
        self.ended_start_at: float | None = None
        self.llm = self.tokenizer = None
        self.is_tracing = True
        self.directory = Path(config.attach)
        self.split_path = self.directory / "memory.json"
        self._facts = _facts(self.directory)
        self.num_blocks: int = self._facts["num_blocks"]
        self.block_size: int = self._facts["block_size"]
        self.max_model_len: int = self._facts["max_model_len"]
        self.tap = AttachedTap(self.directory / self._facts["ring"])
        if not self.tap.is_alive:
            self.tap.close()
            raise TapError("The engine that wrote this tap has ended.")

    async def start(self) -> None:
        """It runs already."""

    def finish_start(self) -> None:
        """How long that took was not seen."""

    @property
    def is_dead(self) -> bool:
        """Whether its process is gone, or another engine writes the tap."""
        return not self.tap.is_alive

    def phases(self) -> list[PhaseTiming]:
        """Its cold start was not seen."""
        return []

    def facts(self) -> dict[str, Any]:
        """What the tap says, and no more."""
        told = self._facts
        is_cpu = told.get("device") == "CPU engine"
        share = told.get("gpu_memory_utilization")
        return {
            "phases": [],
            "model": str(told.get("model", "")),
            "device": str(told.get("device", "")),
            "machine": machine_name(),
            "dtype": str(told.get("dtype", "")),
            "versions": {str(k): str(v) for k, v in told.get("versions", {}).items()},
            "block_size": self.block_size,
            "num_blocks": self.num_blocks,
            "max_model_len": self.max_model_len,
            "max_output_tokens": None,
            "max_concurrent_requests": told["max_num_seqs"],
            "max_num_batched_tokens": told.get("max_num_batched_tokens"),
            "has_prefix_caching": bool(told.get("has_prefix_caching", True)),
            "kv_cache_bytes": told.get("kv_cache_bytes"),
            "gpu_memory_utilization": None if is_cpu else share,
        }

    async def nudge(self) -> None:
        """An idle engine stays idle."""

    async def beat(self) -> None:
        """It is not asked whether it answers."""

    def kill(self) -> None:
        """It is not ours."""

    async def abort(self, short_id: int) -> None:
        """Its requests are not ours."""

    def close(self) -> None:
        """Release the ring, and leave all as it is."""
        self.tap.close()


def _facts(directory: Path) -> dict[str, Any]:
    facts = read_facts(directory)
    if facts is None:
        raise TapError(f"No engine writes into {directory}.")
    for name in _SIZES:
        if type(facts.get(name)) is not int or facts[name] < 1:
            raise TapError(f"{directory} tells no {name}.")
    if Path(str(facts.get("ring", ""))).name != facts.get("ring"):
        raise TapError(f"{directory} names no ring.")
    return facts


class AddressedRun(AttachedRun):
    """Of an engine that is known by its address: no tap, no blocks."""

    def __init__(self, config: EngineConfig, number: int) -> None:
        self.config = config
        self.number = number
        self.started_at = time.time()
        self.llm = self.tokenizer = None
        self.is_tracing = False
        self.directory = config.data_dir
        self.split_path = config.data_dir / "no-memory.json"

    @property
    def is_dead(self) -> bool:
        """Whether it answers is asked elsewhere."""
        return False

    def close(self) -> None:
        """There is nothing to close."""
